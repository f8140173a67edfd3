package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"omega-export/internal/ledger"
	"omega-export/internal/omega"
	"omega-export/internal/sink"
	"omega-export/internal/source"
	"omega-export/schemas"
)

// Config is what a run is asked to do.
type Config struct {
	Lists    []string
	Source   source.Options
	Refresh  ledger.Refresh
	CodeCDGF string // of the numbers whose list names none
	Mode     string // "reel" or "simule"
	Freeze   bool   // new fields make no new columns

	MaxCalls    int64           // 0: no limit
	MaxDuration time.Duration   // 0: no limit
	Until       time.Time       // zero: no limit
	MaxOutage   time.Duration   // how long the API may be down
	MaxInFlight int             // calls at once
	LotAnswers  int64           // a lot is sealed at this many answers, and at the end
	DueAfter    time.Duration   // an answered number is due again after this
	Grace       time.Duration   // once told to stop, how long calls in flight may still last, and then the publishing
	ExitCode    func(error) int // what the process will exit with, for the ledger's record of the run
}

// Rooms is what a run works with.
type Rooms struct {
	Ledger   *ledger.Ledger
	Client   API
	Pacer    *omega.Pacer
	Output   *sink.Output
	Root     schemas.Root
	Log      *slog.Logger
	Progress Progress
}

// API is the distributor's API as one run sees it.
type API interface {
	// Token gives the current token, fetching one when there is none or it has ended. A *omega.TokenError with
	// Refused says that trying again is no use.
	Token(ctx context.Context) (omega.Token, error)
	// Invalidate says that the token of that generation was refused.
	Invalidate(generation uint64)
	// Call asks for one demande. written is called when the request has left, at most once, before Call returns.
	// Calls may run at the same time. It retries nothing.
	Call(ctx context.Context, token omega.Token, numero, codeCDGF string, written func(at time.Time)) omega.Answer
}

// Progress is told how the run goes. Its methods are called from one goroutine at a time.
type Progress interface {
	// Planned gives how many numbers are due, once.
	Planned(due int64)
	// Advanced gives the counts so far, after each record.
	Advanced(Counts)
	// Finished is called once, when no more calls are made.
	Finished()
}

// Run does one run: plan, fetch, record, seal, publish. When ctx ends no new call is made, calls in flight are
// recorded, and the lot is sealed; the error is then ErrStopped. The report is filled in whatever the error.
func Run(ctx context.Context, config Config, rooms Rooms) (Report, error) {
	report := newReport(config)
	begun := time.Now()
	run, err := rooms.Ledger.BeginRun(context.WithoutCancel(ctx), config.Refresh, begun)
	if err != nil {
		return report, fmt.Errorf("%w: beginning the run: %w", ErrState, err)
	}
	report.Run = run.ID
	publishing, cancel := graced(ctx, 2*config.Grace)
	defer cancel()
	publisher := &publisher{rooms: rooms, config: config, report: &report, ctx: publishing}
	err = runStages(ctx, config, rooms, run, publisher, &report)
	report.end(begun, rooms.Pacer.Interval(), err)
	report.ExitCode = config.ExitCode(err)
	ended := rooms.Ledger.EndRun(context.WithoutCancel(ctx), run.ID, time.Now(), err == nil, report.ExitCode)
	if ended != nil && err == nil {
		err = fmt.Errorf("%w: ending the run: %w", ErrState, ended)
	}
	return report, err
}

// graced is ctx, ending a while later.
func graced(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return later, func() {
		stop()
		cancel()
	}
}

func runStages(ctx context.Context, config Config, rooms Rooms, run ledger.Run, publisher *publisher, report *Report) error {
	// A list that cannot be read must not keep what an earlier run has won from being published.
	planned := plan(ctx, config, rooms, run, report)
	if err := publisher.publishWaiting(); err != nil {
		return errors.Join(planned, err)
	}
	if planned != nil {
		return planned
	}
	fetched := fetch(ctx, config, rooms, run, publisher, report)
	return errors.Join(fetched, publisher.finish()) // the last lot is sealed even when the fetch failed
}

// plan reads the lists into the ledger and counts what is due.
func plan(ctx context.Context, config Config, rooms Rooms, run ledger.Run, report *Report) error {
	began := time.Now()
	planning, err := rooms.Ledger.NewPlan(ctx, run)
	if err != nil {
		return fmt.Errorf("%w: beginning the plan: %w", ErrState, err)
	}
	config.Source.BadLine = func(bad source.BadLine) {
		report.Lists.BadLines++
		tell(rooms.Log, report.Lists.BadLines, "line left out", "place", bad.Position.String(), "text", bad.Text, "reason", bad.Reason)
	}
	summary, err := source.Read(ctx, config.Lists, config.Source, func(entry source.Entry) error {
		code := entry.CodeCDGF
		if code == "" {
			code = config.CodeCDGF
		}
		duplicate, err := planning.Add(ctx, entry.Numero, code)
		if err != nil {
			return fmt.Errorf("%w: planning %s: %w", ErrState, entry.Numero, err)
		}
		if duplicate {
			report.Lists.Duplicates++
			tell(rooms.Log, report.Lists.Duplicates, "number given twice", "place", entry.Position.String(), "numero_demande", entry.Numero)
		}
		return nil
	})
	planned, commitErr := planning.Commit(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: while planning", ErrStopped)
		}
		return err
	}
	if commitErr != nil {
		return fmt.Errorf("%w: committing the plan: %w", ErrState, commitErr)
	}
	report.Lists.Lists, report.Lists.Numbers = summary.Lists, planned.Listed
	report.Due, err = rooms.Ledger.CountDue(ctx, run, time.Now())
	if err != nil {
		return fmt.Errorf("%w: counting what is due: %w", ErrState, err)
	}
	rooms.Log.Info("planned", "lists", summary.Lists, "numbers", planned.Listed, "due", report.Due,
		"duplicates", report.Lists.Duplicates, "bad_lines", report.Lists.BadLines, "seconds", time.Since(began).Seconds())
	return nil
}

// tell warns of the first twenty of a kind, lest a bad list fill the log; the report has the count.
func tell(log *slog.Logger, count int64, message string, args ...any) {
	if count <= 20 {
		log.Warn(message, args...)
	}
	if count == 20 {
		log.Warn("further lines of this kind are only counted")
	}
}
