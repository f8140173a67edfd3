package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"omega-export/internal/pipeline"
	"omega-export/internal/sink"
)

// replayCmd is the flags of `replay`.
type replayCmd struct {
	Export exportFlag `placeholder:"NAME" help:"Which of the exports in the --config file."`

	Out        string        `default:"out" placeholder:"FOLDER|gs://BUCKET/PREFIX" help:"The output whose raw answers are read (default: ${default})."`
	To         string        `placeholder:"FOLDER|gs://BUCKET/PREFIX" help:"Write the tables there, and leave --out as it is. Default: into --out, in the place of its tables."`
	Types      []string      `placeholder:"CODE,…" help:"Only these types. Default: all."`
	Relearn    bool          `help:"Forget the published columns: take those of the schema files, and learn the others from all answers."`
	SchemaMode string        `default:"evolve" enum:"evolve,freeze" help:"evolve: fields without a column become columns; freeze: they stay in _champs_inconnus (default: ${default})."`
	Grace      time.Duration `default:"24h" help:"How long the old files stay, for queries that go on; 0 removes them at once (default: ${default})."`
	AllowLoss  bool          `help:"Replace a table even if the archive has fewer documents than it has rows."`
	Report     string        `env:"-" config:"-" placeholder:"FILE" help:"Write what was done there, JSON. Not from --config or the environment, which name the run's report."`
	Progress   string        `default:"auto" enum:"auto,bar,log,none" help:"auto, bar, log or none (default: ${default})."`
	Files      schemasFlag   `embed:""`
	Privacy    personalFlags `embed:""`
	Raw        rawFlags      `embed:""`
	Logging    logFlags      `embed:""`
}

// Help is what `replay --help` says beyond the flags.
func (*replayCmd) Help() string {
	return `Rebuilds the typed tables from the raw answers that the output keeps in reponses. It makes no call. The new files take the place of
the old ones at once, at the end: whoever reads through the tables' pointers (the views of _sql/) sees the old tables whole, then the
new ones whole. Killed or stopped at any moment, it leaves the old tables as they were. A run may publish meanwhile: its lots are added.

Use it when a schema file declares another type for a column, or when a column was learned too narrow:

Examples:
  omega-export replay --schemas mes-schemas            rebuild all tables under your own schema files
  omega-export replay --types CHF,MES --relearn        learn the columns of two types from all their answers
  omega-export replay --to essai --schemas essai-yaml  try it in another folder first
  omega-export replay --personal-default pseudonymise --personal-key-file cle    treat the old rows as the new ones`
}

// Validate checks what kong cannot.
func (c *replayCmd) Validate() error {
	if c.Grace < 0 {
		return errors.New("--grace: a duration is not negative")
	}
	return nil
}

// Run rebuilds the tables, and prints what it did.
func (c *replayCmd) Run(ctx context.Context, std streams) error {
	set, err := c.Files.load()
	if err != nil {
		return err
	}
	policy, err := c.Privacy.policy()
	if err != nil {
		return err
	}
	from, to, err := c.outputs(ctx)
	if err != nil {
		return err
	}
	answers, err := c.Raw.answers(ctx, from, c.Out)
	if err != nil {
		return err
	}
	name, err := replacementName("replay", time.Now())
	if err != nil {
		return err
	}
	progress, log := c.progress(std)
	c.Privacy.tell(log, policy)
	report, err := pipeline.Replay(ctx, pipeline.ReplayConfig{
		Name: name, Types: c.Types, Relearn: c.Relearn, Freeze: c.SchemaMode == "freeze", AllowLoss: c.AllowLoss, Grace: c.Grace,
	}, pipeline.ReplayRooms{From: from, Answers: answers, To: to, Schemas: set, Log: log, Progress: progress, Personal: policy})
	if c.Report != "" {
		if writeErr := writeReport(c.Report, report); writeErr != nil {
			err = errors.Join(err, writeErr)
		}
	}
	if err == nil {
		c.printDone(std.out, report, to.URI())
	}
	return err
}

// outputs opens the output that is read and the one that is written, which may be the same.
func (c *replayCmd) outputs(ctx context.Context) (from, to *sink.Output, err error) {
	if err := mustExist("--out", c.Out); err != nil {
		return nil, nil, err
	}
	if from, err = sink.Open(ctx, c.Out); err != nil {
		return nil, nil, err
	}
	switch mode, err := from.Mode(ctx); {
	case err != nil:
		return nil, nil, fmt.Errorf("%w: --out %s: %w", errUnreadable, c.Out, err)
	case mode == "":
		return nil, nil, fmt.Errorf("%w: nothing is published in --out %s yet", errNoAnswers, c.Out)
	}
	if c.To == "" || samePlace(c.To, c.Out) {
		return from, from, nil
	}
	to, err = sink.Open(ctx, c.To)
	return from, to, err
}

// replacementName is a name that no other set of new files has, and that sorts by time after the command's.
func replacementName(command string, now time.Time) (string, error) {
	random := make([]byte, 4)
	if _, err := rand.Read(random); err != nil {
		return "", fmt.Errorf("naming the new files: %w", err)
	}
	return command + "-" + now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(random), nil
}

func (c *replayCmd) printDone(to io.Writer, r pipeline.ReplayReport, output string) {
	fmt.Fprintln(to, "Done: the tables are rebuilt."+unless(r.Mode != "simule", " (SIMULATION: no real answers)"))
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  answers\t%d read in %s, of which %d give a row\n", r.Answers, r.EndedAt.Sub(r.StartedAt).Round(time.Millisecond), r.Documents)
	fmt.Fprintf(table, "  output\t%s\n", output)
	if c.To == "" && c.Grace > 0 {
		fmt.Fprintf(table, "  old files\tremoved by the first command that writes there after %s; until then a glob sees both, the views only the new ones\n", c.Grace)
	}
	_ = table.Flush()
	printTables(to, "Tables, with their rows:", r.Tables)
	if len(r.Tables) > 0 {
		fmt.Fprintf(to, "Look at them in DuckDB: .read '%s'\n", strings.ReplaceAll(within(output, "_sql", "duckdb.sql"), "'", "''"))
	}
}
