package sink

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// compactTargetBytes is a good size of a file for BigQuery and DuckDB.
	compactTargetBytes = 128 << 20
	// compactMemoryBytes bounds the rows that are sorted at once.
	compactMemoryBytes = 448 << 20
)

// CompactOptions are what Compact is told.
type CompactOptions struct {
	Name string // as ReplacementInfo.Name
	Mode string // "reel" or "simule": that of the output
	// Tables are those to compact; none: all.
	Tables []string
	// TargetBytes is about what a file is to have; 0: 128 MiB. Files of more than half of it stay as they are.
	TargetBytes int64
	// Grace is as ReplacementInfo.Grace.
	Grace time.Duration
	// Progress, if set, is called now and then, from the goroutine that called Compact, with the bytes read of all that
	// are to be read.
	Progress func(table string, done, total int64)

	memoryBytes int64 // 0: compactMemoryBytes
}

// CompactReport is what Compact did.
type CompactReport struct {
	Name   string           `json:"name"`
	Tables []CompactedTable `json:"tables"` // those that have changed
}

// CompactedTable is a table before and after.
type CompactedTable struct {
	Name        string `json:"table"`
	Rows        int64  `json:"rows"` // that went from old files into new ones
	FilesBefore int    `json:"files_before"`
	FilesAfter  int    `json:"files_after"`
	BytesBefore int64  `json:"bytes_before"`
	BytesAfter  int64  `json:"bytes_after"`
}

// Compact puts few files of a good size in the place of the tables' small ones, at once for all tables, as a replacement
// does: killed or stopped at any moment it has not happened or has. Lots are published meanwhile, and stay as they are.
//
// Rows keep their values, and get no column but those of the table. Within a file they are sorted by numero_demande,
// which has a Bloom filter; those of the archive by day and time, so that what is rebuilt from it keeps its order. Their
// day, which a night's file has from its folder, is the last column. The newest night's file of a table is left alone,
// so that readers that take the two sorts of files apart always find both; and so is a file with a column that its
// table has not.
//
// Memory: compactMemoryBytes of rows, and what writing a file takes. The error is ErrReplacing if another replacement is
// under way, ErrMode if the output holds answers of the other mode, and ErrDamaged if a file is not what its lot says.
func (o *Output) Compact(ctx context.Context, options CompactOptions) (CompactReport, error) {
	report := CompactReport{Name: options.Name, Tables: []CompactedTable{}}
	if options.TargetBytes <= 0 {
		options.TargetBytes = compactTargetBytes
	}
	if options.memoryBytes <= 0 {
		options.memoryBytes = compactMemoryBytes
	}
	for _, table := range options.Tables {
		if err := checkTable(table); err != nil {
			return report, fmt.Errorf("compacting: %w", err)
		}
	}
	replacement, err := o.Replace(ctx, ReplacementInfo{
		Name: options.Name, Mode: options.Mode, Grace: options.Grace, StartedAt: o.now(),
	})
	if err != nil {
		return report, err
	}
	defer replacement.Abort()
	c := &compaction{output: o, options: options, replacement: replacement}
	if err := c.choose(ctx); err != nil {
		return report, fmt.Errorf("compacting: %w", err)
	}
	if len(c.tables) == 0 {
		return report, nil
	}
	replaces := map[string][]string{}
	for _, table := range c.tables {
		if err := c.compact(ctx, table); err != nil {
			return report, fmt.Errorf("compacting table %s: %w", table.is.Name, err)
		}
		for _, file := range table.small {
			replaces[table.is.Name] = append(replaces[table.is.Name], file.Path)
		}
	}
	if err := replacement.CommitFiles(ctx, replaces); err != nil {
		return report, err
	}
	for _, table := range c.tables {
		report.Tables = append(report.Tables, table.report(replacement.filesOf(table.is.Name)))
	}
	return report, nil
}

// compaction is one call of Compact.
type compaction struct {
	output      *Output
	options     CompactOptions
	replacement *Replacement
	tables      []*compactTable // that are worth it
	done, total int64           // bytes read, and to be read
}

// compactTable is a table with the files that are to be read.
type compactTable struct {
	is    *PublishedTable
	small []publishedFile // in the pointer's order
}

// choose finds what is to be compacted. All follows from the records as they stood at one moment.
func (c *compaction) choose(ctx context.Context) error {
	all, err := readRecords(ctx, c.output.storage)
	if err != nil {
		return err
	}
	live := all.live()
	var names []string
	for _, file := range live {
		if (len(c.options.Tables) == 0 || slices.Contains(c.options.Tables, file.Table)) && !slices.Contains(names, file.Table) {
			names = append(names, file.Table)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		table := &compactTable{is: rebuild(name, all)}
		table.choose(live, c.options.TargetBytes)
		if len(table.small) < 2 {
			continue
		}
		c.tables = append(c.tables, table)
		for _, file := range table.small {
			c.total += file.Bytes
		}
	}
	return nil
}

// choose finds the small files.
func (t *compactTable) choose(live []publishedFile, target int64) {
	newest := "" // of the nights
	last := map[string]int{}
	for _, file := range live {
		if file.Table != t.is.Name {
			continue
		}
		if file.isCompact() {
			last[file.of] = max(last[file.of], partOf(file.Path))
		} else {
			newest = file.Path
		}
	}
	for _, file := range live {
		if file.Table != t.is.Name || file.Path == newest || file.Bytes > target/2 || !t.is.holds(file.recordFile) {
			continue
		}
		// One that is followed by another was ended because memory was full, and would be again. Unless it is so small
		// that it must have been made for another target.
		if file.isCompact() && partOf(file.Path) < last[file.of] && file.Bytes > target/16 {
			continue
		}
		t.small = append(t.small, file)
	}
}

// holds says whether the table has all columns of a file.
func (t *PublishedTable) holds(file *recordFile) bool {
	for _, line := range file.tableSchema() {
		if !slices.Contains(t.Schema, line) {
			return false
		}
	}
	return true
}

func (t *compactTable) report(made []replacementFile) CompactedTable {
	r := CompactedTable{
		Name: t.is.Name, FilesBefore: len(t.is.Files), FilesAfter: len(t.is.Files) - len(t.small) + len(made),
	}
	for _, file := range t.is.Files {
		r.BytesBefore += file.Bytes
	}
	r.BytesAfter = r.BytesBefore
	for _, file := range t.small {
		r.BytesAfter -= file.Bytes
	}
	for _, file := range made {
		r.BytesAfter += file.Bytes
		r.Rows += file.Rows
	}
	return r
}
