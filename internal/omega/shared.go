package omega

import (
	"context"
	"fmt"
	"time"
)

const (
	// tellTimeout is how long news may wait for the gate where no slot is waited for.
	tellTimeout = 5 * time.Second
	// sameTime is how much a gate may change a time that it keeps.
	sameTime = 2 * time.Microsecond
)

// shared is a pacer's dealing with the gate. The process's use of it passes from the first in the queue to the slot that
// it gets, and is free when that ends. But for Enter, the gate is called under the pacer's mutex.
//
// A process may die at any moment between the slot and the record of its write. So while a slot is out, the gate keeps a
// last write in the future: one reserve from now, renewed at half of that for as long as the slot is out. Whoever comes
// after a kill waits from there: a kill costs at most a reserve, and brings no two requests together, unless the dead process was
// not let run for half a reserve just before its request left.
type shared struct {
	gate    Gate
	reserve time.Duration
	wall    func() time.Time // the wall clock, without the monotonic one

	user    chan struct{} // who uses the gate, named by the channel on which it waits; nil: nobody
	inside  bool
	known   kept         // what the gate keeps, as far as this process knows
	knownAt [2]time.Time // when: by the monotonic clock, and by the wall clock
	news    bool         // there is something to keep
	failed  error        // of the gate, where it could not be returned; for the next Take
	renewal *time.Timer
}

// kept is what the gate keeps.
type kept struct {
	last   time.Time
	margin time.Duration
	resume time.Time
}

// alone is the gate of a process that shares the quota with none.
type alone struct{}

func (alone) Enter(context.Context) (last time.Time, margin time.Duration, resume time.Time, err error) {
	return last, 0, resume, nil
}
func (alone) Keep(time.Time, time.Duration, time.Time) error { return nil }
func (alone) Leave() error                                   { return nil }

func newShared(gate Gate, interval time.Duration) shared {
	if gate == nil {
		gate = alone{}
	}
	wall := func() time.Time { return time.Now().Round(0) }
	return shared{
		gate: gate, wall: wall, knownAt: [2]time.Time{time.Now(), wall()},
		// Long enough to be renewed in time on a machine that is busy.
		reserve: max(100*time.Millisecond, min(interval, time.Second)),
	}
}

// enter goes in, unless the caller is inside already, takes over what others learned, and keeps what they do not know.
func (p *Pacer) enter(ctx context.Context) error {
	p.mutex.Lock()
	inside := p.shared.inside
	p.mutex.Unlock()
	if inside {
		return nil
	}
	last, margin, resume, err := p.shared.gate.Enter(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return gateError(err)
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.shared.inside = true
	p.learn(kept{last, margin, resume})
	if p.shared.news {
		return p.keep()
	}
	return nil
}

func gateError(err error) error {
	return fmt.Errorf("sharing the quota with other processes: %w", err)
}

// learn takes over what others kept. The mutex is held.
func (p *Pacer) learn(found kept) {
	now, wall := time.Now(), p.shared.wall()
	before := p.shared.known
	if !found.last.IsZero() && !same(found.last, before.last) {
		// How far the wall clock was set ahead since the last look; the write may have been before that.
		ahead := wall.Sub(p.shared.knownAt[1]) - now.Sub(p.shared.knownAt[0])
		age := wall.Sub(found.last) - max(0, ahead)
		if age < -p.shared.reserve {
			age = 0 // the clock was set back: the write may have been just now
		}
		p.last = later(p.last, now.Add(-age))
	}
	if found.margin > 0 && found.margin != before.margin {
		p.margin.elsewhere(found.margin, before.margin)
	}
	if !found.resume.IsZero() && !same(found.resume, before.resume) {
		from := wall
		if found.last.Sub(wall) > p.shared.reserve {
			from = found.last // the clock was set back since: no longer wait than was asked for
		}
		p.resume = later(p.resume, now.Add(min(found.resume.Sub(from), longestRetryAfter)))
	}
	p.shared.known, p.shared.knownAt = found, [2]time.Time{now, wall}
}

func same(a, b time.Time) bool { return a.Sub(b).Abs() < sameTime }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// keep keeps in the gate what this process knows. The mutex is held, and the process inside.
func (p *Pacer) keep() error {
	now, wall := time.Now(), p.shared.wall()
	onWall := func(t time.Time) time.Time { return wall.Add(t.Sub(now)) }
	keeping := kept{last: wall, margin: p.margin.now}
	switch {
	case p.out != nil:
		keeping.last = wall.Add(p.shared.reserve)
	case !p.last.IsZero():
		keeping.last = onWall(p.last)
	}
	if p.resume.After(now) {
		keeping.resume = onWall(p.resume)
	}
	if err := p.shared.gate.Keep(keeping.last, keeping.margin, keeping.resume); err != nil {
		return gateError(err)
	}
	p.shared.news = false
	p.shared.known, p.shared.knownAt = keeping, [2]time.Time{now, wall}
	return nil
}

// leave goes out, if inside. The mutex is held.
func (p *Pacer) leave() {
	if !p.shared.inside {
		return
	}
	p.shared.inside = false
	if err := p.shared.gate.Leave(); err != nil {
		p.note(gateError(err))
	}
}

// note keeps an error that cannot be returned for the next Take. The mutex is held.
func (p *Pacer) note(err error) {
	if err != nil && p.shared.failed == nil {
		p.shared.failed = err
	}
}

// share brings news to the other processes: now, if inside; else whoever uses the gate does, or tell. The mutex is held.
func (p *Pacer) share() {
	p.shared.news = true
	if p.shared.inside {
		p.note(p.keep())
		return
	}
	p.wake()
}

// tell brings news that nobody else in this process will bring. If the gate is not free in time, they wait for the next Take.
func (p *Pacer) tell() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if !p.shared.news || p.shared.user != nil || len(p.waiting) > 0 {
		return
	}
	p.shared.user = make(chan struct{}, 1)
	p.mutex.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), tellTimeout)
	defer cancel()
	err := p.enter(ctx)
	p.mutex.Lock()
	if ctx.Err() == nil {
		p.note(err)
	}
	p.leave()
	p.shared.user = nil
	p.wake()
}

// startRenewal keeps the reserve ahead of a slot that is out. The mutex is held.
func (p *Pacer) startRenewal(slot *Slot) {
	if p.shared.gate == (alone{}) {
		return
	}
	p.shared.renewal = time.AfterFunc(p.shared.reserve/2, func() {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		if p.out == slot {
			p.note(p.keep())
			p.shared.renewal.Reset(p.shared.reserve / 2)
		}
	})
}

// stopRenewal is called with the mutex held, and p.out gone: one that has begun does nothing.
func (p *Pacer) stopRenewal() {
	if p.shared.renewal != nil {
		p.shared.renewal.Stop()
	}
}
