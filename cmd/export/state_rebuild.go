package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"omega-export/internal/ledger"
	"omega-export/internal/pipeline"
	"omega-export/internal/sink"
)

// stateRebuildCmd is the flags of `state rebuild`.
type stateRebuildCmd struct {
	State     string        `default:"state" placeholder:"FOLDER" help:"Folder of the ledger to make: empty, or not there (default: ${default})."`
	Out       string        `default:"out" placeholder:"FOLDER|gs://BUCKET/PREFIX" help:"The output whose tables are read (default: ${default})."`
	DueAfter  time.Duration `default:"20h" help:"As the --due-after of the runs: tells when each number is due again (default: ${default})."`
	DueAtMost time.Duration `default:"720h" help:"And their --due-at-most (default: ${default})."`
	Progress  string        `default:"auto" enum:"auto,log,none" help:"auto, log or none (default: ${default})."`
	Archive   archiveFlag   `embed:""`
	JSON      bool          `help:"Print the result as JSON."`
	Logging   logFlags      `embed:""`
}

// Help is what `state rebuild --help` says beyond the flags.
func (*stateRebuildCmd) Help() string {
	return `Makes a ledger that was lost anew from the output's tables reponses and rejets and the typed ones, without their bodies: for each number its
last answer, whether it has changed since, its rejects, and when it is due again. A run with it asks only for what is due, as one with the
lost ledger would. What the lost one had not published yet is lost with it, and asked for again. Refuses a state that holds anything.

Where the runs have --archive, it wants the same; of answers that are encrypted it needs no key.

A run with --state gs://BUCKET/PREFIX does this by itself.

Exit status: 0 done, 73 the output cannot be read, 78 the state holds something already, or the raw answers are in an archive that is not named.

Example:
  omega-export state rebuild --state state-neuf --out gs://entrepot/omega`
}

// Validate checks what kong cannot.
func (c *stateRebuildCmd) Validate() error {
	if isBucket(c.State) {
		return errors.New("--state: give a folder; a run with a state in a bucket rebuilds its ledger by itself")
	}
	due := dueFlags{DueAfter: c.DueAfter, DueAtMost: c.DueAtMost}
	return due.validate()
}

// Run rebuilds the ledger, and prints what it was rebuilt from.
func (c *stateRebuildCmd) Run(ctx context.Context, std streams) error {
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
		// Else every number would be asked for again.
		if err := keepsAnswers(ctx, output, c.Out); err != nil {
			return err
		}
	}
	mode, err := output.Mode(ctx)
	if err != nil {
		return fmt.Errorf("%w: --out %s: %w", errUnreadable, c.Out, err)
	}
	if mode == "" {
		return fmt.Errorf("%w: --out %s: nothing is published there", errNoOutput, c.Out)
	}
	books, err := ledger.Open(ctx, c.State, ledger.Options{Mode: mode})
	if err != nil {
		return err
	}
	defer books.Close()
	report, err := pipeline.Rebuild(ctx, pipeline.RebuildConfig{
		DueAfter: c.DueAfter, DueAtMost: c.DueAtMost, Temporary: c.State, Archive: archive, Progress: c.progress(std),
	}, books, output)
	if errors.Is(err, ledger.ErrNotEmpty) {
		return fmt.Errorf("--state %s: %w; nothing was changed: give a folder that is empty or not there", c.State, err)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, report)
	}
	fmt.Fprintln(std.out, "Done: the ledger is rebuilt."+unless(mode != "simule", " (SIMULATION: no real answers)"))
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  numbers\t%d\n", report.Numbers)
	fmt.Fprintf(table, "  read\t%d answers, %d rejects, %d rows of typed tables in %s\n", report.Answers, report.Rejects, report.Documents, report.Reading.Round(time.Millisecond))
	fmt.Fprintf(table, "  written\tin %s\n", report.Writing.Round(time.Millisecond))
	fmt.Fprintf(table, "  state\t%s\n", c.State)
	return table.Flush()
}

// rebuildTold is how often the progress of a rebuild is told.
const rebuildTold = 5 * time.Second

// progress logs how many rows were read, now and then.
func (c *stateRebuildCmd) progress(std streams) func(int64) {
	if c.Progress == "none" {
		return nil
	}
	log, told := c.Logging.logger(std.err), time.Now()
	return func(rows int64) {
		if time.Since(told) >= rebuildTold {
			told = time.Now()
			log.Info("reading the output", "rows", rows)
		}
	}
}
