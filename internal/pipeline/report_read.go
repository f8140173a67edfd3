package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxReport bounds what is read as a report: those of the longest runs have some 100 kB.
const maxReport = 64 << 20

// ErrNoReport says that what was read is no run report, or one of a newer program.
var ErrNoReport = errors.New("this is no run report")

// ReadReport reads a run report, of this version or an older one, whose newer parts then are empty. The error wraps
// ErrNoReport, or is the reader's.
func ReadReport(from io.Reader) (Report, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxReport+1))
	switch {
	case err != nil:
		return Report{}, err
	case len(text) > maxReport:
		return Report{}, fmt.Errorf("%w: it is longer than %d MiB", ErrNoReport, maxReport>>20)
	}
	var kind struct {
		Version int              `json:"version"`
		Counts  *json.RawMessage `json:"counts"`
		Replay  *json.RawMessage `json:"replay"`
	}
	if err := json.Unmarshal(text, &kind); err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrNoReport, err)
	}
	switch {
	case kind.Replay != nil:
		return Report{}, fmt.Errorf("%w but a replay's", ErrNoReport)
	case kind.Version < 1 || kind.Counts == nil:
		return Report{}, fmt.Errorf("%w: it has no version and no counts", ErrNoReport)
	case kind.Version > ReportVersion:
		return Report{}, fmt.Errorf("%w that this program knows: its version is %d, the newest known is %d", ErrNoReport, kind.Version, ReportVersion)
	}
	var read Report
	if err := json.Unmarshal(text, &read); err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrNoReport, err)
	}
	if err := read.Notes.Check(); err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrNoReport, err)
	}
	for name, table := range read.Tables {
		if table == nil {
			read.Tables[name] = &TableCounts{}
		}
	}
	return read, nil
}
