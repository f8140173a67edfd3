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
	Schema  []string        `json:"schema"` // a line a column: name, space, type
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
