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
	// Gate is shared with the other processes that call under the same quota; nil: there are none. What it has kept
	// stands above LastWrite and Margin.
	Gate Gate
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
	shared   shared

	mutex   sync.Mutex // guards all below, and what of shared is not fixed
	last    time.Time  // the last write
	margin  margin
	resume  time.Time     // no slot before this: the wait after a refusal
	backOff time.Duration // the last wait that no answer asked for; 0: the last answer was no refusal
	refused bool          // the last answer was a refusal
	out     *Slot         // given, and neither written nor unused; or nil
	waiting []chan struct{}
}

// Slot is the right to one call now. Each must end in Written or Unused: until then no process gets another.
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
	pacer.shared = newShared(options.Gate, interval)
	if !options.LastWrite.IsZero() {
		// As a reading of the monotonic clock, which the stored time does not have.
		now := time.Now()
		pacer.last = now.Add(-max(0, now.Round(0).Sub(options.LastWrite.Round(0))))
	}
	return pacer, nil
}

// Interval is the time that the quota puts between two calls.
func (p *Pacer) Interval() time.Duration { return p.interval }

// Resume is when slots are given again after a refusal or a spent quota; in the past, or zero, if none keeps them back.
func (p *Pacer) Resume() time.Time {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.resume
}

// State is what the next run should know.
func (p *Pacer) State() PacerState {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return PacerState{LastWrite: p.last, Margin: p.margin.now}
}

// Take waits for the next slot. Callers get theirs in the order in which they came. It fails if ctx ends, with its
// cause, or with the gate's error; no slot is then lost.
func (p *Pacer) Take(ctx context.Context) (*Slot, error) {
	turn := p.queue()
	slot, err := p.take(ctx, turn)
	if err != nil {
		p.giveUp(turn)
		return nil, fmt.Errorf("waiting for a slot: %w", err)
	}
	return slot, nil
}

// queue puts a caller behind the others. What it returns receives when there may be something for the caller to do.
func (p *Pacer) queue() chan struct{} {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	turn := make(chan struct{}, 1)
	p.waiting = append(p.waiting, turn)
	return turn
}

func (p *Pacer) take(ctx context.Context, turn chan struct{}) (*Slot, error) {
	for {
		first, err := p.claim(turn)
		if err != nil {
			return nil, err
		}
		if first {
			break
		}
		if err := sleep(ctx, -1, turn); err != nil {
			return nil, err
		}
	}
	for {
		if err := p.enter(ctx); err != nil {
			return nil, err
		}
		slot, wait, err := p.give(ctx)
		if slot != nil || err != nil {
			return slot, err
		}
		if err := sleep(ctx, wait, turn); err != nil {
			return nil, err
		}
	}
}

// claim gives the use of the gate to the first in the queue, once it is free.
func (p *Pacer) claim(turn chan struct{}) (first bool, err error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.waiting[0] != turn || p.shared.user != nil {
		return false, nil
	}
	p.shared.user = turn
	err, p.shared.failed = p.shared.failed, nil
	return true, err
}

// give gives the first in the queue its slot, or says how long to wait before it tries again.
func (p *Pacer) give(ctx context.Context) (*Slot, time.Duration, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if ctx.Err() != nil {
		return nil, 0, context.Cause(ctx)
	}
	if wait := time.Until(p.next()); wait > p.interval+p.margin.now+p.shared.reserve {
		p.leave() // it waits after a refusal: whom others refuse meanwhile must be able to tell
		return nil, wait - p.interval, nil
	} else if wait > 0 {
		return nil, wait, nil
	}
	slot := &Slot{pacer: p}
	p.out = slot
	if err := p.keep(); err != nil {
		p.out = nil
		return nil, 0, err
	}
	p.waiting = p.waiting[1:]
	p.startRenewal(slot)
	return slot, 0, nil
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

// giveUp takes a caller out of the queue that gets no slot.
func (p *Pacer) giveUp(turn chan struct{}) {
	p.mutex.Lock()
	p.waiting = slices.DeleteFunc(p.waiting, func(other chan struct{}) bool { return other == turn })
	if p.shared.user == turn {
		p.shared.user = nil
		p.leave()
	}
	p.wake()
	p.mutex.Unlock()
	p.tell()
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
	first := !s.written
	s.written = true
	if first && at.After(p.last) {
		p.last = at
	}
	if p.out == s {
		p.release()
	} else if first {
		p.share()
	}
	p.mutex.Unlock()
	p.tell()
}

// Unused says that the slot's request did not leave: the next slot may go at once. It does nothing after Written.
func (s *Slot) Unused() {
	s.pacer.mutex.Lock()
	defer s.pacer.mutex.Unlock()
	if s.pacer.out == s {
		s.pacer.release()
	}
}

// release ends the slot that is out, and lets the next be given. The mutex is held.
func (p *Pacer) release() {
	p.out = nil
	p.stopRenewal()
	p.note(p.keep())
	p.leave()
	p.shared.user = nil
	p.wake()
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
//
// Other processes come to know with the next slot; where nobody waits for one, Refused itself tells them, which takes
// as long as the slot of another process, and five seconds at most.
func (p *Pacer) Refused(retryAfter time.Duration) {
	p.mutex.Lock()
	if !p.refused {
		p.margin.refused()
		p.refused = true
	}
	wait := retryAfter
	if now := time.Now(); wait <= 0 && !now.Before(p.resume) {
		p.backOff = min(max(2*p.backOff, p.interval), max(longestBackOff, p.interval))
		wait = p.backOff
	}
	p.hold(wait)
	p.share()
	p.mutex.Unlock()
	p.tell()
}

// Quota says what an answer told of the quota. With no call left, no slot is given until the reset; unless that comes
// within two intervals, as with a quota counted by the second, which the interval keeps already. Other processes come to
// know as of a refusal.
func (p *Pacer) Quota(field QuotaField) {
	if field.Remaining > 0 || field.Reset <= 2*p.interval {
		return
	}
	p.mutex.Lock()
	if p.hold(field.Reset) {
		p.share()
	}
	p.mutex.Unlock()
	p.tell()
}

// hold gives no slot for a while, and says whether that is news. The mutex is held.
func (p *Pacer) hold(wait time.Duration) bool {
	until := time.Now().Add(wait + p.margin.now)
	if wait <= 0 || !until.After(p.resume) {
		return false
	}
	p.resume = until
	return true
}
