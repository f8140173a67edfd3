package main

import (
	"fmt"
	"os"

	"omega-export/internal/pipeline"
)

// reportCmd is the flags of `report`.
type reportCmd struct {
	File string `arg:"" placeholder:"FILE" help:"The report that run --report has written."`
	HTML string `name:"html" placeholder:"FILE" help:"Write it there as a page to read, and print no summary."`
}

// Help is what `report --help` says beyond the flags.
func (*reportCmd) Help() string {
	return `Tells what a run did, from the report that it has written: as run prints it, or as one HTML file that needs nothing else, for a browser, a
phone or paper. The page has the night on a time line, what came back, the rejects with example numbers, and what to do. Times are of Europe/Paris.

Examples:
  omega-export report /var/log/omega-export.json
  omega-export report /var/log/omega-export.json --html nuit.html`
}

// Run prints the report's summary, or writes its page.
func (c *reportCmd) Run(std streams) error {
	file, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoReport, err)
	}
	defer file.Close()
	report, err := pipeline.ReadReport(file)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", errNoReport, c.File, err)
	}
	switch {
	case c.HTML != "":
		return writePage(c.HTML, report)
	case report.DryRun:
		printPlan(std.out, report)
	default:
		printSummary(std.out, report, report.Output)
	}
	return nil
}
