package simulator

import "time"

// counter counts calls against the quota. It is not safe for concurrent use.
type counter interface {
	// arrive counts a call that came at now, which is never before the last one's, and says whether it is let in; if
	// not, how long to wait from now until a call would be.
	arrive(now time.Time) (accepted bool, wait time.Duration)
}

// newCounter is the counter of a completed gateway.
func newCounter(g Gateway) counter {
	switch g.Kind {
	case Window:
		calls, span := g.period()
		return &windowCounter{calls: calls, span: span - g.Tolerance, countRefused: g.CountRefused}
	case Calendar:
		calls, span := g.period()
		return &calendarCounter{calls: calls, span: span}
	case Bucket:
		return &bucketCounter{interval: g.interval(), burst: time.Duration(g.Burst)}
	case Unlimited:
		return unlimited{}
	default:
		return &gapCounter{gap: g.interval() - g.Tolerance, countRefused: g.CountRefused}
	}
}

type gapCounter struct {
	gap          time.Duration
	countRefused bool
	last         time.Time
}

func (c *gapCounter) arrive(now time.Time) (bool, time.Duration) {
	wait := c.gap - now.Sub(c.last)
	if c.last.IsZero() || wait <= 0 {
		c.last = now
		return true, 0
	}
	if c.countRefused {
		c.last = now
		wait = c.gap
	}
	return false, wait
}

// windowCounter remembers the calls of the last span. It grows with the calls that came, not with the quota, so that a huge
// quota costs no memory.
type windowCounter struct {
	calls        int
	span         time.Duration
	countRefused bool
	counted      []time.Time // oldest first, calls of them at most
}

func (c *windowCounter) arrive(now time.Time) (bool, time.Duration) {
	gone := 0
	for gone < len(c.counted) && now.Sub(c.counted[gone]) >= c.span {
		gone++
	}
	c.counted = c.counted[gone:]
	accepted := len(c.counted) < c.calls
	if accepted || c.countRefused {
		c.counted = append(c.counted, now)
		c.counted = c.counted[max(0, len(c.counted)-c.calls):]
	}
	if accepted {
		return true, 0
	}
	return false, c.span - now.Sub(c.counted[0])
}

type calendarCounter struct {
	calls int
	span  time.Duration
	begun int64 // nanoseconds since 1970 at which the current span began
	used  int
}

func (c *calendarCounter) arrive(now time.Time) (bool, time.Duration) {
	at := now.UnixNano()
	begun := at - at%int64(c.span)
	if begun != c.begun {
		c.begun, c.used = begun, 0
	}
	if c.used < c.calls {
		c.used++
		return true, 0
	}
	return false, time.Duration(begun + int64(c.span) - at)
}

// bucketCounter keeps the moment at which the bucket would be full again instead of its level: that takes only sums
// of whole nanoseconds, so a client exactly at the rate is never refused for a rounding.
type bucketCounter struct {
	interval time.Duration
	burst    time.Duration // a number of calls
	full     time.Time
}

func (c *bucketCounter) arrive(now time.Time) (bool, time.Duration) {
	if c.full.Before(now) {
		c.full = now
	}
	if wait := c.full.Sub(now) - (c.burst-1)*c.interval; wait > 0 {
		return false, wait
	}
	c.full = c.full.Add(c.interval)
	return true, 0
}

type unlimited struct{}

func (unlimited) arrive(time.Time) (bool, time.Duration) { return true, 0 }
