package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"omega-export/internal/ledger"
	"omega-export/internal/omega"
	"omega-export/internal/pipeline"
	"omega-export/internal/sink"
	"omega-export/internal/source"
)

// runCmd is the flags of `run`.
type runCmd struct {
	List  []string `required:"" sep:"none" placeholder:"LIST" help:"A list of demande numbers: a file, - for standard input, or a glob. Text, CSV, TSV, NDJSON or Parquet, also gzip or zstd. May be repeated."`
	Out   string   `default:"out" placeholder:"FOLDER" help:"Where the tables go (default: ${default})."`
	State string   `default:"state" placeholder:"FOLDER" help:"Folder of the ledger, from which a run resumes (default: ${default})."`

	API apiFlags `embed:""`

	Rate        float64       `default:"1" help:"Calls a second: the supplier's quota (default: ${default})."`
	Refresh     string        `default:"due" enum:"missing,due,all" help:"What to ask for: missing (only what was never answered), due (also what may have changed), all (default: ${default})."`
	Due         dueFlags      `embed:""`
	Priority    int           `help:"Of several runs on one ledger, those of higher priority get the slots first: a nightly run with --priority 1 goes before a backfill (default: 0)."`
	DryRun      bool          `help:"Print what would be asked for and how long it takes; make no call."`
	MaxCalls    int64         `help:"Stop after this many calls."`
	MaxDuration time.Duration `help:"Stop calling after this long, as 90m or 8h."`
	Until       clockTime     `placeholder:"HH:MM" help:"Stop calling at this time of the day, Europe/Paris."`
	MaxOutage   time.Duration `default:"3h" help:"How long the API may be down before the run gives up (default: ${default})."`
	CallTimeout time.Duration `default:"60s" help:"How long one call may take (default: ${default})."`
	MaxInFlight int           `default:"32" help:"Calls on their way at once, at most (default: ${default})."`
	LotAnswers  int64         `default:"50000" help:"Answers in one lot, at most (default: ${default})."`
	Files       schemasFlag   `embed:""`
	SchemaMode  string        `default:"evolve" enum:"evolve,freeze" help:"evolve: new fields become columns; freeze: they stay in _champs_inconnus (default: ${default})."`
	Simulate    bool          `help:"Ask the built-in simulator instead of the API."`
	Report      string        `placeholder:"FILE" help:"Write the run report there, JSON."`
	Progress    string        `default:"auto" enum:"auto,bar,log,none" help:"auto, bar, log or none (default: ${default})."`
	Logging     logFlags      `embed:""`
}

// Help is what `run --help` says beyond the flags.
func (*runCmd) Help() string {
	return `Reads the lists, asks for each demande that is due, and publishes the answers as Parquet tables. Stopped or killed at any
moment, it goes on where it was when run again. The client's secret comes from OMEGA_CLIENT_SECRET or --client-secret-file.

Examples:
  omega-export run --simulate --rate 50 --list numeros.txt --out demo/out --state demo/state
  OMEGA_CLIENT_SECRET=… omega-export run --list 'listes/*.csv.gz' --client-id ID --code-cdgf A04000000X --user-login moi@fournisseur.example
  sort -u numeros.txt | omega-export run --list - --max-duration 8h --config omega-export.yaml`
}

// Validate checks what kong cannot.
func (c *runCmd) Validate() error {
	switch {
	case !(c.Rate > 0 && c.Rate <= 10000):
		return fmt.Errorf("--rate: %v is no number of calls a second between 0 and 10000", c.Rate)
	case c.MaxCalls < 0:
		return errors.New("--max-calls: a number of calls is not negative")
	case c.MaxDuration < 0, c.MaxOutage <= 0:
		return errors.New("--max-duration, --max-outage: a duration is not negative")
	case c.CallTimeout <= 0:
		return errors.New("--call-timeout: more than nothing")
	case c.Priority < 0 || c.Priority > 9:
		return errors.New("--priority: between 0 and 9")
	case c.MaxInFlight < 1 || c.MaxInFlight > 1000:
		return errors.New("--max-in-flight: between 1 and 1000")
	case c.LotAnswers < 1:
		return errors.New("--lot-answers: at least 1")
	}
	return c.Due.validate()
}

// Run does the run, and prints its summary.
func (c *runCmd) Run(ctx context.Context, std streams) error {
	suppliers, err := c.API.suppliers(c.Simulate)
	if err != nil {
		return err
	}
	progress, log := c.progress(std, len(suppliers))
	rooms, closeAll, err := c.open(ctx, log, suppliers)
	if err != nil {
		return err
	}
	defer closeAll()
	rooms.Progress = progress
	config, err := c.config(std, suppliers[0].CodeCDGF)
	if err != nil {
		return err
	}
	if c.Simulate {
		log.Warn("SIMULATION: the answers come from the built-in simulator, not from the API", "out", c.Out)
	}
	report, err := pipeline.Run(ctx, config, rooms)
	if errors.Is(err, pipeline.ErrState) {
		err = fmt.Errorf("--state %s: %w; free space there or mend it, then run again: nothing that was recorded is lost", c.State, err)
	}
	if c.Report != "" {
		if writeErr := writeReport(c.Report, report); writeErr != nil {
			err = errors.Join(err, writeErr)
		}
	}
	if c.DryRun && err == nil {
		printPlan(std.out, report)
		return nil
	}
	printSummary(std.out, report, rooms.Output.URI())
	return err
}

func (c *runCmd) mode() string {
	if c.Simulate {
		return "simule"
	}
	return "reel"
}

func (c *runCmd) config(std streams, defaultCode string) (pipeline.Config, error) {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		return pipeline.Config{}, fmt.Errorf("loading the time zone of --until: %w", err)
	}
	return pipeline.Config{
		Lists: c.List, Source: source.Options{Stdin: std.in}, Refresh: ledger.Refresh(c.Refresh), CodeCDGF: defaultCode, Mode: c.mode(),
		Freeze: c.SchemaMode == "freeze", MaxCalls: c.MaxCalls, MaxDuration: c.MaxDuration, Until: c.Until.next(time.Now(), zone),
		MaxOutage: c.MaxOutage, MaxInFlight: c.MaxInFlight, LotAnswers: c.LotAnswers,
		DueAfter: c.Due.DueAfter, DueAtMost: c.Due.DueAtMost, Final: c.Due.FinalStatuses, DryRun: c.DryRun,
		Grace: 3 * time.Second, ExitCode: exitCode,
	}, nil
}

// open opens the rooms. What it opened is closed by the function that it gives, or before it fails.
func (c *runCmd) open(ctx context.Context, log *slog.Logger, suppliers []supplier) (rooms pipeline.Rooms, closeAll func(), err error) {
	var closers []func()
	closeOpened := func() {
		for i := len(closers) - 1; i >= 0; i-- {
			closers[i]()
		}
	}
	defer func() {
		if err != nil {
			closeOpened()
		}
	}()
	set, err := c.Files.load()
	if err != nil {
		return rooms, nil, err
	}
	books, err := ledger.Open(ctx, c.State, ledger.Options{Mode: c.mode()})
	if err != nil {
		return rooms, nil, err
	}
	closers = append(closers, func() { _ = books.Close() })
	output, err := c.openOutput(ctx)
	if err != nil {
		return rooms, nil, err
	}
	if c.Simulate {
		stopServer, err := startSimulator(&suppliers[0].settings, c.Rate)
		if err != nil {
			return rooms, nil, err
		}
		closers = append(closers, stopServer)
	}
	rooms = pipeline.Rooms{Ledger: books, Output: output, Schemas: set, Log: log}
	for _, supplier := range suppliers {
		opened, closeSupplier, err := c.openSupplier(supplier)
		if err != nil {
			return rooms, nil, err
		}
		closers = append(closers, closeSupplier)
		rooms.Suppliers = append(rooms.Suppliers, opened)
	}
	return rooms, closeOpened, nil
}

// openSupplier opens one supplier's client and its quota, which it shares with the other runs of the ledger.
func (c *runCmd) openSupplier(s supplier) (pipeline.Supplier, func(), error) {
	s.settings.MaxInFlight, s.settings.CallTimeout = c.MaxInFlight, c.CallTimeout
	client, err := omega.NewClient(s.settings)
	if err != nil {
		return pipeline.Supplier{}, nil, s.namingFlag(err)
	}
	quota, err := ledger.OpenQuota(c.State, s.quota(), c.Priority)
	if err != nil {
		client.Close()
		return pipeline.Supplier{}, nil, err
	}
	closeBoth := func() {
		client.Close()
		_ = quota.Close()
	}
	pacer, err := omega.NewPacer(omega.PacerOptions{Rate: s.rate(c.Rate), Gate: quota})
	if err != nil {
		closeBoth()
		return pipeline.Supplier{}, nil, err
	}
	return pipeline.Supplier{Code: s.CodeCDGF, Client: client, Pacer: pacer}, closeBoth, nil
}

// openOutput opens the output, refusing one that holds answers of the other kind before any call is made.
func (c *runCmd) openOutput(ctx context.Context) (*sink.Output, error) {
	output, err := sink.Open(ctx, c.Out)
	if err != nil {
		return nil, err
	}
	mode, err := output.Mode(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: --out %s: %w", errUnreadable, c.Out, err)
	}
	if mode != "" && mode != c.mode() {
		return nil, fmt.Errorf("%w: --out %s holds answers of mode %q, this run is %q: use another --out", sink.ErrMode, c.Out, mode, c.mode())
	}
	return output, nil
}
