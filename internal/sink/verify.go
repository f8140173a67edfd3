package sink

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// VerifyOptions are what Verify may be told.
type VerifyOptions struct {
	// Progress, if set, is called after each file, from the goroutine that called Verify.
	Progress func(done, total int, file string)
}

// VerifyReport is what Verify found.
type VerifyReport struct {
	Output       string `json:"output"`
	Mode         string `json:"mode"` // "reel", "simule", or "" if nothing is published
	Lots         int    `json:"lots"`
	Replacements int    `json:"replacements"`
	// Files, Rows and Bytes leave out what was replaced.
	Files    int             `json:"files"`
	Rows     int64           `json:"rows"`
	Bytes    int64           `json:"bytes"`
	Tables   []VerifiedTable `json:"tables"`
	Problems []Problem       `json:"problems"`
	// Left is no damage: the next commands that write there end it or remove it.
	Left []Left `json:"left"`
}

// VerifiedTable is what a table's lots and replacements say of it.
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
	Lot     string `json:"lot,omitempty"` // or replacement; "" where none names the file
	Problem string `json:"problem"`
}

// OK says whether there is no problem.
func (r *VerifyReport) OK() bool { return len(r.Problems) == 0 }

// Verify reads every published file whole, with another Parquet implementation than the one that wrote it, and holds it
// against its lot or replacement: bytes, checksums, schema, rows. It also finds files that neither names, and pointers
// that say something else. What a killed publication left is told apart, unless it should have been removed by now. A file that was replaced may stand or be gone, and is not read. It changes nothing, and waits
// while a lot is being published, though not for a replacement, whose new files it leaves alone. The error says why the
// verification could not be done; what is wrong with the output is in the report.
func Verify(ctx context.Context, uri string, options VerifyOptions) (VerifyReport, error) {
	return verifyAt(ctx, uri, options, time.Now())
}

func verifyAt(ctx context.Context, uri string, options VerifyOptions, now time.Time) (VerifyReport, error) {
	storage, err := openToRead(ctx, uri)
	if err != nil {
		return VerifyReport{}, fmt.Errorf("verifying %s: %w", uri, err)
	}
	v := &verifier{
		storage: storage, now: now, unreadable: map[string]bool{},
		report: VerifyReport{Output: storage.URI(""), Tables: []VerifiedTable{}, Problems: []Problem{}, Left: []Left{}},
	}
	if err := v.run(ctx, options); err != nil {
		return v.report, fmt.Errorf("verifying %s: %w", storage.URI(""), err)
	}
	return v.report, nil
}

// verifier holds one verification. What it knows of the output was read at one moment, under the lock, so that a
// publication that goes on meanwhile is not taken for damage.
type verifier struct {
	storage    storage
	now        time.Time
	report     VerifyReport
	records    records
	unreadable map[string]bool // records that stand and cannot be read, by name
	pointers   []*PublishedTable
	parquet    []dated // every file that looks like data
	pending    *intent
	note       *replacementNote
	alive      bool // somebody holds the lock of replacements
}

func (v *verifier) problem(file, lot, format string, args ...any) {
	v.report.Problems = append(v.report.Problems, Problem{File: file, Lot: lot, Problem: fmt.Sprintf(format, args...)})
}

func (v *verifier) run(ctx context.Context, options VerifyOptions) error {
	if err := v.look(ctx); err != nil {
		return err
	}
	v.count()
	v.cutShort()
	v.unnamed()
	if err := v.checkPointers(ctx); err != nil {
		return err
	}
	for done, file := range v.records.live() {
		found, err := checkFile(ctx, v.storage, file.recordFile)
		if err != nil {
			return err
		}
		if found != "" {
			v.problem(file.Path, file.of, "%s", found)
		}
		if options.Progress != nil {
			options.Progress(done+1, v.report.Files, file.Path)
		}
	}
	return nil
}

// look reads the records, the pointers and the names.
func (v *verifier) look(ctx context.Context) error {
	unlock, err := v.storage.LockToRead(ctx)
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
			v.unreadable[recordName(lot)] = true
			v.problem(recordName(lot), lot, "damaged commit record: %v", err)
			continue
		}
		v.records.lots = append(v.records.lots, record)
	}
	if err := v.lookAtReplacements(ctx); err != nil {
		return err
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
	v.parquet, err = v.storage.Dated(ctx, "")
	v.parquet = slices.DeleteFunc(v.parquet, func(file dated) bool { return !looksLikeData(file.name) })
	return err
}

func (v *verifier) lookAtReplacements(ctx context.Context) error {
	names, err := stems(ctx, v.storage, replacementsFolder)
	if err != nil {
		return err
	}
	for _, name := range names {
		record, err := readReplacement(ctx, v.storage, name)
		if err != nil {
			v.unreadable[replacementName(name)] = true
			v.problem(replacementName(name), name, "damaged record of a replacement: %v", err)
			continue
		}
		v.records.replacements = append(v.records.replacements, record)
	}
	if v.note, err = readReplacementNote(ctx, v.storage); err != nil {
		v.problem(replacementNoteName, "", "cannot be read: %v", err)
	}
	if v.note == nil {
		return nil
	}
	v.alive = v.storage.Locked(ctx, replacingName)
	return nil
}

// count fills the report with what the records say.
func (v *verifier) count() {
	for _, record := range v.records.lots {
		v.countMode(recordName(record.Lot), record.Lot, record.Mode)
	}
	for _, record := range v.records.replacements {
		v.countMode(replacementName(record.Name), record.Name, record.Mode)
	}
	v.report.Lots, v.report.Replacements = len(v.records.lots), len(v.records.replacements)
	at := map[string]int{}
	for _, file := range v.records.live() {
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

func (v *verifier) countMode(file, of, mode string) {
	if v.report.Mode == "" {
		v.report.Mode = mode
	}
	if mode != v.report.Mode {
		v.problem(file, of, "its mode is %s, that of other lots %s", mode, v.report.Mode)
	}
}
