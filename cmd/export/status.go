package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"omega-export/internal/ledger"
)

// statusCmd is the flags of `status`.
type statusCmd struct {
	Export exportFlag `placeholder:"NAME" help:"Which of the exports in the --config file."`

	State     string        `default:"state" placeholder:"FOLDER|gs://BUCKET/PREFIX" help:"Folder of the ledger, or the state in a bucket (default: ${default})."`
	Out       string        `default:"out" placeholder:"FOLDER|gs://BUCKET/PREFIX" help:"With a state in a bucket: the output, from which the ledger is told (default: ${default})."`
	DueAfter  time.Duration `default:"20h" help:"The same: the --due-after of the runs (default: ${default})."`
	DueAtMost time.Duration `default:"720h" help:"And their --due-at-most (default: ${default})."`
	Rate      float64       `default:"1" help:"Calls a second, for the forecast (default: ${default})."`
	JSON      bool          `help:"Print as JSON."`
	Watch     watchFlag     `placeholder:"=INTERVAL" help:"Go on until ctrl-C, every 5s or --watch=INTERVAL: a terminal is redrawn, otherwise each status follows the one before (with --json one line each)."`
}

// Help is what `status --help` says beyond the flags.
func (*statusCmd) Help() string {
	return `Reads the ledger, also while a run goes on, and changes nothing. Of a state in a bucket it tells who has its lease; the ledger itself is on
that host, so what is told of it is read from the output, as published.

Examples:
  omega-export status
  omega-export status --watch=10s
  omega-export status --json --watch=1m >> status.ndjson
  omega-export status --state gs://entrepot/etat --out gs://entrepot/omega
  omega-export status --state demo/state --json`
}

// Validate checks what kong cannot.
func (c *statusCmd) Validate() error {
	if !(c.Rate > 0) {
		return fmt.Errorf("--rate: %v is no number of calls a second", c.Rate)
	}
	due := dueFlags{DueAfter: c.DueAfter, DueAtMost: c.DueAtMost}
	return due.validate()
}

// Run prints the ledger's status, once or until it is told to stop.
func (c *statusCmd) Run(ctx context.Context, std streams) error {
	if c.Watch > 0 {
		return keepShowing(ctx, std, time.Duration(c.Watch), c.show)
	}
	return c.show(ctx, std.out)
}

// show prints the status once. The ledger is opened anew each time.
func (c *statusCmd) show(ctx context.Context, to io.Writer) error {
	if isBucket(c.State) {
		return c.bucketStatus(ctx, to)
	}
	books, err := ledger.Open(ctx, c.State, ledger.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer books.Close()
	status, err := books.Status(ctx, time.Now())
	if err != nil {
		return err
	}
	if !c.JSON {
		c.print(to, status)
		return nil
	}
	return c.printJSON(to, struct {
		ledger.Status
		SecondsLeft int64            `json:"seconds_left"` // of the last run's list, at --rate
		Forecast    map[string]int64 `json:"seconds_due"`  // of what is due, by supplier
	}{status, int64(c.left(status).Seconds()), c.forecast(status)})
}

// left is how long what is left of the last list takes at the quota.
func (c *statusCmd) left(s ledger.Status) time.Duration {
	return c.atQuota(s.Plan.Left)
}

// atQuota is how long so many numbers take.
func (c *statusCmd) atQuota(numbers int64) time.Duration {
	return time.Duration(float64(numbers) / c.Rate * float64(time.Second))
}

// forecast is how many seconds of calls are due, by supplier: each has a quota of its own.
func (c *statusCmd) forecast(s ledger.Status) map[string]int64 {
	seconds := map[string]int64{}
	for code, part := range s.Suppliers {
		seconds[code] = int64(c.atQuota(part.Due).Seconds())
	}
	return seconds
}

// printJSON prints one status on one line where many follow one another, for a program that reads lines.
func (c *statusCmd) printJSON(to io.Writer, status any) error {
	if c.Watch > 0 {
		return json.NewEncoder(to).Encode(status)
	}
	return printJSON(to, status)
}

func (c *statusCmd) print(to io.Writer, s ledger.Status) {
	if s.Mode == "simule" {
		fmt.Fprintln(to, "SIMULATION: the answers of this ledger come from the simulator.")
	}
	if c.Watch > 0 {
		fmt.Fprintf(to, "At %s:\n", time.Now().Format("2006-01-02 15:04:05"))
	}
	defer c.printParts(to, s)
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	defer table.Flush()
	printNumbers(table, s)
	left := c.left(s)
	forecast := "nothing is left to ask for"
	if s.Plan.Left > 0 {
		forecast = fmt.Sprintf("%s of calls at %g a second: done at %s if it runs without a stop", left.Round(time.Second), c.Rate, time.Now().Add(left).Format("2006-01-02 15:04"))
	}
	fmt.Fprintf(table, "last list\t%d numbers, %d left: %s\n", s.Plan.Listed, s.Plan.Left, forecast)
	printOldest(table, s)
	if !s.Lots.OldestWaiting.IsZero() {
		fmt.Fprintf(table, "oldest not published\t%s ago\n", time.Since(s.Lots.OldestWaiting).Round(time.Second))
	}
	fmt.Fprintf(table, "lots\t%d published (%d answers), %d waiting (%d answers), %d answers not yet in a lot\n",
		s.Lots.Published, s.Lots.PublishedAnswers, s.Lots.Waiting, s.Lots.WaitingAnswers, s.Lots.UnsealedAnswers)
	if len(s.Runs) > 0 {
		fmt.Fprintf(table, "last run\t%s\n", lastRun(s.Runs[0]))
	}
	fmt.Fprintf(table, "ledger\t%.1f MiB\n", float64(s.FileBytes)/(1<<20))
}

// printKnown prints what a ledger that was rebuilt can tell.
func printKnown(to io.Writer, s ledger.Status) {
	if s.Mode == "simule" {
		fmt.Fprintln(to, "SIMULATION: the answers come from the simulator.")
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	defer table.Flush()
	printNumbers(table, s)
	printOldest(table, s)
}

func printOldest(table io.Writer, s ledger.Status) {
	if !s.OldestAnswer.IsZero() {
		fmt.Fprintf(table, "oldest answer\t%s ago (%s)\n", time.Since(s.OldestAnswer).Round(time.Minute), s.OldestAnswer.Local().Format("2006-01-02 15:04"))
	}
}

// printNumbers prints what is known of the numbers.
func printNumbers(table io.Writer, s ledger.Status) {
	rejects := int64(0)
	for _, numbers := range s.Rejects {
		rejects += numbers
	}
	fmt.Fprintf(table, "numbers known\t%d (%d with a document, %d rejected, %d never answered)\n", s.Known, s.Documents, rejects, s.NeverAnswered)
	if rejects > 0 {
		fmt.Fprintf(table, "rejected\t%s\n", strings.TrimPrefix(motifs(s.Rejects), ": "))
	}
	if len(s.Types) > 0 {
		var types []string
		for _, code := range slices.Sorted(maps.Keys(s.Types)) {
			types = append(types, fmt.Sprintf("%s %d", code, s.Types[code]))
		}
		fmt.Fprintf(table, "by type\t%s\n", strings.Join(types, ", "))
	}
	if s.Forgotten > 0 {
		fmt.Fprintf(table, "forgotten\t%d numbers, not to be asked for again\n", s.Forgotten)
	}
	fmt.Fprintf(table, "due now\t%d\n", s.Due)
}

func lastRun(run ledger.RunStatus) string {
	ended := "still running, or killed"
	if !run.EndedAt.IsZero() {
		ended = fmt.Sprintf("ended %s with exit %d", run.EndedAt.Local().Format("15:04:05"), run.ExitCode)
	}
	return fmt.Sprintf("number %d (--refresh %s), begun %s, %s: %d answers, %d documents (%d unchanged), %d rejects", run.ID, run.Refresh,
		run.BegunAt.Local().Format("2006-01-02 15:04:05"), ended, run.Answers, run.Documents, run.Unchanged, run.Rejects)
}
