package sink

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
)

// checkPointers holds the tables' pointers, manifests and SQL against the lots.
func (v *verifier) checkPointers(ctx context.Context) error {
	named := map[string]*recordFile{} // by path
	lotOf := map[string]string{}
	for _, record := range v.records {
		for i := range record.Files {
			named[record.Files[i].Path] = &record.Files[i]
			lotOf[record.Files[i].Path] = record.Lot
		}
	}
	pointed := map[string]bool{}
	for _, pointer := range v.pointers {
		name := pointerName(pointer.Name)
		rows := int64(0)
		for i, entry := range pointer.Files {
			rows += entry.Rows
			file := named[entry.Path]
			switch {
			case file == nil:
				v.problem(name, entry.Lot, "it names %s, which is in no lot", entry.Path)
				continue
			case pointed[entry.Path]:
				v.problem(name, entry.Lot, "it names %s twice", entry.Path)
			case file.Table != pointer.Name || file.entry(lotOf[entry.Path]) != entry:
				v.problem(name, entry.Lot, "what it says of %s is not what the lot says", entry.Path)
			}
			pointed[entry.Path] = true
			if last := i == len(pointer.Files)-1; last && !pointer.describes(file) {
				v.problem(name, entry.Lot, "its columns are not those of the last lot")
			}
		}
		if rows != pointer.Rows {
			v.problem(name, "", "it says %d rows, its files have %d", pointer.Rows, rows)
		}
		if err := v.checkText(ctx, manifestName(pointer.Name), pointer.manifest(v.storage)); err != nil {
			return err
		}
	}
	for _, record := range v.records {
		for _, file := range record.Files {
			if !pointed[file.Path] {
				v.problem(pointerName(file.Table), record.Lot, "it does not name %s; run again to put it right", file.Path)
			}
		}
	}
	if len(v.pointers) == 0 {
		return nil
	}
	return v.checkText(ctx, duckdbName, duckdbSQL(v.storage, v.pointers))
}

// describes says whether the pointer's columns are those of a file.
func (t *PublishedTable) describes(file *recordFile) bool {
	return t.Kind == file.Kind && bytes.Equal(t.Columns, file.Columns) && slices.Equal(t.Schema, file.Schema)
}

// checkText holds a file that follows from the pointers against what it should be.
func (v *verifier) checkText(ctx context.Context, name, want string) error {
	there, err := readAll(ctx, v.storage, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.problem(name, "", "lost: there is no such file; the next lot writes it anew")
	case err != nil:
		return err
	case string(there) != want:
		v.problem(name, "", "it does not follow from the pointers (was the output moved?); the next lot writes it anew")
	}
	return nil
}
