package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"omega-export/internal/lease"
	"omega-export/internal/ledger"
	"omega-export/internal/omega"
	"omega-export/internal/pipeline"
	"omega-export/internal/sink"
	"omega-export/internal/source"
	"omega-export/internal/telemetry"
)

// runCmd is the flags of `run`.
type runCmd struct {
	Export exportFlag `placeholder:"NAME" help:"Which of the exports in the --config file."`

	List  []string `required:"" sep:"none" placeholder:"LIST" help:"A list of demande numbers: a file, - for standard input, gs://BUCKET/OBJECT, or a glob of files or objects. Text, CSV, TSV, NDJSON or Parquet, also gzip or zstd. May be repeated."`
	Out   string   `default:"out" placeholder:"FOLDER|gs://BUCKET/PREFIX" help:"Where the tables go (default: ${default})."`
	State string   `default:"state" placeholder:"FOLDER|gs://BUCKET/PREFIX" help:"Folder of the ledger, from which a run resumes. On a host whose disk does not last, a place in a bucket: a lease there keeps other hosts off, and the ledger is rebuilt from --out (default: ${default})."`

	API apiFlags `embed:""`

	Rate          float64        `default:"1" help:"Calls a second: the supplier's quota (default: ${default})."`
	Refresh       string         `default:"due" enum:"missing,due,all" help:"What to ask for: missing (only what was never answered), due (also what may have changed), all (default: ${default})."`
	Due           dueFlags       `embed:""`
	Priority      int            `help:"Of several runs on one ledger, those of higher priority get the slots first: a nightly run with --priority 1 goes before a backfill (default: 0)."`
	DryRun        bool           `help:"Print what would be asked for and how long it takes; make no call."`
	MaxCalls      int64          `help:"Stop after this many calls."`
	MaxDuration   time.Duration  `help:"Stop calling after this long, as 90m or 8h."`
	Until         clockTime      `placeholder:"HH:MM" help:"Stop calling at this time of the day, Europe/Paris."`
	MaxOutage     time.Duration  `default:"3h" help:"How long the API may be down before the run gives up (default: ${default})."`
	CallTimeout   time.Duration  `default:"60s" help:"How long one call may take (default: ${default})."`
	MaxInFlight   int            `default:"32" help:"Calls on their way at once, at most (default: ${default})."`
	LotAnswers    int64          `default:"50000" help:"Answers in one lot, at most (default: ${default})."`
	SealEvery     *time.Duration `placeholder:"DURATION" help:"Publish what was answered at least this often; 0: only full lots, and at the end (default: 10m with --state gs://…, otherwise 0)."`
	LeaseDuration time.Duration  `default:"60s" hidden:"" help:"How long the lease of a state in a bucket lasts from each renewal."`
	Files         schemasFlag    `embed:""`
	Privacy       personalFlags  `embed:""`
	Archive       archiveFlag    `embed:""`
	Seal          sealFlags      `embed:""`
	SchemaMode    string         `default:"evolve" enum:"evolve,freeze" help:"evolve: new fields become columns; freeze: they stay in _champs_inconnus (default: ${default})."`
	Simulate      bool           `help:"Ask the built-in simulator instead of the API."`
	Reports       reportFlags    `embed:""`
	Progress      string         `default:"auto" enum:"auto,bar,log,none" help:"auto, bar, log or none (default: ${default})."`
	Telemetry     telemetryFlags `embed:""`
	Logging       logFlags       `embed:""`
}

// Help is what `run --help` says beyond the flags.
func (*runCmd) Help() string {
	return `Reads the lists, asks for each demande that is due, and publishes the answers as Parquet tables. Stopped or killed at any
moment, it goes on where it was when run again. The client's secret comes from OMEGA_CLIENT_SECRET or --client-secret-file.

Examples:
  omega-export run --simulate --rate 50 --list numeros.txt --out demo/out --state demo/state
  OMEGA_CLIENT_SECRET=… omega-export run --list 'listes/*.csv.gz' --client-id ID --code-cdgf A04000000X --user-login moi@fournisseur.example
  sort -u numeros.txt | omega-export run --list - --max-duration 8h --config omega-export.yaml
  omega-export run --list numeros.txt --personal-default pseudonymise --personal-key-file cle --archive gs://coffre/omega --archive-recipient age1… --config omega-export.yaml
  omega-export run --list 'gs://entrepot/listes/*.csv.gz' --out gs://entrepot/omega --state gs://entrepot/etat --config omega-export.yaml`
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
	case c.SealEvery != nil && *c.SealEvery < 0:
		return errors.New("--seal-every: a duration is not negative")
	case c.LeaseDuration < time.Second:
		return errors.New("--lease-duration: at least 1s")
	}
	if err := c.Telemetry.validate(); err != nil {
		return err
	}
	return c.Due.validate()
}

// Run does the run, writes its report, prints its summary, and has it told to those who watch.
func (c *runCmd) Run(ctx context.Context, std streams) error {
	watch, err := c.Telemetry.begin(ctx, &c.Logging, std.err, telemetry.Snapshot{Simulated: c.Simulate, DryRun: c.DryRun})
	if err != nil {
		return err
	}
	defer watch.endIfBug()
	err = c.export(trace.ContextWithSpanContext(ctx, trace.SpanContextFromContext(watch.traced)), std, watch)
	watch.end(err)
	return err
}

// do does the run and fills in its report. began says that there is a run to tell of.
func (c *runCmd) do(ctx context.Context, std streams, watch *watch, report *pipeline.Report) (began bool, err error) {
	suppliers, err := c.API.suppliers(c.Simulate)
	if err != nil {
		return false, err
	}
	progress, log := c.progress(std, len(suppliers))
	state, err := c.openState(ctx, log)
	if err != nil {
		return false, err
	}
	ctx = state.context(ctx)
	rooms, closeAll, err := c.open(ctx, log, suppliers, state)
	if err != nil {
		return false, errors.Join(err, lostLease(ctx))
	}
	defer closeAll()
	rooms.Progress, rooms.Watcher, rooms.Tracer = progress, watch, watch.tracer
	watch.opened(rooms.Ledger, log, c.watched(suppliers))
	defer watch.closing()
	config, err := c.config(std, suppliers[0].CodeCDGF)
	if err != nil {
		return false, err
	}
	if c.Simulate {
		log.Warn("SIMULATION: the answers come from the built-in simulator, not from the API", "out", c.Out)
	}
	if !c.DryRun {
		if err := c.beginCampaign(ctx, state); err != nil {
			return false, err
		}
	}
	*report, err = pipeline.Run(ctx, config, rooms)
	report.Output = rooms.Output.URI()
	if err == nil && !c.DryRun && c.Refresh == string(ledger.All) {
		err = state.note(ctx, time.Time{})
	}
	if errors.Is(err, pipeline.ErrState) {
		err = fmt.Errorf("--state %s: %w; free space there or mend it, then run again: nothing that was recorded is lost", c.State, err)
	}
	return true, err
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
		Lists: c.List, Source: source.Options{Stdin: std.in, Buckets: listBuckets(c.List)}, Refresh: ledger.Refresh(c.Refresh), CodeCDGF: defaultCode, Mode: c.mode(),
		Freeze: c.SchemaMode == "freeze", MaxCalls: c.MaxCalls, MaxDuration: c.MaxDuration, Until: c.Until.next(time.Now(), zone),
		MaxOutage: c.MaxOutage, MaxInFlight: c.MaxInFlight, LotAnswers: c.LotAnswers, SealEvery: c.sealEvery(),
		DueAfter: c.Due.DueAfter, DueAtMost: c.Due.DueAtMost, Final: c.Due.FinalStatuses, DryRun: c.DryRun,
		Grace: 3 * time.Second, ExitCode: exitCode,
	}, nil
}

// sealEvery is how often answers are published at least.
func (c *runCmd) sealEvery() time.Duration {
	switch {
	case c.SealEvery != nil:
		return *c.SealEvery
	case isBucket(c.State):
		return sealInBucket
	}
	return 0
}

// lostLease is that the lease was lost, if that is why ctx has ended.
func lostLease(ctx context.Context) error {
	if cause := context.Cause(ctx); errors.Is(cause, lease.ErrLost) {
		return cause
	}
	return nil
}

// open opens the rooms. What it opened is closed by the function that it gives, or before it fails; the state too.
func (c *runCmd) open(ctx context.Context, log *slog.Logger, suppliers []supplier, state *state) (rooms pipeline.Rooms, closeAll func(), err error) {
	unpublished := false
	closers := []func(){func() { state.close(unpublished) }}
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
	policy, err := c.Privacy.policy()
	if err != nil {
		return rooms, nil, err
	}
	c.Privacy.tell(log, policy)
	seal, err := c.Seal.sealer()
	if err == nil {
		err = c.Archive.check(c.Out)
	}
	if err != nil {
		return rooms, nil, err
	}
	books, err := ledger.Open(ctx, state.folder, ledger.Options{Mode: c.mode()})
	if err != nil {
		return rooms, nil, err
	}
	closers = append(closers, func() {
		unpublished = hasUnpublished(books)
		_ = books.Close()
	})
	output, err := c.openOutput(ctx)
	if err != nil {
		return rooms, nil, err
	}
	if err := tellOtherKeys(log, policy, output); err != nil {
		return rooms, nil, err
	}
	archive, err := c.openArchive(ctx, log, policy, seal, output)
	if err != nil {
		return rooms, nil, err
	}
	if err := c.rebuild(ctx, state, books, output, archive.Output); err != nil {
		return rooms, nil, err
	}
	if c.Simulate {
		stopServer, err := startSimulator(&suppliers[0].settings, c.Rate)
		if err != nil {
			return rooms, nil, err
		}
		closers = append(closers, stopServer)
	}
	rooms = pipeline.Rooms{Ledger: books, Output: output, Schemas: set, Log: log, Personal: policy, Archive: archive}
	for _, supplier := range suppliers {
		opened, closeSupplier, err := c.openSupplier(supplier, state)
		if err != nil {
			return rooms, nil, err
		}
		closers = append(closers, closeSupplier)
		rooms.Suppliers = append(rooms.Suppliers, opened)
	}
	return rooms, closeOpened, nil
}

// openSupplier opens one supplier's client and its quota, which it shares with the other runs of the ledger.
func (c *runCmd) openSupplier(s supplier, state *state) (pipeline.Supplier, func(), error) {
	s.settings.MaxInFlight, s.settings.CallTimeout = c.MaxInFlight, c.CallTimeout
	client, err := omega.NewClient(s.settings)
	if err != nil {
		return pipeline.Supplier{}, nil, s.namingFlag(err)
	}
	quota, err := ledger.OpenQuota(state.folder, s.quota(), c.Priority)
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
