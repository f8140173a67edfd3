package sink

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
)

// checkPointers holds the tables' pointers, manifests and SQL against the records.
func (v *verifier) checkPointers(ctx context.Context) error {
	live := map[string]publishedFile{} // by path
	for _, file := range v.records.live() {
		live[file.Path] = file
	}
	pointed := map[string]bool{}
	for _, pointer := range v.pointers {
		v.checkPointer(pointer, live, pointed)
		if err := v.checkText(ctx, manifestName(pointer.Name), pointer.manifest(v.storage)); err != nil {
			return err
		}
		for _, half := range pointer.halves() {
			if err := v.checkText(ctx, half.name, manifestOf(v.storage, half.files)); err != nil {
				return err
			}
		}
	}
	for _, file := range v.records.live() {
		if !pointed[file.Path] {
			v.problem(pointerName(file.Table), file.of, "it does not name %s; run again to put it right", file.Path)
		}
	}
	if len(v.pointers) == 0 {
		return nil
	}
	if err := v.checkText(ctx, duckdbName, duckdbSQL(v.storage, v.pointers)); err != nil {
		return err
	}
	return v.checkText(ctx, bigqueryName, bigquerySQL(v.storage, v.pointers))
}

// checkPointer notes in pointed what the pointer names.
func (v *verifier) checkPointer(pointer *PublishedTable, live map[string]publishedFile, pointed map[string]bool) {
	name := pointerName(pointer.Name)
	replaced := replacedBy(v.records.replacements)
	rows := int64(0)
	describing := pointer.describing()
	for i, entry := range pointer.Files {
		rows += entry.Rows
		file, ok := live[entry.Path]
		switch {
		case !ok && replaced[entry.Path] != nil:
			v.problem(name, entry.Lot, "it names %s, which was replaced; run again to put it right", entry.Path)
			continue
		case !ok:
			v.problem(name, entry.Lot, "it names %s, which is in no lot", entry.Path)
			continue
		case pointed[entry.Path]:
			v.problem(name, entry.Lot, "it names %s twice", entry.Path)
		case file.Table != pointer.Name || file.entry() != entry:
			v.problem(name, entry.Lot, "what it says of %s is not what the lot says", entry.Path)
		}
		pointed[entry.Path] = true
		if i == describing && !pointer.describes(file.recordFile) {
			v.problem(name, entry.Lot, "its columns are not those of the last file that has the most")
		}
	}
	if rows != pointer.Rows {
		v.problem(name, "", "it says %d rows, its files have %d", pointer.Rows, rows)
	}
}

// describes says whether the pointer's columns are those of a file.
func (t *PublishedTable) describes(file *recordFile) bool {
	return t.Kind == file.Kind && bytes.Equal(t.Columns, file.Columns) && slices.Equal(t.Schema, file.tableSchema())
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
