package sink

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// TableFile is one live file of a table of demandes.
type TableFile struct {
	Table string
	Path  string // from the output's root, with slashes
	Of    string // the lot or the replacement that it came with
	Day   string // of all its rows, as 2026-11-23; "" for a compacted file, whose last column date_export has it
	Rows  int64
	Bytes int64
	// Columns are, by lot and then for all other lots, the columns that the rows were built with, as the TableSpecs said
	// them. For a file that is not compacted it is one, for all lots.
	Columns TableColumns

	file *recordFile
}

// TableColumns tells which columns a file's rows were built with. A compacted file has more where its sources had fewer.
type TableColumns struct {
	ByLot map[string]json.RawMessage // by _lot: those whose own files were compacted
	Else  []json.RawMessage          // of rows of other lots: one of these
}

// Content is what of an output Verify's deeper look compares: all of one moment.
type Content struct {
	Archive []ArchiveFile
	Tables  []TableFile // by day
}

// OpenToRead opens an output that is read and not changed, not even put right. The error is as Verify's.
func OpenToRead(ctx context.Context, uri string) (*Output, error) {
	storage, err := openToRead(ctx, uri)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", uri, err)
	}
	return &Output{storage: storage}, nil
}

// Content is what the output holds, as the records tell it.
func (o *Output) Content(ctx context.Context) (*Content, error) {
	unlock, err := o.storage.LockToRead(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	all, err := readRecords(ctx, o.storage)
	if err != nil {
		return nil, err
	}
	content := &Content{}
	sources := newSources(all)
	for _, file := range all.live() {
		switch {
		case file.Table == archiveTable:
			content.Archive = append(content.Archive, ArchiveFile{
				Path: file.Path, Lot: file.of, DateExport: file.day(), Compact: file.isCompact(), Rows: file.Rows, Bytes: file.Bytes,
			})
		case file.Kind == kindDemande:
			columns := TableColumns{ByLot: map[string]json.RawMessage{}}
			sources.columns(file.Path, &columns)
			content.Tables = append(content.Tables, TableFile{
				Table: file.Table, Path: file.Path, Of: file.of, Day: dayOf(file.Path), Rows: file.Rows, Bytes: file.Bytes,
				Columns: columns, file: file.recordFile,
			})
		}
	}
	return content, nil
}

// ReadTable reads a file of Content, by another Parquet implementation than the one that wrote it. A record is good until
// visit returns. A file that is not what its lot says is ErrDamaged; the visitor's error is returned as it is.
func (o *Output) ReadTable(ctx context.Context, file *TableFile, visit func(arrow.Record) error) error {
	return eachRecord(ctx, o.storage, file.file, visit)
}

// sources follows compacted files back to those that they were made of.
type sources struct {
	files map[string]publishedFile
	lots  map[string]bool     // which of the names are lots'
	made  map[string][]string // by table and replacement: what it replaced
}

func newSources(all *records) *sources {
	s := &sources{files: map[string]publishedFile{}, lots: map[string]bool{}, made: map[string][]string{}}
	for _, file := range all.files() {
		s.files[file.Path] = file
	}
	for _, record := range all.lots {
		for _, file := range record.Files {
			s.lots[file.Path] = true
		}
	}
	for _, record := range all.replacements {
		for table, paths := range record.Replaces {
			s.made[table+" "+record.Name] = paths
		}
	}
	return s
}

// columns adds those of the files that a file was made of.
func (s *sources) columns(path string, to *TableColumns) {
	file, known := s.files[path]
	switch {
	case !known: // of a lot whose record is lost, which Verify tells
	case file.isCompact():
		for _, source := range s.made[file.Table+" "+file.of] {
			s.columns(source, to)
		}
	case s.lots[path]:
		to.ByLot[file.of] = file.Columns
	default:
		for _, there := range to.Else {
			if string(there) == string(file.Columns) {
				return
			}
		}
		to.Else = append(to.Else, file.Columns)
	}
}
