package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

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
	SealEvery   time.Duration   // and after this long, if answers stand open; 0: not for that
	DueAfter    time.Duration   // an answered number is due again after this at the soonest,
	DueAtMost   time.Duration   // and after this at the latest
	Final       []string        // statuses of demandes that are never asked for again
	DryRun      bool            // plan only
	Grace       time.Duration   // once told to stop, how long calls in flight may still last, and then the publishing
	ExitCode    func(error) int // what the process will exit with, for the ledger's record of the run
}

// Rooms is what a run works with.
type Rooms struct {
	Ledger   *ledger.Ledger
	Output   *sink.Output
	Schemas  *schemas.Set
	Log      *slog.Logger
	Progress Progress
	Watcher  Watcher      // nil: nobody looks
	Tracer   trace.Tracer // nil: nothing is traced
	// Suppliers are those whose demandes are asked for, at least one.
	Suppliers []Supplier
	// Archive is where the answers are kept as they came; the zero value: in Output.
	Archive Archive
	// Personal is what becomes of values that tell of a person; nil: they stay.
	Personal Personal
}

// Supplier is one supplier's access to the API: its credentials and its quota.
type Supplier struct {
	// Code is the code_cdgf whose numbers it asks for. The first supplier also asks for those of codes that no supplier has.
	Code   string
	Client API
	Pacer  *omega.Pacer
}

// API is the distributor's API as one run sees it.
type API interface {
	// Token gives the current token, fetching one when there is none or it has ended. A *omega.TokenError with
	// Refused says that trying again is no use.
	Token(ctx context.Context) (omega.Token, error)
	// Invalidate says that the token of that generation was refused.
	Invalidate(generation uint64)
	// Prepare opens a connection for the next Call, if none stands ready. An error is of no consequence: Call opens its own.
	Prepare(ctx context.Context) error
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
	rooms = rooms.complete()
	report := NewReport(config)
	run, err := rooms.Ledger.BeginRun(context.WithoutCancel(ctx), config.Refresh, report.StartedAt)
	if err != nil {
		return report, fmt.Errorf("%w: %w", ErrState, err)
	}
	report.Run = run.ID
	rooms.Log.Info("run begun", "number", run.ID, "refresh", report.Refresh, "mode", report.Mode)
	ctx, end := rooms.span(ctx, "run")
	publishing, cancel := graced(ctx, 2*config.Grace)
	defer cancel()
	publisher := &publisher{rooms: rooms, config: config, report: &report, ctx: publishing}
	err = runStages(ctx, config, rooms, run, publisher, &report)
	report.left(ctx, rooms, run)
	report.End(err, config.ExitCode(err))
	trace.SpanFromContext(ctx).SetAttributes(report.traced()...)
	end(err)
	ended := rooms.Ledger.EndRun(context.WithoutCancel(ctx), run.ID, time.Now(), err == nil && !config.DryRun, report.ExitCode)
	if ended != nil && err == nil {
		err = fmt.Errorf("%w: %w", ErrState, ended)
	}
	return report, err
}

func runStages(ctx context.Context, config Config, rooms Rooms, run ledger.Run, publisher *publisher, report *Report) error {
	// A list that cannot be read must not keep what an earlier run has won from being published.
	planning, end := rooms.span(ctx, "plan")
	planned := plan(planning, config, rooms, run, report)
	trace.SpanFromContext(planning).SetAttributes(attribute.Int64("omega.listed", report.Lists.Numbers), attribute.Int64("omega.due", report.Due))
	end(planned)
	rooms.Watcher.Planned(*report)
	if config.DryRun {
		return planned
	}
	if err := publisher.publishWaiting(); err != nil {
		return errors.Join(planned, err)
	}
	if planned != nil {
		return planned
	}
	fetching, end := rooms.span(ctx, "fetch")
	fetched := fetch(fetching, config, rooms, run, publisher, report)
	end(fetched)
	return errors.Join(fetched, publisher.finish()) // the last lot is sealed even when the fetch failed
}
