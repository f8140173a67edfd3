package simulator

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestStatsTellWhatHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		simulator := newSimulator(t, Options{Gateway: Gateway{Kind: Gap}})
		token := goodToken(t, simulator)
		for _, step := range []struct {
			wait   time.Duration
			numero string
		}{
			{0, "WD000001"},
			{time.Second, "WD000002"},
			{500 * time.Millisecond, "WD000003"}, // refused
			{time.Second, "WD000001"},
			{1500 * time.Millisecond, "WD000001"},
			{time.Second, "no number"},
		} {
			time.Sleep(step.wait)
			ask(simulator, token, step.numero)
		}
		got := simulator.Stats()
		if got.Gaps.Min != 0.5 || got.Gaps.P50 != 1 || got.Gaps.Max != 1.5 || got.Gaps.Kept != 5 {
			t.Errorf("gaps %+v", got.Gaps)
		}
		got.Gaps = Gaps{}
		want := Stats{
			StartedAt: started, Arrivals: 6, Accepted: 5, Refused: 1,
			Answers: map[string]int64{"200": 4, "429": 1, "404": 1}, Faults: map[Fault]int64{}, Documents: 4,
			TokensGiven: 1, DistinctNumbers: 4, NumbersAskedTwice: 1, Repeats: 2, UnderInterval: 1, QuotaUsed: 1,
		}
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		for numero, want := range map[string][2]int{"WD000001": {3, 3}, "WD000002": {1, 1}, "WD000003": {1, 0}, "WD000004": {0, 0}} {
			if got := [2]int{simulator.Asked(numero), simulator.Given(numero)}; got != want {
				t.Errorf("%s asked and given: got %v, want %v", numero, got, want)
			}
		}
	})
}

func TestNumbersBeyondTheRoomAreCountedTogether(t *testing.T) {
	counted := newTally(second(), 2)
	for _, numero := range []string{"A", "B", "C", "A", "C"} {
		counted.ended(outcome{numero: numero, status: http.StatusOK, given: true})
	}
	var got Stats
	counted.fill(&got)
	if got.DistinctNumbers != 2 || got.UntrackedCalls != 2 || got.NumbersAskedTwice != 1 || got.Repeats != 1 || got.Documents != 5 {
		t.Errorf("got %+v", got)
	}
}

func TestAResetCountsAnewAndChangesNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := Options{Gateway: Gateway{Kind: Gap}, Faults: map[Fault]float64{Fault500: 0.5}}
		simulator, untouched := newSimulator(t, options), newSimulator(t, options)
		token, otherToken := goodToken(t, simulator), goodToken(t, untouched)
		for range 20 {
			got, want := ask(simulator, token, "WD000001"), ask(untouched, otherToken, "WD000001")
			if got.Code != want.Code {
				t.Fatalf("after a reset: got %d, want %d", got.Code, want.Code)
			}
			simulator.ResetStats()
			if got := ask(simulator, token, "WD000001"); got.Code != http.StatusTooManyRequests {
				t.Fatalf("right after a reset: got %d", got.Code)
			}
			ask(untouched, otherToken, "WD000001")
			time.Sleep(time.Second)
		}
		simulator.ResetStats()
		got := simulator.Stats()
		want := Stats{StartedAt: time.Now(), Answers: map[string]int64{}, Faults: map[Fault]int64{}}
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) || simulator.Asked("WD000001") != 0 {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		for range 2 {
			ask(simulator, token, "WD000001")
			time.Sleep(500 * time.Millisecond)
		}
		if got := simulator.Stats(); got.UnderInterval != 1 || got.QuotaUsed != 2 {
			t.Errorf("two calls after a reset: got %+v", got)
		}
	})
}

// Scripts read these names.
func TestTheNamesOfTheStatsStay(t *testing.T) {
	text, err := json.Marshal(Stats{})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{
		"accepted", "answers", "arrivals", "distinct_numbers", "documents", "faults", "gaps_seconds", "numbers_asked_twice", "quota_used",
		"quota_used_after_200", "refused", "repeats", "started_at", "tokens_given", "tokens_refused", "under_interval", "untracked_calls",
	}
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

// For the race detector as much as for the sums.
func TestCallsAtOnceAreAllCountedOnce(t *testing.T) {
	const callers, each = 8, 100
	simulator := newSimulator(t, Options{
		Gateway: Gateway{Kind: Window, Rate: 300},
		Faults:  map[Fault]float64{Fault500: 0.1, FaultCut: 0.1, FaultTruncated: 0.1, FaultHTML: 0.1},
		Outages: []Outage{{From: time.Hour, For: time.Hour}},
	})
	token := goodToken(t, simulator)
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for i := range each {
				ask(simulator, token, fmt.Sprintf("WD%d%05d", caller, i))
				if i%10 == 0 {
					askToken(simulator)
					simulator.Stats()
				}
			}
		})
	}
	all.Wait()
	got := simulator.Stats()
	answers, asked := int64(0), 0
	for _, count := range got.Answers {
		answers += count
	}
	for caller := range callers {
		for i := range each {
			asked += simulator.Asked(fmt.Sprintf("WD%d%05d", caller, i))
		}
	}
	if got.Arrivals != callers*each || answers != callers*each || asked != callers*each || got.Accepted+got.Refused != callers*each {
		t.Errorf("%d answers, %d asked, %+v", answers, asked, got)
	}
	if got.TokensGiven != 1+callers*each/10 || got.Gaps.Min < 0 || got.Gaps.Min > got.Gaps.Max || math.IsNaN(got.QuotaUsed) {
		t.Errorf("got %+v", got)
	}
}
