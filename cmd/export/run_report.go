package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"omega-export/internal/ledger"
	"omega-export/internal/page"
	"omega-export/internal/pipeline"
)

// reportFlags say where a run's report goes.
type reportFlags struct {
	Report     string `placeholder:"FILE" help:"Write the run report there, JSON (docs/report.md), however the run ends but by kill -9 or a second signal."`
	ReportHTML string `name:"report-html" placeholder:"FILE" help:"Write the same there as a page to read: one HTML file that needs nothing else."`
}

// export does the run, writes its report, and prints its summary.
func (c *runCmd) export(ctx context.Context, std streams, watch *watch) error {
	// What the report says of a run that cannot even begin.
	report := pipeline.NewReport(pipeline.Config{Mode: c.mode(), Refresh: ledger.Refresh(c.Refresh), DryRun: c.DryRun})
	report.Backlog.Unknown = true
	began, err := false, c.Reports.check()
	if err == nil {
		began, err = c.do(ctx, std, watch, &report)
	}
	report.End(err, exitCode(err))
	if writeErr := c.Reports.write(report); writeErr != nil {
		err = errors.Join(err, writeErr)
	}
	switch {
	case !began:
	case c.DryRun && err == nil:
		printPlan(std.out, report)
	default:
		printSummary(std.out, report, report.Output)
	}
	return err
}

// check refuses places where no report can be written, which else would come out at the end of the night, and has them
// left out at the end.
func (f *reportFlags) check() error {
	var errs []error
	for _, place := range f.places() {
		if *place.path == "" {
			continue
		}
		if err := canWriteBeside(*place.path); err != nil {
			errs = append(errs, &configError{fmt.Errorf("%s %s: %w: make its folder, or name another", place.flag, *place.path, err)})
			*place.path = ""
		}
	}
	return errors.Join(errs...)
}

// reportPlace is a file that a flag names.
type reportPlace struct {
	flag string
	path *string
}

func (f *reportFlags) places() []reportPlace {
	return []reportPlace{{"--report", &f.Report}, {"--report-html", &f.ReportHTML}}
}

// canWriteBeside says whether a file can be made in the folder of path, as writeWhole will.
func canWriteBeside(path string) error {
	if at, err := os.Stat(path); err == nil && at.IsDir() {
		return errors.New("it is a folder")
	}
	aside, err := os.CreateTemp(filepath.Dir(path), ".omega-export-*")
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err // its name is of no use to anybody
	}
	if err != nil {
		return err
	}
	return errors.Join(aside.Close(), os.Remove(aside.Name()))
}

// write writes the report, and its page, where they were asked for.
func (f *reportFlags) write(report pipeline.Report) error {
	var errs []error
	if f.Report != "" {
		errs = append(errs, writeReport(f.Report, report))
	}
	if f.ReportHTML != "" {
		errs = append(errs, writePage(f.ReportHTML, report))
	}
	return errors.Join(errs...)
}

// writePage writes a report's page whole, or leaves the file that was there.
func writePage(path string, report pipeline.Report) error {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		return fmt.Errorf("loading the time zone of the report's page: %w", err)
	}
	told := adviceFor(report.ExitCode)
	if report.DryRun && report.ExitCode == exitDone {
		told = advice{"the lists can be read, and this is what a run would ask for", "leave out --dry-run to run."}
	}
	var drawn bytes.Buffer
	if err := page.Write(&drawn, report, page.Options{Zone: zone, Meaning: told.meaning, Advice: told.do}); err != nil {
		return fmt.Errorf("drawing the report's page: %w", err)
	}
	return writeWhole(path, drawn.Bytes())
}
