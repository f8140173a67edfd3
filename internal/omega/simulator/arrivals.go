package simulator

import (
	"math"
	"slices"
	"time"
)

const (
	// maxGaps is how many gaps are kept, the newest: 4 MB, and eleven days at one call a second.
	maxGaps = 1_000_000
	// settled is the number of arrivals after which a pacer is expected to know its margin.
	settled = 200
)

// arrivals is when calls came: enough to tell how they were spaced, in bounded memory.
type arrivals struct {
	interval time.Duration // of the quota

	count         int64
	first, last   time.Time
	settledAt     time.Time // of arrival number settled
	underInterval int64
	gaps          []float32 // seconds; a ring once it holds maxGaps
	oldest        int       // where the ring begins
}

func newArrivals(interval time.Duration) arrivals {
	return arrivals{interval: interval}
}

func (a *arrivals) add(now time.Time) {
	a.count++
	if a.count == 1 {
		a.first = now
	} else {
		gap := now.Sub(a.last)
		if gap < a.interval {
			a.underInterval++
		}
		a.keep(float32(gap.Seconds()))
	}
	if a.count == settled {
		a.settledAt = now
	}
	a.last = now
}

func (a *arrivals) keep(gap float32) {
	if len(a.gaps) < maxGaps {
		a.gaps = append(a.gaps, gap)
		return
	}
	a.gaps[a.oldest] = gap
	a.oldest = (a.oldest + 1) % maxGaps
}

func (a *arrivals) clone() arrivals {
	clone := *a
	clone.gaps = slices.Clone(a.gaps)
	return clone
}

// quotaUsed is the share of the quota used from the first arrival to the last; 1 means one call an interval. It is 0 while there is
// no time to measure.
func (a *arrivals) quotaUsed() float64 {
	return a.used(a.count-1, a.first)
}

// quotaUsedSettled is the same from arrival number settled on.
func (a *arrivals) quotaUsedSettled() float64 {
	if a.settledAt.IsZero() {
		return 0
	}
	return a.used(a.count-settled, a.settledAt)
}

func (a *arrivals) used(intervals int64, since time.Time) float64 {
	elapsed := a.last.Sub(since)
	if intervals < 1 || elapsed <= 0 {
		return 0
	}
	return float64(intervals) * float64(a.interval) / float64(elapsed)
}

// summary sorts the gaps: it is for a clone.
func (a *arrivals) summary() Gaps {
	slices.Sort(a.gaps)
	return Gaps{
		Kept: int64(len(a.gaps)),
		Min:  quantile(a.gaps, 0),
		P01:  quantile(a.gaps, 0.01),
		P50:  quantile(a.gaps, 0.50),
		P99:  quantile(a.gaps, 0.99),
		Max:  quantile(a.gaps, 1),
	}
}

// quantile is the smallest value that at least that share of the sorted values do not exceed; 0 if there is none.
func quantile(sorted []float32, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(share * float64(len(sorted))))
	return float64(sorted[max(0, rank-1)])
}
