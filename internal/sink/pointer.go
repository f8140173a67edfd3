package sink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// PublishedTable is a table as published: _tables/<table>.json.
type PublishedTable struct {
	Version int    `json:"version"`
	Name    string `json:"table"`
	Kind    string `json:"kind"` // "demande", "reponses" or "rejets"
	// Columns is what the TableSpec of the describing file said of them, as it said it; nil if it said nothing. The
	// describing file is the last of those with the most columns.
	Columns json.RawMessage `json:"columns,omitempty"`
	// Schema is that of the same file, a line a column: name, space, type.
	Schema []string `json:"schema"`
	Rows   int64    `json:"rows"`
	// Files are by day, a compacted one by its last, and within one in the order in which they were published.
	Files []FileEntry `json:"files"`
}

// FileEntry is one Parquet file of a table.
type FileEntry struct {
	Path    string `json:"path"` // from the output's root, with slashes
	Lot     string `json:"lot"`  // or the replacement that it came with
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"`  // hexadecimal
	Columns int    `json:"columns"` // how many of the table's the file has
	// From and To are the first and the last day of the rows of a compacted file, which has their day in a column
	// date_export behind the table's. Empty for others, whose day is their folder's.
	From string `json:"date_from,omitempty"`
	To   string `json:"date_to,omitempty"`
}

// IsCompact says whether the file was made of files of several nights.
func (e *FileEntry) IsCompact() bool { return e.To != "" }

func (e *FileEntry) day() string {
	if e.IsCompact() {
		return e.To
	}
	return dayOf(e.Path)
}

func (f *recordFile) entry(lot string) FileEntry {
	return FileEntry{
		Path: f.Path, Lot: lot, Rows: f.Rows, Bytes: f.Bytes, SHA256: f.SHA256, Columns: len(f.tableSchema()),
		From: f.From, To: f.To,
	}
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

// isPointed says whether the pointers name all files of a lot that are not replaced.
func isPointed(ctx context.Context, in storage, record *commitRecord) (bool, error) {
	replacements, err := readReplacements(ctx, in)
	if err != nil {
		return false, err
	}
	replaced := replacedBy(replacements)
	for _, file := range record.Files {
		if replaced[file.Path] != nil {
			continue
		}
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
	replacements, err := readReplacements(ctx, in)
	if err != nil {
		return err
	}
	replaced := replacedBy(replacements)
	for _, file := range record.Files {
		if replaced[file.Path] != nil {
			continue
		}
		pointer, err := readPointer(ctx, in, file.Table)
		if err != nil {
			return err
		}
		if pointer == nil {
			all, err := readRecords(ctx, in)
			if err != nil {
				return err
			}
			pointer = rebuild(file.Table, all)
		}
		pointer.add(record.Lot, &file)
		if err := pointer.write(ctx, in, record.Lot); err != nil {
			return err
		}
	}
	if err := writeSQL(ctx, in, record.Lot); err != nil {
		return err
	}
	return endIntent(ctx, in, intentOfLot, record.Lot)
}

// pointReplacement makes the pointers name a replacement's files instead of those that it replaces, writes the SQL
// anew, notes what is now superseded, and ends the intent. Done twice it changes nothing. Only under the lock.
func pointReplacement(ctx context.Context, in storage, record *replacementRecord) error {
	all, err := readRecords(ctx, in)
	if err != nil {
		return err
	}
	for _, table := range slices.Sorted(maps.Keys(record.Replaces)) {
		pointer := rebuild(table, all)
		if len(pointer.Files) == 0 {
			if err := erasePointer(ctx, in, table); err != nil {
				return err
			}
			continue
		}
		if err := pointer.write(ctx, in, record.Name); err != nil {
			return err
		}
		if len(pointer.halves()) > 0 {
			continue
		}
		if err := in.Erase(ctx, []string{compactName(table), nightsName(table)}); err != nil {
			return err
		}
	}
	if err := writeSQL(ctx, in, record.Name); err != nil {
		return err
	}
	if err := supersede(ctx, in, record); err != nil {
		return err
	}
	return endIntent(ctx, in, intentOfReplacement, record.Name)
}

// erasePointer ends a table that has no row left: what reads no file could not even tell its columns. Its manifests go
// first, so that a pointer that stands has them.
func erasePointer(ctx context.Context, in storage, table string) error {
	if err := in.Erase(ctx, []string{manifestName(table), compactName(table), nightsName(table)}); err != nil {
		return err
	}
	return in.Erase(ctx, []string{pointerName(table)})
}

// rebuild is a table's pointer made from the records: for a table that is new, that was replaced, or whose pointer was
// lost.
func rebuild(table string, all *records) *PublishedTable {
	pointer := &PublishedTable{Version: formatVersion, Name: table}
	for _, file := range all.live() {
		if file.Table == table {
			pointer.add(file.of, file.recordFile)
		}
	}
	return pointer
}

// add puts a publication's file behind the others of its day, or where it already is.
func (t *PublishedTable) add(of string, file *recordFile) {
	entry := file.entry(of)
	at := slices.IndexFunc(t.Files, func(there FileEntry) bool { return there.Path == entry.Path })
	if at >= 0 {
		t.Files[at] = entry
	} else {
		day := entry.day()
		at = len(t.Files)
		for at > 0 && t.Files[at-1].day() > day {
			at--
		}
		t.Files = slices.Insert(t.Files, at, entry)
		if at == t.describing() {
			t.Kind, t.Columns, t.Schema = file.Kind, file.Columns, file.tableSchema()
		}
	}
	t.Rows = 0
	for _, there := range t.Files {
		t.Rows += there.Rows
	}
}

// describing is the file whose columns are the table's. A file with fewer does not forget those of the others: it may
// have been begun before a replacement that added some, and published after it.
func (t *PublishedTable) describing() int {
	describing := -1
	for i, file := range t.Files {
		if describing < 0 || file.Columns >= t.Files[describing].Columns {
			describing = i
		}
	}
	return describing
}

// write publishes the pointer and its manifests.
func (t *PublishedTable) write(ctx context.Context, in storage, of string) error {
	if err := writeJSON(ctx, in, pointerName(t.Name), of, t); err != nil {
		return err
	}
	if err := writeAll(ctx, in, manifestName(t.Name), of, []byte(t.manifest(in))); err != nil {
		return err
	}
	for _, half := range t.halves() {
		if err := writeAll(ctx, in, half.name, of, []byte(manifestOf(in, half.files))); err != nil {
			return err
		}
	}
	return nil
}

// manifest is _tables/<table>.files.
func (t *PublishedTable) manifest(in storage) string { return manifestOf(in, t.Files) }

func manifestOf(in storage, files []FileEntry) string {
	var text strings.Builder
	for _, file := range files {
		text.WriteString(in.URI(file.Path))
		text.WriteByte('\n')
	}
	return text.String()
}

// split parts the files that have their day in a column from those that have it from their folder.
func (t *PublishedTable) split() (nights, compacted []FileEntry) {
	for _, file := range t.Files {
		if file.IsCompact() {
			compacted = append(compacted, file)
		} else {
			nights = append(nights, file)
		}
	}
	return nights, compacted
}

// half is one of the two manifests of a table that has compacted files, for readers that take the two sorts apart.
type half struct {
	name  string
	files []FileEntry
}

// halves are the two, of which a table without compacted files has none. A reader that was made before there were any
// reads the whole manifest, and is then refused for the compacted files in it: better than to miss their rows. The
// compacted half goes first: between the two writes rows of a compaction are there twice rather than not at all.
func (t *PublishedTable) halves() []half {
	nights, compacted := t.split()
	if len(compacted) == 0 {
		return nil
	}
	return []half{{compactName(t.Name), compacted}, {nightsName(t.Name), nights}}
}
