package omega

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// longestBackOff is the longest wait after refusals that ask for none.
const longestBackOff = time.Minute

// PacerOptions say how fast, and what is known from before.
type PacerOptions struct {
	Rate float64 // calls a second, above 0, at most a million; the supplier's quota (guide §1.3) is 1
	// LastWrite is when the last request left, in an earlier run; zero: never. One in the future, as when the clock
	// was set back since, counts as now.
	LastWrite time.Time
	// Margin is what an earlier run had learned; zero: none, begin at 20 ms, or less above one call a second.
	Margin time.Duration
}

// PacerState is what the next run should know.
type PacerState struct {
	LastWrite time.Time // zero: no request ever left
	Margin    time.Duration
}

// Pacer gives slots under the quota. The next slot comes one interval and a margin after the last request really
// left, not after the slot was given: nothing that delays a request between its slot and the wire can then bring two
// requests closer together. While a slot is out and neither Written nor Unused, none other is given.
//
// Times are of the monotonic clock, so the wall clock may be set during a run. Methods may be called from any goroutine.
type Pacer struct {
	interval time.Duration

	mutex   sync.Mutex // guards all below
	last    time.Time  // the last write
	margin  margin
	resume  time.Time     // no slot before this: the wait after a refusal
	backOff time.Duration // the last wait that no answer asked for; 0: the last answer was no refusal
	refused bool          // the last answer was a refusal
	out     *Slot         // given, and neither written nor unused; or nil
	waiting []chan struct{}
}

// Slot is the right to one call now. Each must end in Written or Unused.
type Slot struct {
	pacer   *Pacer
	written bool // under the pacer's mutex
}

// NewPacer makes a pacer. It fails if the rate is no number above 0 and at most a million.
func NewPacer(options PacerOptions) (*Pacer, error) {
	if !(options.Rate > 0 && options.Rate <= 1e6) {
		return nil, fmt.Errorf("a rate of %v calls a second: it must be above 0, and at most a million", options.Rate)
	}
	const longest = 365 * 24 * time.Hour // what a tiny rate comes to must still be a time
	interval := time.Duration(min(float64(time.Second)/options.Rate, float64(longest)))
	pacer := &Pacer{interval: interval, margin: newMargin(marginsFor(interval), options.Margin)}
	if !options.LastWrite.IsZero() {
		// As a reading of the monotonic clock, which the stored time does not have.
		now := time.Now()
		pacer.last = now.Add(-max(0, now.Round(0).Sub(options.LastWrite.Round(0))))
	}
	return pacer, nil
}

// Interval is the time that the quota puts between two calls.
func (p *Pacer) Interval() time.Duration { return p.interval }

// State is what the next run should know.
func (p *Pacer) State() PacerState {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return PacerState{LastWrite: p.last, Margin: p.margin.now}
}

// Take waits for the next slot. Callers get theirs in the order in which they came. It fails only if ctx ends, with
// its cause; no slot is then lost.
func (p *Pacer) Take(ctx context.Context) (*Slot, error) {
	turn := p.queue()
	for {
		slot, wait := p.try(ctx, turn)
		if slot != nil {
			return slot, nil
		}
		if err := sleep(ctx, wait, turn); err != nil {
			p.leave(turn)
			return nil, fmt.Errorf("waiting for a slot: %w", err)
		}
	}
}

// queue puts a caller behind the others. What it returns receives when it may be the caller's turn.
func (p *Pacer) queue() chan struct{} {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	turn := make(chan struct{}, 1)
	p.waiting = append(p.waiting, turn)
	return turn
}

// try gives the caller its slot, or says how long to wait; a negative wait is until its turn comes.
func (p *Pacer) try(ctx context.Context, turn chan struct{}) (*Slot, time.Duration) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if ctx.Err() != nil || p.waiting[0] != turn || p.out != nil {
		return nil, -1
	}
	if wait := time.Until(p.next()); wait > 0 {
		return nil, wait
	}
	p.waiting = p.waiting[1:]
	p.out = &Slot{pacer: p}
	return p.out, 0
}

// next is when the next slot may be given.
func (p *Pacer) next() time.Time {
	next := p.resume
	if p.last.IsZero() {
		return next
	}
	if spaced := p.last.Add(p.interval + p.margin.now); spaced.After(next) {
		return spaced
	}
	return next
}

// leave takes a caller who gave up out of the queue.
func (p *Pacer) leave(turn chan struct{}) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.waiting = slices.DeleteFunc(p.waiting, func(other chan struct{}) bool { return other == turn })
	p.wake()
}

// wake tells the first in the queue to try. The mutex is held.
func (p *Pacer) wake() {
	if len(p.waiting) == 0 {
		return
	}
	select {
	case p.waiting[0] <- struct{}{}:
	default: // it has been told
	}
}

// sleep waits until turn receives or, where wait is not negative, for so long; it fails with ctx's cause.
func sleep(ctx context.Context, wait time.Duration, turn <-chan struct{}) error {
	var elapsed <-chan time.Time
	if wait >= 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		elapsed = timer.C
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-turn:
	case <-elapsed:
	}
	return nil
}

// Written says when the slot's request left. The next slot is one interval and a margin later. Only the first Written
// of a slot counts. One that follows Unused still spaces the slots to come.
func (s *Slot) Written(at time.Time) {
	p := s.pacer
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if s.written {
		return
	}
	s.written = true
	if at.After(p.last) {
		p.last = at
	}
	s.release()
}

// Unused says that the slot's request did not leave: the next slot may go at once. It does nothing after Written.
func (s *Slot) Unused() {
	s.pacer.mutex.Lock()
	defer s.pacer.mutex.Unlock()
	s.release()
}

// release lets the next slot be given. The mutex is held.
func (s *Slot) release() {
	if s.pacer.out == s {
		s.pacer.out = nil
		s.pacer.wake()
	}
}

// Accepted says that an answer came that is no refusal of the quota.
func (p *Pacer) Accepted() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.refused, p.backOff = false, 0
	p.margin.accepted()
}

// Refused says that a call was refused for the quota (429): no slot is given for as long as retryAfter, or if that is
// zero for one interval, then twice as long at each further refusal with no accepted call between, up to a minute.
//
// The margin grows at the first refusal in a row only: those that follow came after a wait far longer than any
// margin, so they say nothing of it. Refusals during the wait are of calls that left before it, and do not double it.
func (p *Pacer) Refused(retryAfter time.Duration) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	now := time.Now()
	if !p.refused {
		p.margin.refused()
		p.refused = true
	}
	wait := retryAfter
	if wait <= 0 {
		if now.Before(p.resume) {
			return
		}
		p.backOff = min(max(2*p.backOff, p.interval), max(longestBackOff, p.interval))
		wait = p.backOff
	}
	if until := now.Add(wait + p.margin.now); until.After(p.resume) {
		p.resume = until
	}
}
