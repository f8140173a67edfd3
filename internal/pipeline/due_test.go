package pipeline

import (
	"testing"
	"time"
)

const day = 24 * time.Hour

func TestTheLongerADemandeIsQuietTheMoreSeldomItIsAskedFor(t *testing.T) {
	policy := duePolicy{atLeast: 20 * time.Hour, atMost: 30 * day}
	now := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	ago := func(days int) time.Time { return now.Add(-time.Duration(days) * day) }
	cases := map[string]struct {
		history history
		want    time.Duration
	}{
		"it has just changed":                        {history{now: now, changed: true, statusSince: ago(400)}, 20 * time.Hour},
		"its status is of today":                     {history{now: now, statusSince: ago(0)}, 20 * time.Hour},
		"its status is 60 days old":                  {history{now: now, statusSince: ago(60), changedAt: ago(2)}, 2 * day},
		"its status is years old":                    {history{now: now, statusSince: ago(2000)}, 30 * day},
		"it tells no date, and is known for 90 days": {history{now: now, changedAt: ago(90)}, 3 * day},
		"it tells a date to come":                    {history{now: now, statusSince: ago(-9), changedAt: ago(90)}, 3 * day},
		"nothing is known":                           {history{now: now, changedAt: now}, 20 * time.Hour},
	}
	for name, c := range cases {
		if got := policy.every(c.history); got != c.want {
			t.Errorf("%s: asked for again after %s, want %s", name, got, c.want)
		}
	}
}

func TestRejectsAndFailuresAreAskedForMoreAndMoreSeldom(t *testing.T) {
	policy := duePolicy{atLeast: 20 * time.Hour, atMost: 30 * day}
	for rejects, want := range map[int]time.Duration{1: 20 * time.Hour, 2: 40 * time.Hour, 4: 160 * time.Hour, 50: 30 * day} {
		if got := policy.everyReject(rejects); got != want {
			t.Errorf("after %d rejects: %s, want %s", rejects, got, want)
		}
	}
	for runs, want := range map[int]time.Duration{1: time.Hour, 2: 4 * time.Hour, 3: 16 * time.Hour, 90: 30 * day} {
		if got := policy.everyFailure(runs); got != want {
			t.Errorf("after %d failed runs: %s, want %s", runs, got, want)
		}
	}
	for runs, want := range map[int]int{0: 5, 1: 2, 2: 1, 99: 1} {
		if got := callsFor(runs); got != want {
			t.Errorf("after %d failed runs: %d calls, want %d", runs, got, want)
		}
	}
}
