package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"omega-export/internal/ledger"
	"omega-export/internal/omega"
)

// pageSize is how many due numbers are held in memory.
const pageSize = 1000

// result is one call's end.
type result struct {
	job    *job
	answer omega.Answer
}

// fetcher makes the calls. One goroutine dispatches (a job, a token, a slot, then a goroutine for the call), one
// records; they meet in the queue and in the channel of results.
type fetcher struct {
	config  Config
	rooms   Rooms
	queue   *queue
	outage  outage
	results chan result
	stop    context.CancelCauseFunc // ends the dispatching
}

// fetch asks for all that is due. No new call is made once ctx ends or a limit is reached (ErrStopped).
func fetch(ctx context.Context, config Config, rooms Rooms, run ledger.Run, publisher *publisher, report *Report) error {
	dispatching, cancel := limited(ctx, config)
	defer cancel()
	dispatching, stop := context.WithCancelCause(dispatching)
	defer stop(nil)
	// Calls in flight outlive a limit, and a signal by the grace time: their answers are paid for.
	inFlight, abort := graced(ctx, config.Grace)
	defer abort()

	f := &fetcher{
		config: config, rooms: rooms, results: make(chan result, config.MaxInFlight), stop: stop, queue: newQueue(pages(rooms.Ledger, run)),
	}
	unsealed, err := rooms.Ledger.Unsealed(ctx) // left by a run that was killed
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	rooms.Progress.Planned(report.Due)
	defer rooms.Progress.Finished()
	recorder := newRecorder(f, publisher, report, unsealed)
	recorded := make(chan error, 1)
	go func() { recorded <- recorder.run(context.WithoutCancel(ctx)) }()
	dispatchErr := f.dispatch(dispatching, inFlight)
	close(f.results)
	recordErr := <-recorded
	drained, drainErr := f.queue.drained(context.WithoutCancel(ctx))
	switch {
	case recordErr != nil || recorder.fatal != nil:
		return errors.Join(recorder.fatal, recordErr)
	case dispatchErr != nil:
		return dispatchErr
	case drainErr != nil:
		return fmt.Errorf("%w: reading what is due: %w", ErrState, drainErr)
	case !drained:
		return fmt.Errorf("%w: %w", ErrStopped, stopCause(dispatching))
	case recorder.setAside > 0:
		return fmt.Errorf("%w: %d numbers got no answer and are still due; nothing is lost, run again later", ErrOutage, recorder.setAside)
	}
	return nil
}

// pages gives what is due, a page at a time, in the ledger's order.
func pages(books *ledger.Ledger, run ledger.Run) func(context.Context) ([]ledger.Demande, error) {
	var cursor ledger.Cursor
	return func(ctx context.Context) (page []ledger.Demande, err error) {
		page, cursor, err = books.NextDue(ctx, run, cursor, time.Now(), pageSize)
		return page, err
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
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
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

// dispatch makes calls until no work is left or ctx ends. It returns once every call has ended.
func (f *fetcher) dispatch(ctx, inFlight context.Context) error {
	var calls errgroup.Group
	calls.SetLimit(f.config.MaxInFlight)
	defer func() { _ = calls.Wait() }()
	for made := int64(0); ctx.Err() == nil; made++ {
		if f.config.MaxCalls > 0 && made >= f.config.MaxCalls {
			f.stop(errMaxCalls)
			return nil
		}
		job, token, slot, err := f.next(ctx)
		if job == nil || err != nil {
			return err
		}
		calls.Go(func() error {
			answer := f.rooms.Client.Call(inFlight, token, job.demande.Numero, job.demande.CodeCDGF, slot.Written)
			slot.Unused() // no effect once it was written
			f.results <- result{job, answer}
			return nil
		})
	}
	return nil
}

// next waits for a job and the right to ask for it. It gives no job when no work is left or ctx has ended.
func (f *fetcher) next(ctx context.Context) (*job, omega.Token, *omega.Slot, error) {
	job, err := f.queue.take(ctx)
	if ctx.Err() != nil {
		f.queue.giveBack(job)
		return nil, omega.Token{}, nil, nil
	}
	if err != nil {
		return nil, omega.Token{}, nil, fmt.Errorf("%w: reading what is due: %w", ErrState, err)
	}
	if job == nil {
		return nil, omega.Token{}, nil, nil
	}
	token, slot, err := f.admit(ctx)
	if err != nil {
		f.queue.giveBack(job)
		if ctx.Err() != nil {
			err = nil
		}
		return nil, omega.Token{}, nil, err
	}
	return f.queue.exchange(job), token, slot, nil
}

// admit waits out an outage, then gets the next slot and a token: in this order, since a slot may take longer to come
// than a token's last moments.
func (f *fetcher) admit(ctx context.Context) (omega.Token, *omega.Slot, error) {
	if err := f.waitOutage(ctx); err != nil {
		return omega.Token{}, nil, err
	}
	slot, err := f.rooms.Pacer.Take(ctx)
	if err != nil {
		return omega.Token{}, nil, err
	}
	token, err := f.token(ctx)
	if err != nil {
		slot.Unused()
		return omega.Token{}, nil, err
	}
	return token, slot, nil
}

// waitOutage waits before a probe while the API is down.
func (f *fetcher) waitOutage(ctx context.Context) error {
	down, since, wait := f.outage.state()
	if !down {
		return nil
	}
	lasted := time.Since(since)
	if lasted >= f.config.MaxOutage {
		return fmt.Errorf("%w for %s (--max-outage %s); nothing is lost, run again later", ErrOutage, lasted.Round(time.Second), f.config.MaxOutage)
	}
	f.rooms.Log.Warn("the API is down, probing slowly", "since", since.Format(time.RFC3339), "next_probe", wait.String())
	return pause(ctx, min(wait, f.config.MaxOutage-lasted))
}

// token is the current token. A token service that is down is waited for like the API itself.
func (f *fetcher) token(ctx context.Context) (omega.Token, error) {
	var since time.Time // of the first failure
	for {
		token, err := f.rooms.Client.Token(ctx)
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
		f.rooms.Log.Warn("no token yet", "error", err)
		if since.IsZero() {
			since = time.Now()
		}
		lasted := time.Since(since)
		if lasted >= f.config.MaxOutage {
			return omega.Token{}, fmt.Errorf("%w: no token for %s (--max-outage %s): %w", ErrOutage, lasted.Round(time.Second), f.config.MaxOutage, err)
		}
		if err := pause(ctx, min(firstProbe, f.config.MaxOutage-lasted)); err != nil {
			return omega.Token{}, err
		}
	}
}
