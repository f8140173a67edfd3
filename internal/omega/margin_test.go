package omega

import (
	"testing"
	"time"
)

func accept(m *margin, calls int) {
	for range calls {
		m.accepted()
	}
}

func TestTheMarginCreepsDownToItsFloor(t *testing.T) {
	m := newMargin(marginsFor(time.Second), 0)
	check(t, "the margin at first", m.now, 20*time.Millisecond)
	accept(&m, 70)
	if m.now < 10*time.Millisecond || m.now > 12*time.Millisecond {
		t.Errorf("the margin after 70 calls is %s, want halfway", m.now)
	}
	accept(&m, 10_000)
	check(t, "the margin after many calls", m.now, 2*time.Millisecond)
}

func TestARefusalWidensTheMarginAndStopsItsCreeping(t *testing.T) {
	for _, c := range []struct{ before, after time.Duration }{
		{2 * time.Millisecond, 7 * time.Millisecond},
		{20 * time.Millisecond, 40 * time.Millisecond},
		{400 * time.Millisecond, 500 * time.Millisecond},
		{500 * time.Millisecond, 500 * time.Millisecond},
	} {
		m := newMargin(marginsFor(time.Second), c.before)
		m.refused()
		check(t, "the margin", m.now, c.after)
		accept(&m, 200)
		check(t, "the margin 200 calls later", m.now, c.after)
		accept(&m, 1)
		check(t, "creeping after that", m.now < c.after || c.before == c.after, true)
	}
}

func TestTheMarginDoesNotCreepBackToWhatWasRefused(t *testing.T) {
	m := newMargin(marginsFor(time.Second), 3*time.Millisecond)
	m.refused()
	accept(&m, 2_000)
	if m.now < 5*time.Millisecond || m.now > 6*time.Millisecond {
		t.Errorf("2,000 calls after a refusal at 3 ms the margin is %s", m.now)
	}
	accept(&m, 400_000)
	check(t, "the margin once that is long ago", m.now, 2*time.Millisecond)
}

func TestTheMarginCostsTheSameShareOfAnyHigherRate(t *testing.T) {
	for _, interval := range []time.Duration{time.Second, 20 * time.Millisecond, time.Millisecond} {
		m := newMargin(marginsFor(interval), 0)
		check(t, "the margin at first", m.now, interval/50)
		accept(&m, 10_000)
		check(t, "the margin after many calls", m.now, interval/500)
	}
	check(t, "the margin at a call in ten seconds", newMargin(marginsFor(10*time.Second), 0).now, 20*time.Millisecond)
}
