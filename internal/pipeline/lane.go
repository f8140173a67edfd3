package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"omega-export/internal/ledger"
	"omega-export/internal/omega"
	"omega-export/internal/report"
)

// othersEvery is how often a run that has nothing left looks whether the numbers that other runs ask for are done.
const othersEvery = 2 * time.Second

// pageSize is how many numbers a run claims at a time: few, since no other run of the ledger can ask for them meanwhile.
const pageSize = 16

// tokenInSlot is how long a new token may take while a slot is held.
const tokenInSlot = 2 * time.Second

// lane is one supplier's part of a run: its access, its quota, its numbers. One goroutine dispatches (a job, a slot, a
// token, then a goroutine for the call); all lanes share one recorder.
type lane struct {
	supplier Supplier
	config   Config
	log      *slog.Logger
	books    *ledger.Ledger
	run      ledger.Run
	queue    *queue
	outage   outage
	budget   *budget
	results  chan<- result
	recorder *report.Recorder
	meter    *meter
	stop     context.CancelCauseFunc // ends this lane's dispatching
	holds    atomic.Bool             // it has claimed numbers that it will not settle: others may wait for it, so it waits for none

	outageTold seldom // of the dispatching goroutine
	watcher    Watcher
	span       trace.Span
	endSpan    func(error)

	// Of the recorder's goroutine while it runs.
	access
	counts SupplierCounts
	standing
}

// result is one call's end.
type result struct {
	lane   *lane
	job    *job
	answer omega.Answer
}

// budget is the calls that a run may make, shared by its lanes.
type budget struct {
	limited bool
	left    atomic.Int64
}

func newBudget(maxCalls int64) *budget {
	b := &budget{limited: maxCalls > 0}
	b.left.Store(maxCalls)
	return b
}

// take says whether one more call may be made, and counts it.
func (b *budget) take() bool { return !b.limited || b.left.Add(-1) >= 0 }

// pages gives what a lane has to ask for, a page at a time, in the ledger's order.
func pages(books *ledger.Ledger, run ledger.Run, number int) func(context.Context) ([]ledger.Demande, error) {
	return func(ctx context.Context) ([]ledger.Demande, error) {
		return books.NextDue(ctx, run, number, time.Now(), pageSize)
	}
}

// dispatch makes calls until no work is left or ctx ends. It returns once every call has ended.
func (l *lane) dispatch(ctx, inFlight context.Context) error {
	var calls errgroup.Group
	calls.SetLimit(l.config.MaxInFlight)
	defer func() { _ = calls.Wait() }()
	l.meter = newMeter(l.recorder, l.supplier.Pacer.Interval())
	for ctx.Err() == nil {
		job, token, slot, err := l.next(ctx)
		if err != nil {
			return err
		}
		if job == nil {
			done, err := l.othersDone(ctx)
			if done || err != nil {
				return err
			}
			continue
		}
		calls.Go(func() error {
			answer := l.supplier.Client.Call(inFlight, token, job.demande.Numero, job.demande.CodeCDGF, slot.Written)
			slot.Unused() // no effect once it was written
			l.results <- result{l, job, answer}
			return nil
		})
	}
	return nil
}

// surrender sets free the numbers that the lane has claimed and will not ask for: other suppliers may keep the run going
// for long, and other runs wait for what it has claimed.
func (l *lane) surrender(ctx context.Context) error {
	ids := l.queue.surrender()
	if len(ids) == 0 {
		return nil
	}
	if err := l.books.Release(context.WithoutCancel(ctx), l.run, ids); err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	return nil
}

// next waits for a job and the right to ask for it. It gives no job when no work is left or ctx has ended.
func (l *lane) next(ctx context.Context) (*job, omega.Token, *omega.Slot, error) {
	job, err := l.queue.take(ctx)
	l.meter.idle()
	if err != nil && ctx.Err() == nil {
		return nil, omega.Token{}, nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	if job == nil {
		return nil, omega.Token{}, nil, nil
	}
	token, slot, err := l.admit(ctx)
	l.meter.busy()
	if err != nil {
		l.queue.again(job)
		if ctx.Err() != nil {
			err = nil
		}
		return nil, omega.Token{}, nil, err
	}
	if !l.budget.take() {
		slot.Unused()
		l.queue.again(job)
		l.stop(errMaxCalls)
		return nil, omega.Token{}, nil, nil
	}
	return l.queue.exchange(job), token, slot, nil
}

// othersDone says whether no other run is asking for numbers of this one, after a while if one is: they may come back,
// if it stops or dies.
func (l *lane) othersDone(ctx context.Context) (bool, error) {
	if ctx.Err() != nil || l.holds.Load() {
		return true, nil
	}
	_, others, err := l.books.Left(ctx, l.run, time.Now())
	if err != nil {
		if ctx.Err() != nil {
			return true, nil
		}
		return false, fmt.Errorf("%w: %w", ErrState, err)
	}
	if others == 0 {
		return true, nil
	}
	l.log.Debug("waiting for numbers that another run asks for", "numbers", others)
	return pause(ctx, othersEvery) != nil, nil
}

// admit waits out an outage, then gets a token and the next slot. A connection is opened before the slot, so that the
// slot is not spent on opening one. Whoever has a slot keeps the other processes of the quota waiting, so nothing long
// is done with it: a token that has ended while the slot was waited for is replaced at once, or the slot given back.
func (l *lane) admit(ctx context.Context) (omega.Token, *omega.Slot, error) {
	for {
		if err := l.waitOutage(ctx); err != nil {
			return omega.Token{}, nil, err
		}
		if _, err := l.token(ctx); err != nil {
			return omega.Token{}, nil, err
		}
		if err := l.supplier.Client.Prepare(ctx); err != nil && ctx.Err() == nil {
			l.log.Debug("no connection could be opened ahead of the call", "error", err) // the call will say so itself
		}
		began := time.Now()
		slot, err := l.supplier.Pacer.Take(ctx)
		l.meter.held(began, l.supplier.Pacer.Resume())
		if err != nil {
			if ctx.Err() == nil {
				err = fmt.Errorf("%w: %w", ErrState, err)
			}
			return omega.Token{}, nil, err
		}
		quickly, cancel := context.WithTimeout(ctx, tokenInSlot)
		token, err := l.supplier.Client.Token(quickly)
		cancel()
		if err == nil {
			return token, slot, nil
		}
		slot.Unused()
	}
}

// waitOutage waits before a probe while the API is down.
func (l *lane) waitOutage(ctx context.Context) error {
	down, since, wait := l.outage.state()
	if !down {
		return nil
	}
	lasted := time.Since(since)
	if lasted >= l.config.MaxOutage {
		return fmt.Errorf("%w for %s (--max-outage %s); nothing is lost, run again later", ErrOutage, lasted.Round(time.Second), l.config.MaxOutage)
	}
	if l.outageTold.again(since.String(), time.Now()) {
		l.log.Warn("the API is down, probing slowly", "since", since.Format(time.RFC3339), "next_probe", wait.String(), "gives_up_after", l.config.MaxOutage.String())
	}
	defer l.meter.waited(report.Outage, time.Now())
	return pause(ctx, min(wait, l.config.MaxOutage-lasted))
}

// token is the current token. A token service that is down is waited for like the API itself.
func (l *lane) token(ctx context.Context) (omega.Token, error) {
	var since time.Time // of the first failure
	var told seldom
	defer l.meter.waited(report.NoToken, time.Now())
	for {
		token, err := l.supplier.Client.Token(ctx)
		if err == nil {
			return token, nil
		}
		if ctx.Err() != nil {
			return omega.Token{}, context.Cause(ctx)
		}
		var refused *omega.TokenError
		if errors.As(err, &refused) && refused.Refused {
			return omega.Token{}, fmt.Errorf("%w: the token service refuses the credentials (%w): check --client-id, OMEGA_CLIENT_SECRET or --client-secret-file, and --scope", ErrRefused, err)
		}
		if told.again(err.Error(), time.Now()) {
			l.log.Warn("no token yet, asking again every few seconds", "error", err)
		}
		if since.IsZero() {
			since = time.Now()
		}
		lasted := time.Since(since)
		if lasted >= l.config.MaxOutage {
			return omega.Token{}, fmt.Errorf("%w: no token for %s (--max-outage %s): %w", ErrOutage, lasted.Round(time.Second), l.config.MaxOutage, err)
		}
		if err := pause(ctx, min(firstProbe, l.config.MaxOutage-lasted)); err != nil {
			return omega.Token{}, err
		}
	}
}

// outcome is how the lane's part of the run ended, once all its calls are recorded.
func (l *lane) outcome(ctx, dispatching context.Context, dispatchErr error) error {
	drained, drainErr := l.queue.drained(context.WithoutCancel(ctx))
	switch {
	case l.fatal != nil:
		return l.fatal
	case dispatchErr != nil:
		return dispatchErr
	case drainErr != nil:
		return fmt.Errorf("%w: %w", ErrState, drainErr)
	case !drained:
		return fmt.Errorf("%w: %w", ErrStopped, stopCause(dispatching))
	case l.setAside > 0:
		return fmt.Errorf("%w: %d numbers got no answer and are still due; nothing is lost, run again later", ErrOutage, l.setAside)
	}
	return nil
}
