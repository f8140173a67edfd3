package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// formatVersion is that of the commit records and of the pointers.
const formatVersion = 1

// commitRecord is _lots/<lot>.json: once it stands, the lot is published.
type commitRecord struct {
	Version    int          `json:"version"`
	Lot        string       `json:"lot"`
	Mode       string       `json:"mode"`
	SealedAt   time.Time    `json:"sealed_at"`
	DateExport string       `json:"date_export"`
	Files      []recordFile `json:"files"` // by path
}

type recordFile struct {
	Path    string          `json:"path"` // from the output's root, with slashes
	Table   string          `json:"table"`
	Kind    string          `json:"kind"`
	Rows    int64           `json:"rows"`
	Bytes   int64           `json:"bytes"`
	SHA256  string          `json:"sha256"`
	CRC32C  uint32          `json:"crc32c"`
	Columns json.RawMessage `json:"columns,omitempty"`
	Schema  []string        `json:"schema,omitempty"` // a line a column: name, space, type
	// From and To are the first and the last day of a compacted file's rows, which have theirs in the last column,
	// date_export. Empty for others.
	From string `json:"date_from,omitempty"`
	To   string `json:"date_to,omitempty"`
}

func (f *recordFile) isCompact() bool { return f.To != "" }

// day is the partition's, or a compacted file's last.
func (f *recordFile) day() string {
	if f.isCompact() {
		return f.To
	}
	return dayOf(f.Path)
}

// tableSchema is the lines of the table's own columns.
func (f *recordFile) tableSchema() []string {
	if f.isCompact() && len(f.Schema) > 0 {
		return f.Schema[:len(f.Schema)-1]
	}
	return f.Schema
}

// checkDays holds the days against the file's name.
func (f *recordFile) checkDays() error {
	parts, _ := parseDataName(f.Path)
	if parts.isCompact() != f.isCompact() {
		return fmt.Errorf("it gives %s days %q to %q", f.Path, f.From, f.To)
	}
	if !f.isCompact() {
		return nil
	}
	if err := checkDate(f.From); err != nil {
		return err
	}
	if err := checkDate(f.To); err != nil {
		return err
	}
	if f.From > f.To || len(f.Schema) < 2 || f.Schema[len(f.Schema)-1] != dayLine {
		return fmt.Errorf("it gives %s days %q to %q", f.Path, f.From, f.To)
	}
	return nil
}

// check refuses a record whose names could lead out of the output.
func (r *commitRecord) check(lot string) error {
	if r.Version != formatVersion {
		return fmt.Errorf("its version is %d, this program knows %d", r.Version, formatVersion)
	}
	if r.Lot != lot {
		return fmt.Errorf("it speaks of lot %q", r.Lot)
	}
	if err := checkDate(r.DateExport); err != nil {
		return err
	}
	for _, file := range r.Files {
		if err := checkTable(file.Table); err != nil {
			return err
		}
		if file.Path != dataName(file.Table, r.DateExport, lot) {
			return fmt.Errorf("it names a file %q of table %s", file.Path, file.Table)
		}
		if err := file.checkDays(); err != nil {
			return err
		}
	}
	return nil
}

// readRecord is a lot's commit record; the error is fs.ErrNotExist if the lot is not published.
func readRecord(ctx context.Context, in storage, lot string) (*commitRecord, error) {
	var record commitRecord
	if err := readJSON(ctx, in, recordName(lot), &record); err != nil {
		return nil, err
	}
	if err := record.check(lot); err != nil {
		return nil, fmt.Errorf("reading %s: %w", in.URI(recordName(lot)), err)
	}
	return &record, nil
}

func readJSON(ctx context.Context, in storage, name string, into any) error {
	content, err := readAll(ctx, in, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("reading %s: %w", in.URI(name), err)
	}
	return nil
}

func writeJSON(ctx context.Context, in storage, name, lot string, value any) error {
	content, err := encodeJSON(value)
	if err != nil {
		return fmt.Errorf("writing %s: %w", in.URI(name), err)
	}
	return writeAll(ctx, in, name, lot, content)
}

// encodeJSON leaves < and & as they are, so that columns come back byte for byte.
func encodeJSON(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}
