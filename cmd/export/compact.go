package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"

	"omega-export/internal/pipeline"
	"omega-export/internal/sink"
)

// compactCmd is the flags of `compact`.
type compactCmd struct {
	Export exportFlag `placeholder:"NAME" help:"Which of the exports in the --config file."`

	Out       string        `default:"out" placeholder:"FOLDER|gs://BUCKET/PREFIX" help:"The output (default: ${default})."`
	Archive   archiveFlag   `embed:""`
	Tables    []string      `placeholder:"TABLE,…" help:"Only these tables, as demande_chf. Default: all."`
	TargetMiB int64         `name:"target-mib" default:"128" placeholder:"MIB" help:"What a file is to have, about; files of more than half of it stay as they are (default: ${default})."`
	Grace     time.Duration `default:"24h" help:"How long the old files stay, for queries that go on; 0 removes them at once (default: ${default})."`
	JSON      bool          `help:"Print the result as JSON."`
	Progress  string        `default:"auto" enum:"auto,bar,log,none" help:"auto, bar, log or none (default: ${default})."`
	Logging   logFlags      `embed:""`
}

// Help is what `compact --help` says beyond the flags.
func (*compactCmd) Help() string {
	return `Puts few large files in the place of the small ones of many nights, table by table, so that queries open few files. No value changes. In
the new files rows are sorted by numero_demande, which has a Bloom filter (those of reponses by time), and date_export is a column. The
views of _sql/ read both sorts of files as one table; run _sql/bigquery.sql again after the first compact. The newest night of each table
stays as it is.

The new files take the place of the old ones at once, at the end. Killed or stopped at any moment, it leaves the old files as they were. A
run may publish meanwhile, a replay may not. It takes the disk space of the new files, and of the old ones until --grace is over.

Examples:
  omega-export compact                                       all tables
  omega-export compact --tables demande_chf,demande_mes      two of them
  omega-export compact --grace 0s                            and remove the old files at once

Exit status: 0 done, or nothing to do; 73 the output cannot be read or a file of it is damaged; 75 stopped, or a replay or another compact
is under way: run again.`
}

// Validate checks what kong cannot.
func (c *compactCmd) Validate() error {
	switch {
	case c.Grace < 0:
		return errors.New("--grace: a duration is not negative")
	case c.TargetMiB < 1 || c.TargetMiB > 1<<20:
		return errors.New("--target-mib: it must be from 1 to 1048576")
	}
	return nil
}

// Run compacts the tables, and prints what it did.
func (c *compactCmd) Run(ctx context.Context, std streams) error {
	if err := mustExist("--out", c.Out); err != nil {
		return err
	}
	output, err := sink.Open(ctx, c.Out)
	if err != nil {
		return err
	}
	archive, err := c.Archive.open(ctx, c.Out, false)
	if err != nil {
		return err
	}
	if archive == nil {
		return c.compact(ctx, std, output, "--out "+c.Out, c.Tables)
	}
	// A table that is named is one of either.
	for place, output := range map[string]*sink.Output{"--out " + c.Out: output, "--archive " + c.Archive.Archive: archive} {
		tables, err := tablesOf(output, c.Tables)
		if err != nil {
			return err
		}
		if len(tables) == 0 && len(c.Tables) > 0 {
			continue
		}
		if err := c.compact(ctx, std, output, place, tables); err != nil {
			return err
		}
	}
	return nil
}

// tablesOf are those of the tables named that an output has.
func tablesOf(output *sink.Output, names []string) (there []string, err error) {
	for _, name := range names {
		table, err := output.Table(name)
		if err != nil {
			return nil, &usageError{err: fmt.Errorf("--tables: %w", err)}
		}
		if table != nil {
			there = append(there, name)
		}
	}
	return there, nil
}

// compact compacts one output.
func (c *compactCmd) compact(ctx context.Context, std streams, output *sink.Output, place string, tables []string) error {
	mode, err := output.Mode(ctx)
	if err != nil {
		return err
	}
	if mode == "" {
		return fmt.Errorf("%w: %s holds nothing yet", errNoOutput, place)
	}
	if err := checkTables(output, tables); err != nil {
		return err
	}
	name, err := replacementName("compact", time.Now())
	if err != nil {
		return err
	}
	// What is sorted is a few large buffers, which the collector would let double.
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	progress := c.progress(std)
	begun := time.Now()
	report, err := output.Compact(ctx, sink.CompactOptions{
		Name: name, Mode: mode, Tables: tables, TargetBytes: c.TargetMiB << 20, Grace: c.Grace, Progress: progress.at,
	})
	progress.end()
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("%w: the old files stand as they were: %w", pipeline.ErrStopped, context.Cause(ctx))
	case err != nil:
		return err
	case c.JSON:
		return printJSON(std.out, report)
	}
	c.printDone(std.out, report, time.Since(begun))
	return nil
}

// checkTables refuses names that are of no table: else a slip would look like nothing to do.
func checkTables(output *sink.Output, tables []string) error {
	for _, name := range tables {
		table, err := output.Table(name)
		if err != nil {
			return &usageError{err: fmt.Errorf("--tables: %w", err)}
		}
		if table == nil {
			return &usageError{err: fmt.Errorf("--tables: there is no table %s in %s", name, output.URI())}
		}
	}
	return nil
}

func (c *compactCmd) printDone(to io.Writer, report sink.CompactReport, took time.Duration) {
	if len(report.Tables) == 0 {
		fmt.Fprintln(to, "Nothing to compact: no table has several small files beside its newest night's.")
		return
	}
	fmt.Fprintf(to, "Done: %d tables are compacted, in %s.\n", len(report.Tables), took.Round(time.Millisecond))
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "  table\tfiles\tnow\tbytes\tnow\trows moved\t")
	var sum sink.CompactedTable
	for _, t := range report.Tables {
		fmt.Fprintf(table, "  %s\t%d\t%d\t%d\t%d\t%d\t\n", t.Name, t.FilesBefore, t.FilesAfter, t.BytesBefore, t.BytesAfter, t.Rows)
		sum.FilesBefore, sum.FilesAfter = sum.FilesBefore+t.FilesBefore, sum.FilesAfter+t.FilesAfter
		sum.BytesBefore, sum.BytesAfter, sum.Rows = sum.BytesBefore+t.BytesBefore, sum.BytesAfter+t.BytesAfter, sum.Rows+t.Rows
	}
	fmt.Fprintf(table, "  together\t%d\t%d\t%d\t%d\t%d\t\n", sum.FilesBefore, sum.FilesAfter, sum.BytesBefore, sum.BytesAfter, sum.Rows)
	_ = table.Flush()
	if c.Grace > 0 {
		fmt.Fprintf(to, "The old files are removed by the first command that writes there after %s; until then a glob sees both, the views only the new ones.\n", c.Grace)
	}
}

// compactProgress tells how a compaction goes.
type compactProgress struct {
	at  func(table string, done, total int64) // nil: it is not told
	end func()
}

func (c *compactCmd) progress(std streams) compactProgress {
	switch progressKind(c.Progress, std) {
	case "bar":
		var bar *progressbar.ProgressBar
		return compactProgress{
			at: func(table string, done, total int64) {
				if bar == nil {
					bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(std.err), progressbar.OptionSetWidth(24), progressbar.OptionShowBytes(true),
						progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionUseANSICodes(true))
				}
				bar.Describe(strings.TrimPrefix(table, "demande_"))
				_ = bar.Set64(done)
			},
			end: func() {
				if bar != nil {
					_ = bar.Exit()
					fmt.Fprintln(std.err)
				}
			},
		}
	case "log":
		log, last := c.Logging.logger(std.err), time.Now()
		return compactProgress{
			at: func(table string, done, total int64) {
				if time.Since(last) >= replayLogEvery {
					last = time.Now()
					log.Info("compacting", "table", table, "bytes", done, "of", total)
				}
			},
			end: func() {},
		}
	}
	return compactProgress{end: func() {}}
}
