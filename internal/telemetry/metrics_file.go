package telemetry

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// MetricsFile is a file for the textfile collector of Prometheus's node_exporter.
type MetricsFile struct{ path string }

// NewMetricsFile names the file. The collector reads only names that end in .prom, so another is refused, and so is a folder
// that is not there.
func NewMetricsFile(path string) (*MetricsFile, error) {
	if filepath.Ext(path) != ".prom" {
		return nil, fmt.Errorf("%s: the collector reads only files whose names end in .prom", path)
	}
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if !folder.IsDir() {
		return nil, fmt.Errorf("%s is no folder", filepath.Dir(path))
	}
	return &MetricsFile{path}, nil
}

// Success is the last success that the file tells of: it must outlive the runs that fail, also those that cannot open
// their ledger. Zero: none is known.
func (f *MetricsFile) Success() time.Time {
	file, err := os.Open(f.path)
	if err != nil {
		return time.Time{}
	}
	defer file.Close()
	return ReadSuccess(file)
}

// Write puts the snapshot in the place of the file: whoever reads sees the old one whole or the new one whole. The
// collector runs as a user of its own, so everybody may read the file (0644); it holds counts only.
func (f *MetricsFile) Write(s Snapshot) error {
	text, err := Metrics(s)
	if err != nil {
		return err
	}
	// The name aside must not end in .prom, lest it be read half written.
	aside, err := os.CreateTemp(filepath.Dir(f.path), "."+filepath.Base(f.path)+".*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	defer os.Remove(aside.Name()) // no effect once renamed
	_, err = aside.Write(text)
	err = errors.Join(err, aside.Chmod(0o644))
	if err == nil {
		err = aside.Sync()
	}
	err = errors.Join(err, aside.Close())
	if err == nil {
		err = os.Rename(aside.Name(), f.path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	return nil
}
