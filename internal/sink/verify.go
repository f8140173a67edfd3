package sink

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// VerifyOptions are what Verify may be told.
type VerifyOptions struct {
	// Progress, if set, is called after each file, from the goroutine that called Verify.
	Progress func(done, total int, file string)
}

// VerifyReport is what Verify found.
type VerifyReport struct {
	Output   string          `json:"output"`
	Mode     string          `json:"mode"` // "reel", "simule", or "" if nothing is published
	Lots     int             `json:"lots"`
	Files    int             `json:"files"`
	Rows     int64           `json:"rows"`
	Bytes    int64           `json:"bytes"`
	Tables   []VerifiedTable `json:"tables"`
	Problems []Problem       `json:"problems"`
}

// VerifiedTable is what a table's lots say of it.
type VerifiedTable struct {
	Name  string `json:"table"`
	Kind  string `json:"kind"`
	Files int    `json:"files"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
}

// Problem is one thing that is not as the lots say.
type Problem struct {
	File    string `json:"file"`          // from the output's root, with slashes
	Lot     string `json:"lot,omitempty"` // "" where no lot names the file
	Problem string `json:"problem"`
}

// OK says whether there is no problem.
func (r *VerifyReport) OK() bool { return len(r.Problems) == 0 }

// Verify reads every published file whole, with another Parquet implementation than the one that wrote it, and holds it
// against its lot: bytes, checksums, schema, rows. It also finds files that no lot names, and pointers that say
// something else than the lots. It changes nothing, and waits while a lot is being published. The error says why the verification could not be done; what is
// wrong with the output is in the report.
func Verify(ctx context.Context, uri string, options VerifyOptions) (VerifyReport, error) {
	root, err := localRoot(uri)
	if err != nil {
		return VerifyReport{}, err
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return VerifyReport{}, fmt.Errorf("verifying %s: there is no such folder", root)
	}
	v := &verifier{
		storage: &local{root: root},
		report:  VerifyReport{Output: root, Tables: []VerifiedTable{}, Problems: []Problem{}},
	}
	if err := v.run(ctx, options); err != nil {
		return v.report, fmt.Errorf("verifying %s: %w", root, err)
	}
	return v.report, nil
}

// verifier holds one verification. What it knows of the output was read at one moment, under the lock, so that a
// publication that goes on meanwhile is not taken for damage.
type verifier struct {
	storage  storage
	report   VerifyReport
	records  []*commitRecord
	pointers []*PublishedTable
	parquet  []string // every file that looks like data
	pending  *intent
}

func (v *verifier) problem(file, lot, format string, args ...any) {
	v.report.Problems = append(v.report.Problems, Problem{File: file, Lot: lot, Problem: fmt.Sprintf(format, args...)})
}

func (v *verifier) run(ctx context.Context, options VerifyOptions) error {
	if err := v.look(ctx); err != nil {
		return err
	}
	v.count()
	if v.pending != nil {
		v.problem(intentName, v.pending.Lot, "the publication of the lot was cut short; run again to end it")
	}
	v.foreign()
	if err := v.checkPointers(ctx); err != nil {
		return err
	}
	done := 0
	for _, record := range v.records {
		for i := range record.Files {
			file := &record.Files[i]
			found, err := checkFile(ctx, v.storage, file)
			if err != nil {
				return err
			}
			if found != "" {
				v.problem(file.Path, record.Lot, "%s", found)
			}
			if done++; options.Progress != nil {
				options.Progress(done, v.report.Files, file.Path)
			}
		}
	}
	return nil
}

// look reads the records, the pointers and the names.
func (v *verifier) look(ctx context.Context) error {
	unlock, err := lockIfPossible(ctx, v.storage)
	if err != nil {
		return err
	}
	defer unlock()
	if v.pending, err = readIntent(ctx, v.storage); err != nil {
		v.problem(intentName, "", "cannot be read: %v", err)
	}
	lots, err := stems(ctx, v.storage, lotsFolder)
	if err != nil {
		return err
	}
	for _, lot := range lots {
		record, err := readRecord(ctx, v.storage, lot)
		if err != nil {
			v.problem(recordName(lot), lot, "damaged commit record: %v", err)
			continue
		}
		v.records = append(v.records, record)
	}
	tables, err := stems(ctx, v.storage, tablesFolder)
	if err != nil {
		return err
	}
	for _, table := range tables {
		pointer, err := readPointer(ctx, v.storage, table)
		if err != nil {
			v.problem(pointerName(table), "", "damaged pointer: %v", err)
			continue
		}
		v.pointers = append(v.pointers, pointer)
	}
	names, err := v.storage.List(ctx, "")
	if err != nil {
		return err
	}
	for _, name := range names {
		folder, _, _ := strings.Cut(name, "/")
		if strings.HasSuffix(name, ".parquet") && folder != lotsFolder && folder != tablesFolder && folder != sqlFolder {
			v.parquet = append(v.parquet, name)
		}
	}
	return nil
}

// lockIfPossible does without the lock where this user may only read: a folder laid open to readers.
func lockIfPossible(ctx context.Context, in storage) (func(), error) {
	if _, err := os.Stat(in.URI(lockName)); err != nil {
		return func() {}, nil
	}
	unlock, err := in.Lock(ctx)
	if err != nil && ctx.Err() == nil {
		return func() {}, nil
	}
	return unlock, err
}

// count fills the report with what the records say.
func (v *verifier) count() {
	at := map[string]int{}
	for _, record := range v.records {
		if v.report.Mode == "" {
			v.report.Mode = record.Mode
		}
		if record.Mode != v.report.Mode {
			v.problem(recordName(record.Lot), record.Lot, "its mode is %s, that of other lots %s", record.Mode, v.report.Mode)
		}
		v.report.Lots++
		for _, file := range record.Files {
			i, known := at[file.Table]
			if !known {
				i = len(v.report.Tables)
				at[file.Table] = i
				v.report.Tables = append(v.report.Tables, VerifiedTable{Name: file.Table, Kind: file.Kind})
			}
			table := &v.report.Tables[i]
			table.Files, table.Rows, table.Bytes = table.Files+1, table.Rows+file.Rows, table.Bytes+file.Bytes
			v.report.Files, v.report.Rows, v.report.Bytes = v.report.Files+1, v.report.Rows+file.Rows, v.report.Bytes+file.Bytes
		}
	}
}

// foreign finds the data files that no lot names.
func (v *verifier) foreign() {
	named := map[string]bool{}
	for _, record := range v.records {
		for _, file := range record.Files {
			named[file.Path] = true
		}
	}
	for _, name := range v.parquet {
		switch {
		case named[name]:
		case v.pending != nil && strings.HasSuffix(name, "/"+v.pending.Lot+".parquet"):
			v.problem(name, v.pending.Lot, "foreign: its lot is half published")
		default:
			v.problem(name, "", "foreign: no lot names it, yet a reader that globs sees it")
		}
	}
}
