package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"omega-export/internal/pipeline"
	"omega-export/internal/sink"
)

// verifyCmd is the flags of `verify`.
type verifyCmd struct {
	Export exportFlag `placeholder:"NAME" help:"Which of the exports in the --config file."`

	Out  string `default:"out" placeholder:"FOLDER|gs://BUCKET/PREFIX" help:"The output to check (default: ${default})."`
	Deep bool   `help:"Also compare every row of the demande tables with the raw answer that it was made of."`
	JSON bool   `help:"Print the result as JSON."`

	Files   schemasFlag   `embed:""`
	Privacy personalFlags `embed:""`
	Raw     rawFlags      `embed:""`
}

// Help is what `verify --help` says beyond the flags.
func (*verifyCmd) Help() string {
	return `Reads every published file whole, with another Parquet reader than the one that wrote it, and checks it against its lot: there, of the
right size, checksum, columns and rows. Names files that are lost, damaged or foreign, and tables that point to the wrong files.
What a killed run left is named and is no damage: it is ended or removed by the next commands that write there, after a day at the latest.
Changes nothing. Exit status: 0 all is well, 65 something is not.

With --deep it also flattens every raw answer of reponses again, and compares the outcome with the row that the tables have of it, every
column: none may differ, be missing, or be more. It takes about 120 bytes of memory a row. Where the runs had --schemas or --personal it wants
the same, and the key: rows in which a code stands for a personal value are compared too.

Examples:
  omega-export verify --out out
  omega-export verify --out out --deep
  omega-export verify --out out --deep --archive coffre --identity-file identite.txt --personal-default drop`
}

// verified is what verify found.
type verified struct {
	sink.VerifyReport
	Deep *pipeline.DeepReport `json:"deep,omitempty"` // its problems are among the others
}

// Run checks the output and prints what it found.
func (c *verifyCmd) Run(ctx context.Context, std streams) error {
	if err := mustExist("--out", c.Out); err != nil {
		return err
	}
	var found verified
	var err error
	if found.VerifyReport, err = sink.Verify(ctx, c.Out, sink.VerifyOptions{}); err != nil {
		return err
	}
	if c.Raw.Archive != "" {
		if err := c.verifyArchive(ctx, &found); err != nil {
			return err
		}
	}
	if c.Deep {
		if err := c.goDeep(ctx, &found); err != nil {
			return err
		}
	}
	if c.JSON {
		if err := printJSON(std.out, found); err != nil {
			return err
		}
	} else {
		printVerified(std, found)
	}
	if len(found.Problems) > 0 {
		return errDamaged
	}
	return nil
}

// verifyArchive checks the archive, which is an output as any other. Of its tables of the same names the files are told
// together with those of the output.
func (c *verifyCmd) verifyArchive(ctx context.Context, v *verified) error {
	if err := mustExist("--archive", c.Raw.Archive); err != nil {
		return err
	}
	report, err := sink.Verify(ctx, c.Raw.Archive, sink.VerifyOptions{})
	if err != nil {
		return err
	}
	v.Lots, v.Files, v.Rows = v.Lots+report.Lots, v.Files+report.Files, v.Rows+report.Rows
	for _, problem := range report.Problems {
		if problem.File != "" {
			problem.File = within(c.Raw.Archive, problem.File)
		}
		v.Problems = append(v.Problems, problem)
	}
	for _, left := range report.Left {
		left.File = within(c.Raw.Archive, left.File)
		v.Left = append(v.Left, left)
	}
	for _, table := range report.Tables {
		table.Name = within(c.Raw.Archive, table.Name)
		v.Tables = append(v.Tables, table)
	}
	return nil
}

// goDeep compares the rows with their answers.
func (c *verifyCmd) goDeep(ctx context.Context, v *verified) error {
	set, err := c.Files.load()
	if err != nil {
		return err
	}
	policy, err := c.Privacy.policy()
	if err != nil {
		return err
	}
	output, err := sink.OpenToRead(ctx, c.Out)
	if err != nil {
		return err
	}
	answers, err := c.Raw.answers(ctx, output, c.Out)
	if err != nil {
		return err
	}
	report, err := pipeline.VerifyDeep(ctx, pipeline.NewDeepRoom(answers), pipeline.DeepOptions{Schemas: set, Personal: policy})
	if err != nil {
		return err
	}
	v.Problems = append(v.Problems, report.Problems...)
	report.Problems = nil
	v.Deep = &report
	return nil
}

// printVerified prints what verify found.
func printVerified(std streams, report verified) {
	for _, problem := range report.Problems {
		fmt.Fprintln(std.out, strings.TrimPrefix(problem.File+": "+problem.Problem, ": "))
	}
	for _, left := range report.Left {
		fmt.Fprintln(std.out, left.File+": "+leftText(left))
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	for _, checked := range report.Tables {
		fmt.Fprintf(table, "  %s\t%d files\t%d rows\t%d bytes\n", checked.Name, checked.Files, checked.Rows, checked.Bytes)
	}
	_ = table.Flush()
	fmt.Fprintf(std.out, "%d files of %d lots read whole: %d rows, %d problems\n", report.Files, report.Lots, report.Rows, len(report.Problems))
	if len(report.Left) > 0 {
		fmt.Fprintf(std.out, "%d left by publications that were cut short: no damage\n", len(report.Left))
	}
	if report.Deep != nil {
		fmt.Fprintf(std.out, "%d rows compared with %d raw answers: %d are exactly what their answer gives\n", report.Deep.Rows, report.Deep.Documents, report.Deep.Equal)
	}
}

// leftText says what becomes of what a killed publication left.
func leftText(left sink.Left) string {
	if left.RemovedAfter.IsZero() {
		return fmt.Sprintf("the publication of %s was cut short; the next run ends it or begins another", left.Of)
	}
	return fmt.Sprintf("left by the publication of %s, which was cut short: the first command that writes there after %s removes it, unless it is published before",
		left.Of, left.RemovedAfter.Local().Format("2006-01-02 15:04"))
}
