package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"

	"omega-export/internal/sink"
)

// verifyCmd is the flags of `verify`.
type verifyCmd struct {
	Out  string `default:"out" placeholder:"FOLDER" help:"The output to check (default: ${default})."`
	JSON bool   `help:"Print the result as JSON."`
}

// Help is what `verify --help` says beyond the flags.
func (*verifyCmd) Help() string {
	return `Reads every published file whole, with another Parquet reader than the one that wrote it, and checks it against its lot: there, of the
right size, checksum, columns and rows. Names files that are lost, damaged or foreign, and tables that point to the wrong files.
Changes nothing. Exit status: 0 all is well, 65 something is not.

Example:
  omega-export verify --out out`
}

// Run checks the output and prints what it found.
func (c *verifyCmd) Run(ctx context.Context, std streams) error {
	if info, err := os.Stat(c.Out); err != nil || !info.IsDir() {
		return fmt.Errorf("%w: --out %s: no such folder", errNoOutput, c.Out)
	}
	report, err := sink.Verify(ctx, c.Out, sink.VerifyOptions{})
	if err != nil {
		return err
	}
	if c.JSON {
		if err := printJSON(std.out, report); err != nil {
			return err
		}
	} else {
		printVerified(std, report)
	}
	if len(report.Problems) > 0 {
		return errDamaged
	}
	return nil
}

// printVerified prints what verify found.
func printVerified(std streams, report sink.VerifyReport) {
	for _, problem := range report.Problems {
		fmt.Fprintf(std.out, "%s: %s\n", problem.File, problem.Problem)
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	for _, checked := range report.Tables {
		fmt.Fprintf(table, "  %s\t%d files\t%d rows\t%d bytes\n", checked.Name, checked.Files, checked.Rows, checked.Bytes)
	}
	_ = table.Flush()
	fmt.Fprintf(std.out, "%d files of %d lots read whole: %d rows, %d problems\n", report.Files, report.Lots, report.Rows, len(report.Problems))
}
