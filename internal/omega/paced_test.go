package omega

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestPacedCallsKeepTheirDistanceAndDoNotWaitForAnswers(t *testing.T) {
	const calls, latency = 60, 50 * time.Millisecond
	var inside, most atomic.Int64
	client := serve(t, nil, func(w http.ResponseWriter, _ *http.Request) {
		now := inside.Add(1)
		defer inside.Add(-1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		time.Sleep(latency)
		_, _ = w.Write([]byte("{}"))
	})
	pacer := newTestPacer(t, PacerOptions{Rate: 200})
	var inFlight sync.WaitGroup
	answers := make([]Answer, calls)
	for i := range answers {
		slot, err := pacer.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		inFlight.Go(func() {
			answers[i] = client.Call(t.Context(), theToken(), "WD00053H", "A", slot.Written)
			slot.Unused()
			pacer.Accepted()
		})
	}
	inFlight.Wait()
	slices.SortFunc(answers, func(a, b Answer) int { return a.WrittenAt.Compare(b.WrittenAt) })
	for i, answer := range answers {
		check(t, "the kind", answer.Kind, Document)
		if i == 0 {
			continue
		}
		if gap := answer.WrittenAt.Sub(answers[i-1].WrittenAt); gap < pacer.Interval() {
			t.Errorf("two requests left %s apart", gap)
		}
	}
	if most.Load() < 2 {
		t.Error("each call waited for the answer to the one before")
	}
	check(t, "the last write", pacer.State().LastWrite, answers[calls-1].WrittenAt)
}
