package omega

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

func newTestPacer(t *testing.T, options PacerOptions) *Pacer {
	t.Helper()
	if options.Rate == 0 {
		options.Rate = 1
	}
	pacer, err := NewPacer(options)
	if err != nil {
		t.Fatal(err)
	}
	return pacer
}

// write takes a slot and writes after a delay. It returns when the slot came.
func write(t *testing.T, pacer *Pacer, delay time.Duration) time.Time {
	t.Helper()
	slot, err := pacer.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	given := time.Now()
	time.Sleep(delay)
	slot.Written(time.Now())
	return given
}

func TestSlotsAreSpacedFromTheWriteNotFromTheSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pacer := newTestPacer(t, PacerOptions{})
		began := time.Now()
		check(t, "the first slot's wait", write(t, pacer, 0).Sub(began), 0)
		for _, delay := range []time.Duration{0, 300 * time.Millisecond, 5 * time.Second, time.Millisecond} {
			last := pacer.State().LastWrite
			given := write(t, pacer, delay)
			check(t, "the time from the last write to the slot", given.Sub(last), 1020*time.Millisecond)
		}
	})
}

func TestNoSlotIsGivenWhileOneIsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pacer := newTestPacer(t, PacerOptions{})
		slot, err := pacer.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		given := make(chan time.Time, 1)
		go func() { given <- write(t, pacer, 0) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		check(t, "the slots given beside", len(given), 0)
		left := time.Now()
		slot.Written(left)
		check(t, "the next slot", (<-given).Sub(left), 1020*time.Millisecond)
	})
}

func TestASlotUnusedLetsTheNextGoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pacer := newTestPacer(t, PacerOptions{})
		write(t, pacer, 0)
		first, _ := pacer.Take(t.Context())
		due := time.Now()
		first.Unused()
		first.Unused()
		check(t, "the next slot's wait", write(t, pacer, 0).Sub(due), 0)
		// A request that is seen to have left after all is kept away from.
		time.Sleep(500 * time.Millisecond)
		late := time.Now()
		first.Written(late)
		check(t, "the slot after a late write", write(t, pacer, 0).Sub(late), 1020*time.Millisecond)
	})
}

func TestOnlyTheFirstWordOnAWrittenSlotCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pacer := newTestPacer(t, PacerOptions{})
		slot, _ := pacer.Take(t.Context())
		left := time.Now()
		slot.Written(left)
		time.Sleep(500 * time.Millisecond)
		slot.Unused()
		slot.Written(time.Now())
		check(t, "the next slot", write(t, pacer, 0).Sub(left), 1020*time.Millisecond)
		// Nor does the word on an old slot free the one that is out.
		out, _ := pacer.Take(t.Context())
		slot.Unused()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := pacer.Take(ctx); err == nil {
			t.Error("a second slot was given")
		}
		out.Unused()
	})
}

func TestSlotsAreGivenInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pacer := newTestPacer(t, PacerOptions{})
		write(t, pacer, 0)
		order := make(chan int, 20)
		gaveUp, cancel := context.WithCancel(t.Context())
		for i := range cap(order) {
			ctx := t.Context()
			if i%3 == 0 {
				ctx = gaveUp // the first of all is among them
			}
			go func() {
				slot, err := pacer.Take(ctx)
				if err != nil {
					return
				}
				order <- i
				slot.Written(time.Now())
			}()
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		for i := range cap(order) {
			if i%3 != 0 {
				check(t, "the next to get a slot", <-order, i)
			}
		}
		check(t, "the slots of who gave up", len(order), 0)
	})
}

func TestWhoGivesUpTakesNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pacer := newTestPacer(t, PacerOptions{})
		reason := errors.New("the run is stopped")
		ended, cancel := context.WithCancelCause(t.Context())
		cancel(reason)
		if slot, err := pacer.Take(ended); slot != nil || !errors.Is(err, reason) {
			t.Errorf("who had given up got slot %v, error %v", slot, err)
		}
		write(t, pacer, 0)
		ctx, stop := context.WithTimeoutCause(t.Context(), 500*time.Millisecond, reason)
		defer stop()
		began := time.Now()
		if slot, err := pacer.Take(ctx); slot != nil || !errors.Is(err, reason) {
			t.Errorf("who gave up got slot %v, error %v", slot, err)
		}
		check(t, "the wait of who gave up", time.Since(began), 500*time.Millisecond)
		check(t, "the wait of the next", write(t, pacer, 0).Sub(began), 1020*time.Millisecond)
	})
}

func TestARestartKeepsTheSpacing(t *testing.T) {
	cases := []struct {
		name string
		last time.Duration // before now
		want time.Duration
	}{
		{"just after a write", 0, 1020 * time.Millisecond},
		{"a little later", 400 * time.Millisecond, 620 * time.Millisecond},
		{"long after", 24 * time.Hour, 0},
		{"centuries after", math.MaxInt64, 0},
		{"after the clock was set back", -10 * time.Hour, 1020 * time.Millisecond},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				stored := began.Add(-c.last).Round(0) // as the ledger keeps it, without the monotonic clock
				pacer := newTestPacer(t, PacerOptions{LastWrite: stored})
				if c.last >= 0 {
					check(t, "the last write that is kept", pacer.State().LastWrite.Equal(stored), true)
				}
				check(t, "the first slot's wait", write(t, pacer, 0).Sub(began), c.want)
			})
		})
	}
}

func TestTheLearnedMarginIsCarriedOver(t *testing.T) {
	for _, c := range []struct{ stored, want time.Duration }{
		{0, 20 * time.Millisecond},
		{3 * time.Millisecond, 3 * time.Millisecond},
		{time.Nanosecond, 2 * time.Millisecond},
		{time.Hour, 500 * time.Millisecond},
		{-time.Second, 20 * time.Millisecond},
	} {
		pacer := newTestPacer(t, PacerOptions{Margin: c.stored})
		check(t, "the margin", pacer.State().Margin, c.want)
	}
}

func TestRetryAfterRulesOverAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pacer := newTestPacer(t, PacerOptions{})
		write(t, pacer, 0)
		refused := time.Now()
		pacer.Refused(10 * time.Second)
		pacer.Refused(3 * time.Second) // of a call that left before; the longer one stands
		pacer.Refused(0)
		pacer.Accepted() // so is this
		if wait := write(t, pacer, 0).Sub(refused); wait < 10*time.Second || wait > 10100*time.Millisecond {
			t.Errorf("the slot after a wait of 10 s came after %s", wait)
		}
	})
}

func TestARetryAfterShorterThanTheIntervalHastensNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pacer := newTestPacer(t, PacerOptions{})
		write(t, pacer, 0)
		left := time.Now()
		pacer.Refused(time.Millisecond)
		check(t, "the next slot", write(t, pacer, 0).Sub(left), time.Second+40*time.Millisecond)
	})
}

func TestRefusalsWithoutAWaitBackOffUpToAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pacer := newTestPacer(t, PacerOptions{})
		refuse := func() time.Duration {
			write(t, pacer, 0)
			refused := time.Now()
			pacer.Refused(0)
			pacer.Refused(0) // another of the same burst does not double the wait
			slot, _ := pacer.Take(t.Context())
			slot.Unused()
			return time.Since(refused).Truncate(time.Second)
		}
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			check(t, "the wait", refuse(), want*time.Second)
		}
		check(t, "the margin after one row of refusals", pacer.State().Margin, 40*time.Millisecond)
		pacer.Accepted()
		check(t, "the wait once a call was accepted", refuse(), time.Second)
		check(t, "the margin after two", pacer.State().Margin, 80*time.Millisecond)
	})
}

func TestARateThatIsNoneIsRefused(t *testing.T) {
	for _, rate := range []float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), 2e6} {
		if _, err := NewPacer(PacerOptions{Rate: rate}); err == nil {
			t.Errorf("a rate of %v is accepted", rate)
		}
	}
	for rate, want := range map[float64]time.Duration{1: time.Second, 50: 20 * time.Millisecond, 0.5: 2 * time.Second, 1e-300: 365 * 24 * time.Hour} {
		check(t, "the interval", newTestPacer(t, PacerOptions{Rate: rate}).Interval(), want)
	}
}

func uniform(r *rand.Rand, below time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(below)))
}

// TestTheStrictestGatewayRefusesAlmostNothing paces calls to a gateway that refuses each request less than a second
// after the last, over a network whose delay varies, and counts what was refused and what was left unused.
func TestTheStrictestGatewayRefusesAlmostNothing(t *testing.T) {
	cases := []struct {
		name   string
		jitter func(*rand.Rand) time.Duration
		most   int     // refusals
		least  float64 // calls accepted a second
	}{
		{"a quiet network", func(r *rand.Rand) time.Duration { return uniform(r, time.Millisecond) }, 0, 0.99},
		{"a usual network", func(r *rand.Rand) time.Duration {
			return time.Duration(r.ExpFloat64() * float64(time.Millisecond))
		}, 10, 0.985},
		{"a bad network", func(r *rand.Rand) time.Duration { return uniform(r, 40*time.Millisecond) }, 60, 0.95},
	}
	const calls = 20_000
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(1, 2))
				pacer := newTestPacer(t, PacerOptions{})
				began := time.Now()
				var last time.Time
				refused := 0
				for range calls {
					write(t, pacer, uniform(random, 3*time.Millisecond))
					arrival := time.Now().Add(30*time.Millisecond + c.jitter(random))
					if arrival.Sub(last) < time.Second {
						refused++
						pacer.Refused(0)
						continue
					}
					last = arrival
					pacer.Accepted()
				}
				rate := float64(calls-refused) / time.Since(began).Seconds()
				t.Logf("%d of %d calls refused, %.4f accepted a second, margin %s", refused, calls, rate, pacer.State().Margin)
				if refused > c.most || rate < c.least {
					t.Errorf("%d calls refused (at most %d), %.4f accepted a second (at least %.4f)", refused, c.most, rate, c.least)
				}
			})
		})
	}
}
