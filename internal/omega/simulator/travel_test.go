package simulator

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestNormalDrawsHaveTheMeanTheSpreadAndTheTailsOfTheStandardNormal(t *testing.T) {
	const draws = 20_000
	var sum, squares float64
	var beyond int
	for draw := range uint64(draws) {
		z := dice{3}.normal(drawTravel, drawTravelAngle, draw)
		sum += z
		squares += z * z
		if math.Abs(z) > 1.959964 {
			beyond++
		}
	}
	// Four standard deviations of each estimate.
	if mean := sum / draws; math.Abs(mean) > 4/math.Sqrt(draws) {
		t.Errorf("mean %v", mean)
	}
	if variance := squares / draws; math.Abs(variance-1) > 4*math.Sqrt(2.0/draws) {
		t.Errorf("variance %v", variance)
	}
	within(t, "draws beyond 1.96", beyond, 0.05, draws)
}

func TestCallsSentInStepAreCountedAsUnevenlyAsTheNetworkIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls, jitter = 2000, 5 * time.Millisecond
		simulator := newSimulator(t, Options{NetworkJitter: jitter, TokenLife: 24 * time.Hour, Gateway: Gateway{Kind: Gap}})
		token := goodToken(t, simulator)
		var asked sync.WaitGroup
		for range calls {
			asked.Go(func() { ask(simulator, token, "WD000001") })
			time.Sleep(time.Second)
		}
		asked.Wait()
		gaps := slices.Clone(simulator.gate.arrivals.gaps)
		var squares float64
		for _, gap := range gaps {
			squares += (float64(gap) - 1) * (float64(gap) - 1)
		}
		// A gap is the difference of two travels.
		got, want := math.Sqrt(squares/float64(len(gaps))), math.Sqrt2*jitter.Seconds()
		if math.Abs(got-want) > 0.1*want {
			t.Errorf("the gaps' standard deviation is %.2f ms, want %.2f", 1000*got, 1000*want)
		}
		// Less than half of calls in step are refused, as the one after a refusal has time enough.
		if stats := simulator.Stats(); stats.Arrivals != calls || stats.Refused < calls*30/100 || stats.Refused > calls*45/100 {
			t.Errorf("%d arrivals, %d refused; want %d, and 30 to 45 in 100 of those refused without a margin", stats.Arrivals, stats.Refused, calls)
		}
	})
}

func TestWhatHasLeftArrivesThoughItsCallerHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		simulator := newSimulator(t, Options{NetworkJitter: 5 * time.Millisecond})
		request := demandeRequest(goodToken(t, simulator), "WD000001")
		gone, leave := context.WithCancel(t.Context())
		leave()
		send(simulator, request.WithContext(gone))
		if stats := simulator.Stats(); stats.Arrivals != 1 || stats.Documents != 0 {
			t.Errorf("%d arrivals and %d documents, want 1 and 0", stats.Arrivals, stats.Documents)
		}
	})
}
