package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"omega-export/internal/ledger"
)

// fetch asks for all that is due, each supplier under its own quota. No new call is made once ctx ends or a limit is
// reached (ErrStopped). One supplier's trouble does not stop the others.
func fetch(ctx context.Context, config Config, rooms Rooms, run ledger.Run, publisher *publisher, report *Report) error {
	limitedCtx, cancel := limited(ctx, config)
	defer cancel()
	// Calls in flight outlive a limit, and a signal by the grace time: their answers are paid for.
	inFlight, abort := graced(ctx, config.Grace)
	defer abort()
	unsealed, err := rooms.Ledger.Unsealed(ctx) // left by a run that was killed
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}

	results := make(chan result, config.MaxInFlight)
	budget := newBudget(config.MaxCalls)
	lanes := make([]*lane, len(rooms.Suppliers))
	contexts := make([]context.Context, len(lanes))
	for i, supplier := range rooms.Suppliers {
		laneCtx, stop := context.WithCancelCause(limitedCtx)
		defer stop(nil)
		contexts[i] = laneCtx
		spanned, endSpan := rooms.span(ctx, "supplier", attribute.String("omega.supplier", supplier.Code))
		lanes[i] = &lane{
			span: trace.SpanFromContext(spanned), endSpan: endSpan, watcher: rooms.Watcher,
			supplier: supplier, config: config, log: rooms.Log.With("supplier", supplier.Code), books: rooms.Ledger, run: run, queue: newQueue(pages(rooms.Ledger, run, i)),
			budget: budget, results: results, recorder: report.recorder, stop: stop, access: newAccess(), counts: SupplierCounts{Rate: 1 / supplier.Pacer.Interval().Seconds(), Interval: supplier.Pacer.Interval()},
		}
	}
	rooms.Progress.Planned(report.Due)
	defer rooms.Progress.Finished()
	recorder := newRecorder(config, rooms, run, lanes, publisher, report, unsealed)
	recorded := make(chan error, 1)
	go func() { recorded <- recorder.record(context.WithoutCancel(ctx), results) }()
	ended := make([]error, len(lanes))
	stopSealing := sealing(publisher, lanes)
	var dispatching sync.WaitGroup
	for i, l := range lanes {
		dispatching.Go(func() {
			ended[i] = errors.Join(l.dispatch(contexts[i], inFlight), l.surrender(ctx))
		})
	}
	dispatching.Wait()
	close(results)
	err = <-recorded
	if err := errors.Join(err, stopSealing()); err != nil {
		for _, l := range lanes {
			l.endSpan(err)
		}
		return err
	}
	for i, l := range lanes {
		ended[i] = l.outcome(ctx, contexts[i], ended[i])
		l.span.SetAttributes(l.traced()...)
		l.endSpan(ended[i])
		report.Suppliers[l.supplier.Code] = l.counts
		l.noteOutage()
	}
	return errors.Join(ended...)
}

// sealing seals and publishes what stands open every so often, until stop, which gives its failure. A failure stops the
// lanes: the ledger cannot be written.
func sealing(publisher *publisher, lanes []*lane) (stop func() error) {
	ending, end := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() {
		err := publisher.sealEvery(ending, publisher.config.SealEvery)
		if err != nil {
			for _, l := range lanes {
				l.stop(err)
			}
		}
		failed <- err
	}()
	return func() error {
		end()
		return <-failed
	}
}

var (
	errMaxCalls = errors.New("--max-calls is reached")
	errDuration = errors.New("--max-duration is reached")
	errUntil    = errors.New("--until is reached")
	errSignal   = errors.New("told to stop")
)

// stopCause is why ctx ended, in words of a person's.
func stopCause(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return errSignal
}

// limited is ctx with the run's limits of time.
func limited(ctx context.Context, config Config) (context.Context, context.CancelFunc) {
	cancels := []context.CancelFunc{}
	if config.MaxDuration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, config.MaxDuration, errDuration)
		cancels = append(cancels, cancel)
	}
	if !config.Until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, config.Until, errUntil)
		cancels = append(cancels, cancel)
	}
	return ctx, func() {
		for _, cancel := range cancels {
			cancel()
		}
	}
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
