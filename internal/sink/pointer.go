package sink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// PublishedTable is a table as published: _tables/<table>.json.
type PublishedTable struct {
	Version int    `json:"version"`
	Name    string `json:"table"`
	Kind    string `json:"kind"` // "demande", "reponses" or "rejets"
	// Columns is what the last lot's TableSpec said of them, as it said it; nil if it said nothing.
	Columns json.RawMessage `json:"columns,omitempty"`
	// Schema is the last lot's, a line a column: name, space, type.
	Schema []string `json:"schema"`
	Rows   int64    `json:"rows"`
	// Files are in the order in which they were published.
	Files []FileEntry `json:"files"`
}

// FileEntry is one Parquet file of a table.
type FileEntry struct {
	Path    string `json:"path"` // from the output's root, with slashes
	Lot     string `json:"lot"`
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"`  // hexadecimal
	Columns int    `json:"columns"` // how many the file has
}

func (f *recordFile) entry(lot string) FileEntry {
	return FileEntry{Path: f.Path, Lot: lot, Rows: f.Rows, Bytes: f.Bytes, SHA256: f.SHA256, Columns: len(f.Schema)}
}

// readPointer is a table's pointer, or nil if there is none.
func readPointer(ctx context.Context, in storage, table string) (*PublishedTable, error) {
	var pointer PublishedTable
	err := readJSON(ctx, in, pointerName(table), &pointer)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if pointer.Version != formatVersion || pointer.Name != table {
		return nil, fmt.Errorf("reading %s: it is of table %q, version %d", in.URI(pointerName(table)), pointer.Name, pointer.Version)
	}
	return &pointer, nil
}

// isPointed says whether the pointers name all files of a lot.
func isPointed(ctx context.Context, in storage, record *commitRecord) (bool, error) {
	for _, file := range record.Files {
		pointer, err := readPointer(ctx, in, file.Table)
		if err != nil {
			return false, err
		}
		if pointer == nil || !slices.Contains(pointer.Files, file.entry(record.Lot)) {
			return false, nil
		}
		manifest, err := readAll(ctx, in, manifestName(file.Table))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		if string(manifest) != pointer.manifest(in) {
			return false, nil
		}
	}
	return true, nil
}

// point makes the pointers name a published lot's files, writes the SQL anew, and ends the intent. Done twice it
// changes nothing. Only under the lock.
func point(ctx context.Context, in storage, record *commitRecord) error {
	for _, file := range record.Files {
		pointer, err := readPointer(ctx, in, file.Table)
		if err != nil {
			return err
		}
		if pointer == nil {
			if pointer, err = rebuild(ctx, in, file.Table); err != nil {
				return err
			}
		}
		pointer.add(record.Lot, &file)
		if err := writeJSON(ctx, in, pointerName(file.Table), record.Lot, pointer); err != nil {
			return err
		}
		if err := writeAll(ctx, in, manifestName(file.Table), record.Lot, []byte(pointer.manifest(in))); err != nil {
			return err
		}
	}
	if err := writeSQL(ctx, in, record.Lot); err != nil {
		return err
	}
	return endIntent(ctx, in, record.Lot)
}

// rebuild is a table's pointer made from the commit records, in the order in which the lots were sealed: for a table
// that is new, or whose pointer was lost.
func rebuild(ctx context.Context, in storage, table string) (*PublishedTable, error) {
	lots, err := stems(ctx, in, lotsFolder)
	if err != nil {
		return nil, err
	}
	var records []*commitRecord
	for _, lot := range lots {
		record, err := readRecord(ctx, in, lot)
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	slices.SortStableFunc(records, func(a, b *commitRecord) int { return a.SealedAt.Compare(b.SealedAt) })
	pointer := &PublishedTable{Version: formatVersion, Name: table}
	for _, record := range records {
		for _, file := range record.Files {
			if file.Table == table {
				pointer.add(record.Lot, &file)
			}
		}
	}
	return pointer, nil
}

// add puts a lot's file behind the others, or where it already is. Only a new file says what the columns are now.
func (t *PublishedTable) add(lot string, file *recordFile) {
	entry := file.entry(lot)
	at := slices.IndexFunc(t.Files, func(there FileEntry) bool { return there.Path == entry.Path })
	if at >= 0 {
		t.Files[at] = entry
	} else {
		t.Files = append(t.Files, entry)
		t.Kind, t.Columns, t.Schema = file.Kind, file.Columns, file.Schema
	}
	t.Rows = 0
	for _, there := range t.Files {
		t.Rows += there.Rows
	}
}

// manifest is _tables/<table>.files.
func (t *PublishedTable) manifest(in storage) string {
	var text strings.Builder
	for _, file := range t.Files {
		text.WriteString(in.URI(file.Path))
		text.WriteByte('\n')
	}
	return text.String()
}
