package sink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// replacementRecord is _replacements/<name>.json: once it stands, each table that it names is the files that it names
// and those of later publications.
type replacementRecord struct {
	Version     int               `json:"version"`
	Name        string            `json:"replacement"`
	Mode        string            `json:"mode"`
	StartedAt   time.Time         `json:"started_at"`
	CommittedAt time.Time         `json:"committed_at"`
	RemoveAfter time.Time         `json:"remove_after"` // when what is replaced may go
	Files       []replacementFile `json:"files"`        // by table, day and part
	// Replaces is, by table, the files that these take the place of, of lots or of earlier replacements: all that the
	// table had, or those that were compacted.
	Replaces map[string][]string `json:"replaces"`
	// Descriptions are those of the files, as written; none when it has been read.
	Descriptions []tableDescription `json:"descriptions,omitempty"`
}

type replacementFile struct {
	recordFile
	DateExport string `json:"date_export"`         // a compacted file's: the last of its days
	Described  int    `json:"described,omitempty"` // which of the descriptions it has, from 1, as written
}

// check refuses a record whose names could lead out of the output.
func (r *replacementRecord) check(name string) error {
	if r.Version != formatVersion {
		return fmt.Errorf("its version is %d, this program knows %d", r.Version, formatVersion)
	}
	if r.Name != name {
		return fmt.Errorf("it speaks of replacement %q", r.Name)
	}
	if err := checkLot(name); err != nil {
		return err
	}
	own := map[string]bool{}
	for _, file := range r.Files {
		parts, ok := parseDataName(file.Path)
		if !ok || parts.table != file.Table || file.day() != file.DateExport || !parts.isOf(name) || own[file.Path] {
			return fmt.Errorf("it names a file %q of table %s", file.Path, file.Table)
		}
		if err := file.checkDays(); err != nil {
			return err
		}
		own[file.Path] = true
		if _, replaces := r.Replaces[file.Table]; !replaces {
			return fmt.Errorf("it adds a file to table %s, which it does not replace", file.Table)
		}
	}
	for table, paths := range r.Replaces {
		if err := checkTable(table); err != nil {
			return err
		}
		for _, path := range paths {
			if parts, ok := parseDataName(path); !ok || parts.table != table || own[path] {
				return fmt.Errorf("it replaces a file %q of table %s", path, table)
			}
		}
	}
	return nil
}

// readReplacement is a replacement's record; the error is fs.ErrNotExist if it did not happen.
func readReplacement(ctx context.Context, in storage, name string) (*replacementRecord, error) {
	var record replacementRecord
	if err := readJSON(ctx, in, replacementName(name), &record); err != nil {
		return nil, err
	}
	if err := record.check(name); err != nil {
		return nil, fmt.Errorf("reading %s: %w", in.URI(replacementName(name)), err)
	}
	return &record, nil
}

func readReplacements(ctx context.Context, in storage) ([]*replacementRecord, error) {
	names, err := stems(ctx, in, replacementsFolder)
	if err != nil {
		return nil, err
	}
	var records []*replacementRecord
	for _, name := range names {
		record, err := readReplacement(ctx, in, name)
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, nil
}

// replacedBy is, by path, the replacement that took a file's place.
func replacedBy(records []*replacementRecord) map[string]*replacementRecord {
	replaced := map[string]*replacementRecord{}
	for _, record := range records {
		for _, paths := range record.Replaces {
			for _, path := range paths {
				replaced[path] = record
			}
		}
	}
	return replaced
}

// dayOf is the day of a data file's partition, "" for a compacted file.
func dayOf(path string) string {
	parts, _ := parseDataName(path)
	return parts.date
}

// byDayAndPart is the order of a replacement's files: the parts of a day as they were begun.
func byDayAndPart(a, b replacementFile) int {
	if byTable := strings.Compare(a.Table, b.Table); byTable != 0 {
		return byTable
	}
	if byDay := strings.Compare(a.DateExport, b.DateExport); byDay != 0 {
		return byDay
	}
	return partOf(a.Path) - partOf(b.Path)
}

func partOf(path string) int {
	parts, _ := parseDataName(path)
	_, part, _ := strings.Cut(parts.stem, "_")
	number, _ := strconv.Atoi(part)
	return number
}

// replacementNote is _lots/.replacement: which replacement's files may stand though no record names them. It is
// written before the first of them and removed when the replacement has ended; if it is found while nobody holds the
// lock of replacements, the process was killed.
type replacementNote struct {
	Name string `json:"replacement"`
	Mode string `json:"mode"`
}

// readReplacementNote is the note, or nil.
func readReplacementNote(ctx context.Context, in storage) (*replacementNote, error) {
	var note replacementNote
	err := readJSON(ctx, in, replacementNoteName, &note)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = checkLot(note.Name)
	}
	if err != nil {
		return nil, err
	}
	return &note, nil
}
