package omega

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// quotaFile is what the gates of several processes share, as the ledger keeps it: to the microsecond, rounded up.
type quotaFile struct {
	inside chan struct{} // full while a process is inside; who waits to fill it comes in order of arrival
	ahead  time.Duration // of the wall clock, before the true time
	kept   kept
}

func newQuotaFile() *quotaFile { return &quotaFile{inside: make(chan struct{}, 1)} }

func (f *quotaFile) wall() time.Time { return time.Now().Round(0).Add(f.ahead) }

// processGate is one process's gate.
type processGate struct {
	file *quotaFile
	fail error // of every call

	mutex  sync.Mutex
	inside bool
	dead   bool // by kill -9: it does nothing more, and nothing more is done by it
}

func (g *processGate) Enter(ctx context.Context) (time.Time, time.Duration, time.Time, error) {
	if g.fail != nil {
		return time.Time{}, 0, time.Time{}, g.fail
	}
	select {
	case g.file.inside <- struct{}{}:
	case <-ctx.Done():
		return time.Time{}, 0, time.Time{}, ctx.Err()
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.dead {
		<-g.file.inside
		return time.Time{}, 0, time.Time{}, errors.New("it is dead")
	}
	g.inside = true
	found := g.file.kept
	return found.last, found.margin, found.resume, nil
}

func (g *processGate) Keep(last time.Time, margin time.Duration, resume time.Time) error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	switch {
	case g.dead:
		return nil
	case !g.inside:
		panic("Keep from outside")
	case g.fail != nil:
		return g.fail
	}
	const up = time.Microsecond - 1
	g.file.kept = kept{last.Add(up).Truncate(time.Microsecond), margin, resume.Add(up).Truncate(time.Microsecond)}
	if resume.IsZero() {
		g.file.kept.resume = time.Time{}
	}
	return nil
}

func (g *processGate) Leave() error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.dead {
		return nil
	}
	if !g.inside {
		panic("Leave from outside")
	}
	g.inside = false
	<-g.file.inside
	return g.fail
}

// die is kill -9.
func (g *processGate) die() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.inside {
		<-g.file.inside
	}
	g.inside, g.dead = false, true
}

// process starts a process on the file: its pacer and its gate.
func (f *quotaFile) process(t *testing.T) (*Pacer, *processGate) {
	t.Helper()
	gate := &processGate{file: f}
	pacer := newTestPacer(t, PacerOptions{Gate: gate})
	pacer.shared.wall = f.wall
	pacer.shared.knownAt[1] = f.wall()
	return pacer, gate
}

// gateway refuses each request that comes less than a second after the last that it accepted.
type gateway struct {
	mutex             sync.Mutex
	last              time.Time // request
	accepted          time.Time
	calls, refused    int
	shortest, longest time.Duration // between two requests
}

func (g *gateway) arrive() (accepted bool) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	now := time.Now()
	if gap := now.Sub(g.last); g.calls > 0 {
		if g.calls == 1 || gap < g.shortest {
			g.shortest = gap
		}
		g.longest = max(g.longest, gap)
	}
	g.calls++
	g.last = now
	if now.Sub(g.accepted) < time.Second {
		g.refused++
		return false
	}
	g.accepted = now
	return true
}

func TestProcessesThatShareAQuotaKeepItTogether(t *testing.T) {
	for _, c := range []struct {
		name    string
		jitter  func(*rand.Rand) time.Duration
		refused int // at most
		used    float64
	}{ // what several processes lose is that each is careful after a refusal for as many calls as one would be
		{"a quiet network", func(r *rand.Rand) time.Duration { return uniform(r, time.Millisecond) }, 0, 0.985},
		{"5 ms of jitter", func(r *rand.Rand) time.Duration {
			return max(0, 30*time.Millisecond+time.Duration(r.NormFloat64()*float64(5*time.Millisecond)))
		}, 100, 0.965},
	} {
		for _, processes := range []int{1, 2, 5} {
			t.Run(c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const calls = 20_000
					file, to, began := newQuotaFile(), &gateway{}, time.Now()
					made := make([]int, processes)
					var running sync.WaitGroup
					for i := range made {
						pacer, _ := file.process(t)
						random := rand.New(rand.NewPCG(1, uint64(i)))
						running.Go(func() {
							var inFlight sync.WaitGroup
							for time.Since(began) < calls*time.Second {
								slot, err := pacer.Take(t.Context())
								if err != nil {
									t.Error(err)
									return
								}
								made[i]++
								time.Sleep(uniform(random, 3*time.Millisecond))
								slot.Written(time.Now())
								network := c.jitter(random)
								inFlight.Go(func() {
									time.Sleep(network)
									if to.arrive() {
										pacer.Accepted()
									} else {
										pacer.Refused(0)
									}
								})
							}
							inFlight.Wait()
						})
					}
					running.Wait()
					used := float64(to.calls-to.refused) / time.Since(began).Seconds()
					t.Logf("%d processes made %v calls, %d refused; %.4f of the quota used; gaps from %s to %s", processes, made, to.refused, used, to.shortest, to.longest)
					if to.refused > c.refused || used < c.used {
						t.Errorf("%d calls refused (at most %d), %.4f of the quota used (at least %.4f)", to.refused, c.refused, used, c.used)
					}
					for _, count := range made {
						if share := float64(count*processes) / float64(to.calls); share < 0.8 || share > 1.2 {
							t.Errorf("one process made %d calls of %d", count, to.calls)
						}
					}
				})
			})
		}
	}
}

// TestKillsBringNoTwoRequestsTogether kills processes at every moment between two requests. What they wrote is known to
// the gateway only.
func TestKillsBringNoTwoRequestsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lives, processes = 400, 2
		file, to := newQuotaFile(), &gateway{}
		began := time.Now()
		var running sync.WaitGroup
		for i := range processes {
			random := rand.New(rand.NewPCG(2, uint64(i)))
			running.Go(func() {
				for range lives {
					pacer, gate := file.process(t)
					live(pacer, gate, to, random)
					time.Sleep(uniform(random, time.Second)) // until it is started again
				}
			})
		}
		running.Wait()
		lost := time.Since(began).Seconds() - float64(to.calls)
		t.Logf("%d requests, %d kills, gaps from %s to %s; %.2f s lost a kill", to.calls, lives*processes, to.shortest, to.longest, lost/(lives*processes))
		if to.shortest < time.Second {
			t.Errorf("two requests left %s apart", to.shortest)
		}
		if most := 1.1 * lives * processes; lost > most {
			t.Errorf("%.0f seconds lost to kills, at most %.0f", lost, most)
		}
	})
}

// live makes calls until it is killed at a moment of chance: waiting, with a slot before or after the request left.
func live(pacer *Pacer, gate *processGate, to *gateway, random *rand.Rand) {
	life := uniform(random, 8*time.Second)
	ctx, end := context.WithTimeout(context.Background(), life)
	defer end()
	defer gate.die()
	stop := context.AfterFunc(ctx, gate.die)
	defer stop()
	for {
		slot, err := pacer.Take(ctx)
		if err != nil {
			return
		}
		// Mostly a moment, sometimes as long as a dial that is tried again.
		delay := uniform(random, 5*time.Millisecond)
		if random.IntN(4) == 0 {
			delay = uniform(random, 4*time.Second)
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return
		}
		if ctx.Err() != nil {
			return
		}
		to.arrive()
		if random.IntN(4) == 0 {
			return // written, and not recorded
		}
		slot.Written(time.Now())
		pacer.Accepted()
	}
}

func TestARefusalHoldsUpEveryProcess(t *testing.T) {
	for _, waiting := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			file := newQuotaFile()
			one, _ := file.process(t)
			other, _ := file.process(t)
			write(t, one, 0)
			ctx, stop := context.WithTimeout(t.Context(), time.Hour/2)
			defer stop()
			var took sync.WaitGroup
			if waiting { // it is inside when the refusal comes
				took.Go(func() {
					if _, err := one.Take(ctx); err == nil {
						t.Error("a slot came in spite of the refusal")
					}
				})
				synctest.Wait()
			}
			refused := time.Now()
			one.Refused(time.Hour)
			wait := write(t, other, 0).Sub(refused)
			if wait < time.Hour || wait > time.Hour+time.Second {
				t.Errorf("the other process waited %s", wait)
			}
			check(t, "its margin", other.State().Margin, 40*time.Millisecond)
			took.Wait()
		})
	}
}

func TestARefusalDuringALongWaitIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := newQuotaFile()
		one, _ := file.process(t)
		other, _ := file.process(t)
		write(t, one, 0)
		one.Refused(time.Minute)
		ctx, stop := context.WithTimeout(t.Context(), 50*time.Second)
		defer stop()
		var took sync.WaitGroup
		took.Go(func() { _, _ = one.Take(ctx) })
		time.Sleep(30 * time.Second)
		check(t, "the processes inside during a long wait", len(file.inside), 0)
		told := time.Now()
		one.Quota(QuotaField{Reset: time.Hour})
		wait := write(t, other, 0).Sub(told)
		if wait < time.Hour || wait > time.Hour+time.Second {
			t.Errorf("the other process waited %s", wait)
		}
		took.Wait()
	})
}

func TestWhoGivesUpLeavesTheGateAndWhatWasKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := newQuotaFile()
		one, _ := file.process(t)
		other, _ := file.process(t)
		write(t, one, 0)
		left := time.Now()
		before := file.kept
		ctx, stop := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer stop()
		if _, err := one.Take(ctx); err == nil {
			t.Error("a slot came too early")
		}
		slot, err := one.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second) // longer than the reserve, so that it was renewed
		synctest.Wait()
		if file.kept.last.Before(file.wall()) {
			t.Errorf("with a slot out, the last write that is kept is %s ago", file.wall().Sub(file.kept.last))
		}
		slot.Unused()
		check(t, "what is kept once the slot is given back", file.kept.last.Sub(before.last).Truncate(10*time.Microsecond), 0)
		next := write(t, other, 0)
		check(t, "the other's slot after the last write", next.Sub(left).Truncate(time.Millisecond), 1020*time.Millisecond+10*time.Second)
	})
}

func TestAGateThatFailsFailsTake(t *testing.T) {
	full := errors.New("no space left")
	for name, breakAt := range map[string]func(*testing.T, *Pacer, *processGate){
		"entering": func(_ *testing.T, _ *Pacer, gate *processGate) { gate.fail = full },
		"recording a write": func(t *testing.T, pacer *Pacer, gate *processGate) {
			slot, err := pacer.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			gate.fail = full
			slot.Written(time.Now())
			gate.fail = nil
		},
		"telling of a refusal": func(t *testing.T, pacer *Pacer, gate *processGate) {
			gate.fail = full
			pacer.Refused(time.Second)
			gate.fail = nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file := newQuotaFile()
				pacer, gate := file.process(t)
				breakAt(t, pacer, gate)
				if slot, err := pacer.Take(t.Context()); slot != nil || !errors.Is(err, full) {
					t.Errorf("Take gave %v, %v", slot, err)
				}
				gate.fail = nil
				check(t, "the processes inside", len(file.inside), 0)
				write(t, pacer, 0) // once there is space again
			})
		})
	}
}

func TestAStepOfTheWallClockBringsNoCallsTogetherAndStallsNone(t *testing.T) {
	const slack = 3 * time.Second // an interval, a margin and a reserve
	for _, step := range []time.Duration{-24 * time.Hour, -2 * time.Second, -300 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second, 24 * time.Hour} {
		for _, when := range []string{"before the other's write", "after the other's write"} {
			t.Run(step.String()+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					file := newQuotaFile()
					one, _ := file.process(t)
					other, _ := file.process(t)
					write(t, one, 0)
					write(t, other, 0)
					time.Sleep(200 * time.Millisecond)
					if when == "before the other's write" {
						file.ahead += step
					}
					last := write(t, one, 0)
					if when == "after the other's write" {
						file.ahead += step
					}
					for range 5 {
						given := write(t, other, 0)
						gap := given.Sub(last)
						if gap < time.Second || gap > slack {
							t.Errorf("two requests left %s apart", gap)
						}
						last, one, other = given, other, one
					}
				})
			})
		}
	}
}

func TestAWaitIsNoLongerThanAskedForWhenTheClockWasSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := newQuotaFile()
		one, _ := file.process(t)
		write(t, one, 0)
		one.Refused(10 * time.Minute)
		told := time.Now()
		time.Sleep(time.Second)
		file.ahead -= 24 * time.Hour
		other, _ := file.process(t)
		wait := write(t, other, 0).Sub(told)
		if wait < 10*time.Minute || wait > 10*time.Minute+3*time.Second {
			t.Errorf("after a wait of ten minutes was asked for, a new process waited %s", wait)
		}
	})
}

func TestANewProcessGoesOnFromWhatIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := newQuotaFile()
		first, _ := file.process(t)
		for range 100 {
			write(t, first, 0)
			first.Accepted()
		}
		write(t, first, 0) // which keeps the margin
		left := time.Now()
		learned := first.State().Margin
		second, _ := file.process(t)
		given := write(t, second, 0)
		check(t, "its margin", second.State().Margin, learned)
		check(t, "its first slot", given.Sub(left).Truncate(10*time.Microsecond), (time.Second + learned).Truncate(10*time.Microsecond))
	})
}

func TestAMarginThatGrewElsewhereIsNotCreptAwayAtOnce(t *testing.T) {
	m := newMargin(marginsFor(time.Second), 10*time.Millisecond)
	m.elsewhere(8*time.Millisecond, 10*time.Millisecond)
	check(t, "the margin that crept elsewhere", m.now, 8*time.Millisecond)
	m.elsewhere(16*time.Millisecond, 8*time.Millisecond)
	accept(&m, 200)
	check(t, "the margin that grew elsewhere", m.now, 16*time.Millisecond)
	accept(&m, 3000)
	if m.now < 9*time.Millisecond {
		t.Errorf("the margin crept back to %s, and 8 ms were refused", m.now)
	}
	m = newMargin(marginsFor(time.Second), 10*time.Millisecond)
	m.refused()
	m.elsewhere(9*time.Millisecond, 10*time.Millisecond)
	check(t, "the margin after a refusal that the others do not know", m.now, 20*time.Millisecond)
	m.elsewhere(time.Hour, 9*time.Millisecond)
	check(t, "a margin that nobody can have learned", m.now, 500*time.Millisecond)
}
