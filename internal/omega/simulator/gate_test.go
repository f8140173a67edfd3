package simulator

import (
	"runtime"
	"sync"
	"testing"
	"time"
)

// If a stamp were taken before its turn, a call could be counted after one that came later, and so be refused wrongly.
func TestStampsNeverGoBackwardsInTheOrderOfCounting(t *testing.T) {
	recorded := &recordingCounter{}
	// A clock slow enough for another caller to come between its reading and what follows.
	now := func() time.Time {
		read := time.Now()
		runtime.Gosched()
		return read
	}
	gate := &gate{now: now, counter: recorded, arrivals: newArrivals(time.Second)}
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 500 {
				gate.arrive()
			}
		})
	}
	callers.Wait()
	if len(recorded.times) != 4000 {
		t.Fatalf("%d calls were counted", len(recorded.times))
	}
	for i := 1; i < len(recorded.times); i++ {
		if recorded.times[i].Before(recorded.times[i-1]) {
			t.Fatalf("call %d came %s before the one counted before it", i, recorded.times[i-1].Sub(recorded.times[i]))
		}
	}
}

type recordingCounter struct{ times []time.Time }

func (r *recordingCounter) arrive(now time.Time) (bool, time.Duration) {
	r.times = append(r.times, now)
	return true, 0
}
