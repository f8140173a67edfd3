package simulator

import (
	"math"
	"testing"
	"time"
)

// arrivalsAt is what arrivals at those times after a second look like, at one call a second.
func arrivalsAt(times ...time.Duration) arrivals {
	seen := newArrivals(time.Second)
	for _, at := range times {
		seen.add(second().Add(at))
	}
	return seen
}

func TestTheQuotaUsedIsTheCallsMadeOfThoseThatTheTimeAllowed(t *testing.T) {
	for _, test := range []struct {
		name  string
		times []time.Duration
		want  float64
	}{
		{"none", nil, 0},
		{"one", []time.Duration{0}, 0},
		{"at one moment", []time.Duration{0, 0}, 0},
		{"all of it", []time.Duration{0, 1000 * ms, 2000 * ms}, 1},
		{"half of it", []time.Duration{0, 2000 * ms, 4000 * ms}, 0.5},
		{"too much", []time.Duration{0, 500 * ms, 1000 * ms}, 2},
	} {
		seen := arrivalsAt(test.times...)
		if got := seen.quotaUsed(); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestTheQuotaUsedOnceSettledLeavesOutTheBeginning(t *testing.T) {
	var times []time.Duration
	for i := range settled {
		times = append(times, time.Duration(i)*2*time.Second)
	}
	last := times[settled-1]
	seen := arrivalsAt(times...)
	if got := seen.quotaUsedSettled(); got != 0 {
		t.Errorf("at arrival %d: got %v, want 0", settled, got)
	}
	for i := range 10 {
		times = append(times, last+time.Duration(i+1)*1250*ms)
	}
	seen = arrivalsAt(times...)
	if got := seen.quotaUsedSettled(); got != 0.8 {
		t.Errorf("got %v, want 0.8", got)
	}
}

func TestArrivalsNearerThanTheIntervalAreCounted(t *testing.T) {
	seen := arrivalsAt(0, time.Second, 2*time.Second-1, 3*time.Second-1, 3*time.Second-1)
	if seen.underInterval != 2 {
		t.Errorf("got %d, want 2", seen.underInterval)
	}
}

func TestTheGapsAreSummedUpInSeconds(t *testing.T) {
	seen := newArrivals(time.Second)
	now := second()
	seen.add(now)
	for i := range 100 {
		now = now.Add(time.Duration(100-i) * 10 * ms)
		seen.add(now)
	}
	got := seen.summary()
	for _, test := range []struct {
		name      string
		got, want float64
	}{{"min", got.Min, 0.01}, {"p01", got.P01, 0.01}, {"p50", got.P50, 0.5}, {"p99", got.P99, 0.99}, {"max", got.Max, 1}} {
		if math.Abs(test.got-test.want) > 1e-6 {
			t.Errorf("%s: got %v, want %v", test.name, test.got, test.want)
		}
	}
	if got.Kept != 100 {
		t.Errorf("%d gaps are kept, want 100", got.Kept)
	}
}

func TestTheNewestMillionGapsAreKept(t *testing.T) {
	seen := newArrivals(time.Second)
	now := second()
	for range maxGaps + 1 {
		seen.add(now)
		now = now.Add(time.Second)
	}
	for range 10 {
		seen.add(now)
		now = now.Add(3 * time.Second)
	}
	if got := seen.clone(); got.summary().Kept != maxGaps || got.summary().Max != 3 {
		t.Errorf("got %+v, want %d of up to 3 s", got.summary(), maxGaps)
	}
	seen.add(now.Add(time.Hour))
	if len(seen.gaps) != maxGaps || seen.gaps[seen.oldest] != 1 {
		t.Error("the newest gap took another's place than the oldest's")
	}
	if seen.count != maxGaps+12 {
		t.Errorf("%d arrivals are counted", seen.count)
	}
}
