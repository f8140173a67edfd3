package sink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// ForgetOptions are what Forget is told.
type ForgetOptions struct {
	Name string // as ReplacementInfo.Name
	Mode string // "reel" or "simule": that of the output
	// Holds says whether a number is to be forgotten. It may be called from several goroutines.
	Holds func(numero string) bool
	// Grace is as ReplacementInfo.Grace, and holds for the files that earlier replacements left too.
	Grace time.Duration
	// DryRun looks and changes nothing.
	DryRun bool
	// Progress, if set, is called after each file that was looked at, one call at a time.
	Progress func(done, total int)
}

// ForgetReport is what Forget did, or would do.
type ForgetReport struct {
	Tables []ForgottenTable `json:"tables"` // those that had rows of the numbers
	// Removed is how many files with such rows went at once: replaced ones, and those of lots cut short.
	Removed int `json:"files_removed"`
	// Waiting are the replaced files that still stand and have such rows.
	Waiting []WaitingFile `json:"waiting"`
	// Rows is how many rows each number had in the tables; in waiting and removed files it has at least none: a number
	// that has no key was found nowhere.
	Rows map[string]int64 `json:"-"`
}

// ForgottenTable is what a table lost.
type ForgottenTable struct {
	Name           string `json:"table"`
	Rows           int64  `json:"rows"`
	FilesRewritten int    `json:"files_rewritten"`
	FilesEmptied   int    `json:"files_emptied"` // that had no other row, and have no successor
}

// WaitingFile is a replaced file that is kept for readers that have begun.
type WaitingFile struct {
	Path        string    `json:"path"`
	RemoveAfter time.Time `json:"remove_after"` // the first who opens the output to write afterwards removes it
}

func newForgetReport() ForgetReport {
	return ForgetReport{Tables: []ForgottenTable{}, Waiting: []WaitingFile{}, Rows: map[string]int64{}}
}

// Forget takes the rows of some numbers out of all tables, at once, as a replacement does: each file that has such a row
// is written anew without it, every other row as it is and in its place, and takes the old one's place; the others stay.
// Killed or stopped at any moment it has not happened or has, and calling it again does what is left. What was published
// meanwhile is looked at too. Files that earlier replacements left, and those of lots cut short, go as well.
//
// That no later lot brings the numbers back is for Remember, which comes first.
//
// Memory: the numbers of some files, and the rows that are read at once. The error is ErrReplacing if a replacement of
// this output is under way, whose rows might come of files read before; ErrMode if the output holds answers of the other
// mode, and ErrDamaged if a file is not what its lot says.
func (o *Output) Forget(ctx context.Context, options ForgetOptions) (ForgetReport, error) {
	f := &forgetting{output: o, options: options, report: newForgetReport(), scanned: map[string]bool{}, replaces: map[string][]string{}, dropped: map[string]int64{}}
	var err error
	if options.DryRun {
		err = f.look(ctx)
	} else {
		err = f.run(ctx)
	}
	slices.SortFunc(f.report.Tables, func(a, b ForgottenTable) int { return strings.Compare(a.Name, b.Name) })
	if err != nil {
		return f.report, fmt.Errorf("forgetting in %s: %w", o.URI(), err)
	}
	return f.report, nil
}

// forgetting is one call of Forget.
type forgetting struct {
	output      *Output
	options     ForgetOptions
	report      ForgetReport
	replacement *Replacement

	scanned  map[string]bool     // files looked at, by path
	replaces map[string][]string // by table, those written anew
	dropped  map[string]int64    // by table, rows
}

// errNothing says that no file has a row to be forgotten.
var errNothing = errors.New("no row is to be forgotten")

func (f *forgetting) run(ctx context.Context) error {
	o := f.output
	var err error
	f.replacement, err = o.Replace(ctx, ReplacementInfo{
		Name: f.options.Name, Mode: f.options.Mode, Grace: f.options.Grace, StartedAt: o.now(),
	})
	if err != nil {
		return err
	}
	defer f.replacement.Abort()
	if err := f.rewriteAll(ctx); err != nil {
		return err
	}
	err = f.replacement.end(ctx, func(ctx context.Context) (*replacementRecord, error) {
		if err := f.rewriteAll(ctx); err != nil { // of what was published meanwhile
			return nil, err
		}
		if len(f.replaces) == 0 {
			return nil, errNothing
		}
		return f.replacement.record(ctx, func(live []publishedFile, record *replacementRecord) error {
			return replaceFewer(live, record, f.replaces, f.dropped)
		})
	})
	if err != nil && !errors.Is(err, errNothing) {
		return err
	}
	return f.leftovers(ctx)
}

// look counts without changing anything.
func (f *forgetting) look(ctx context.Context) error {
	all, err := readRecords(ctx, f.output.storage)
	if err != nil {
		return err
	}
	counts, err := f.scan(ctx, all.live())
	if err != nil {
		return err
	}
	for _, count := range counts {
		f.count(count, count.rows == count.file.Rows)
	}
	left, err := f.left(ctx)
	if err != nil {
		return err
	}
	f.report.Removed = len(left.unrecorded)
	f.report.Waiting = left.waiting
	return nil
}

// rewriteAll writes the live files anew that have rows to be forgotten, and that were not looked at yet.
func (f *forgetting) rewriteAll(ctx context.Context) error {
	all, err := readRecords(ctx, f.output.storage)
	if err != nil {
		return err
	}
	fresh := slices.DeleteFunc(all.live(), func(file publishedFile) bool { return f.scanned[file.Path] })
	counts, err := f.scan(ctx, fresh)
	if err != nil {
		return err
	}
	for _, count := range counts {
		if err := f.rewrite(ctx, count); err != nil {
			return err
		}
		f.count(count, count.rows == count.file.Rows)
		table := count.file.Table
		f.replaces[table] = append(f.replaces[table], count.file.Path)
		f.dropped[table] += count.rows
	}
	for _, file := range fresh {
		f.scanned[file.Path] = true
	}
	return nil
}

// count adds a file to the report.
func (f *forgetting) count(counted fileCount, emptied bool) {
	name := counted.file.Table
	at := slices.IndexFunc(f.report.Tables, func(table ForgottenTable) bool { return table.Name == name })
	if at < 0 {
		at = len(f.report.Tables)
		f.report.Tables = append(f.report.Tables, ForgottenTable{Name: name})
	}
	table := &f.report.Tables[at]
	table.Rows += counted.rows
	if emptied {
		table.FilesEmptied++
	} else {
		table.FilesRewritten++
	}
	for numero, rows := range counted.numbers {
		f.report.Rows[numero] += rows
	}
}

// fileCount is what a file has of the numbers.
type fileCount struct {
	file    publishedFile
	rows    int64
	numbers map[string]int64
}

// scan reads the numbers of files, some at once, and gives those that have one to be forgotten, in the given order.
func (f *forgetting) scan(ctx context.Context, files []publishedFile) ([]fileCount, error) {
	counts := make([]fileCount, len(files))
	var mutex sync.Mutex
	done := 0
	err := f.eachFile(ctx, len(files), func(ctx context.Context, i int) error {
		numbers, rows, err := f.numbersOf(ctx, files[i].Path)
		if err != nil {
			return err
		}
		if rows != files[i].Rows {
			return damagedFile(f.output.storage, files[i].Path, fmt.Errorf("it has %d rows, its lot says %d", rows, files[i].Rows))
		}
		counts[i] = fileCount{file: files[i], numbers: numbers}
		for _, rows := range numbers {
			counts[i].rows += rows
		}
		mutex.Lock()
		defer mutex.Unlock()
		if done++; f.options.Progress != nil {
			f.options.Progress(done, len(files))
		}
		return nil
	})
	return slices.DeleteFunc(counts, func(count fileCount) bool { return count.rows == 0 }), err
}

// replaceFewer puts new files in the place of those named, which have so many rows more, by table.
func replaceFewer(live []publishedFile, record *replacementRecord, replaces map[string][]string, dropped map[string]int64) error {
	balance := map[string]int64{}
	rows := map[string]int64{} // by path
	for _, file := range live {
		rows[file.Path] = file.Rows
	}
	for _, file := range record.Files {
		balance[file.Table] += file.Rows
	}
	for table, paths := range replaces {
		balance[table] += dropped[table]
		for _, path := range paths {
			there, isLive := rows[path]
			if !isLive {
				return fmt.Errorf("%w: %s", ErrNotLive, path)
			}
			balance[table] -= there
		}
		record.Replaces[table] = slices.Clone(paths)
	}
	for table, rows := range balance {
		if rows != 0 {
			return fmt.Errorf("table %s: the new files have %+d rows against those that should be left", table, rows)
		}
	}
	return nil
}
