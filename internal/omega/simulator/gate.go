package simulator

import (
	"sync"
	"time"
)

// gate is where calls arrive: it stamps them, counts them against the quota, and keeps the times between them.
//
// It takes the stamp under its lock, so stamps never go backwards from one call to the next counted; and nothing slow
// happens under that lock, so a call's stamp does not wait for another's bookkeeping.
type gate struct {
	now func() time.Time

	mutex    sync.Mutex // guards all below
	counter  counter
	calls    uint64 // ever, whatever was reset
	arrivals arrivals
}

// passage is what the gate says of one call.
type passage struct {
	arrival  uint64 // 1 for the first
	at       time.Time
	accepted bool
	retryIn  time.Duration // if not accepted: how long until a call would be
}

func (g *gate) arrive() passage {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.calls++
	now := g.now()
	accepted, wait := g.counter.arrive(now)
	g.arrivals.add(now)
	return passage{g.calls, now, accepted, wait}
}

// snapshot is a copy of the arrivals.
func (g *gate) snapshot() arrivals {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.arrivals.clone()
}

// reset forgets the arrivals, and neither the quota nor the number of calls, from which the faults follow.
func (g *gate) reset() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.arrivals = newArrivals(g.arrivals.interval)
}
