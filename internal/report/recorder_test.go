package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func begun() time.Time { return time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC) }

// sum is the whole time line as one bin.
func sum(line Timeline) Bin {
	var all Bin
	for _, bin := range line.Bins {
		all = all.Plus(bin)
	}
	return all
}

func TestARunOfAnyLengthKeepsEveryCallInAFewBins(t *testing.T) {
	for _, test := range []struct {
		name  string
		calls int
		every time.Duration
		width int64
	}{
		{"ten seconds", 10, time.Second, 10},
		{"an hour", 3600, time.Second, 10},
		{"an hour and a second", 3602, time.Second, 20},
		{"a night", 8 * 3600, time.Second, 80},
		{"a month", 30 * 24, time.Hour, 10240},
		{"one call a year", 3, 365 * 24 * time.Hour, 327680},
	} {
		t.Run(test.name, func(t *testing.T) {
			var r Recorder
			r.Begin(begun())
			for i := range test.calls {
				at := begun().Add(time.Duration(i) * test.every)
				r.Call(Call{At: at, Result: []Result{Document, Unchanged, Reject, Refused, Failed}[i%5], Latency: time.Second})
				if i > 0 {
					r.Slots(at.Add(-test.every), at, test.every)
				}
			}
			notes := r.Notes()
			line := notes.Timeline
			if len(line.Bins) > MaxBins || line.BinSeconds != test.width || !line.Start.Equal(begun()) {
				t.Errorf("%d bins of %d s from %s, want %d s", len(line.Bins), line.BinSeconds, line.Start, test.width)
			}
			all := sum(line)
			if all.Calls != int64(test.calls) || all.Documents+all.Rejects+all.Refused+all.Failed != all.Calls || all.Unchanged > all.Documents {
				t.Errorf("the bins hold %+v of %d calls", all, test.calls)
			}
			if off := math.Abs(all.Slots - float64(test.calls)); off > 0.01*float64(len(line.Bins)) || notes.Quota.Share < 0.999 {
				t.Errorf("the bins hold %.2f slots of %d, share %v", all.Slots, test.calls, notes.Quota.Share)
			}
		})
	}
}

func TestWhatHappensBeforeTheFirstBinIsNotLost(t *testing.T) {
	var r Recorder
	r.Begin(begun())
	r.Call(Call{At: begun().Add(-time.Hour), Result: Document}) // the clock was set back
	r.Slots(begun().Add(-time.Hour), begun().Add(-30*time.Minute), time.Second)
	if all := sum(r.Notes().Timeline); all.Calls != 1 || all.Slots < 1 {
		t.Errorf("the bins hold %+v", all)
	}
}

func TestASlotIsSharedAmongTheBinsThatItLastsThrough(t *testing.T) {
	var r Recorder
	r.Begin(begun())
	r.Slots(begun().Add(5*time.Second), begun().Add(25*time.Second), 2*time.Second)
	bins := r.Notes().Timeline.Bins
	if len(bins) != 3 || bins[0].Slots != 3.5 || bins[1].Slots != 5 || bins[2].Slots != 2.5 {
		t.Errorf("the bins are %+v", bins)
	}
}

func TestAQuantileIsOffByAFifthAtMost(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4))
	var l latencies
	all := make([]time.Duration, 10_000)
	for i := range all {
		all[i] = time.Duration(math.Exp(dice.NormFloat64()) * float64(300*time.Millisecond))
		l.add(all[i])
	}
	sorted := append([]time.Duration{}, all...)
	for i := range sorted { // a plain sort, to owe nothing to the code under test
		for j := i; j > 0 && sorted[j] < sorted[j-1]; j-- {
			sorted[j], sorted[j-1] = sorted[j-1], sorted[j]
		}
	}
	for _, share := range []float64{0.5, 0.9, 0.99} {
		exact := sorted[int(share*float64(len(sorted)))-1].Seconds()
		if got := l.quantile(share); got < exact*0.9999 || got > exact*1.2 {
			t.Errorf("quantile %v is %v, exactly %v", share, got, exact)
		}
	}
	if l.snapshot().Max != sorted[len(sorted)-1].Seconds() {
		t.Errorf("the longest is %v", l.snapshot().Max)
	}
}

func TestEveryLatencyHasItsBucket(t *testing.T) {
	for _, took := range []time.Duration{1, time.Microsecond, time.Millisecond, time.Millisecond + 1, 30 * time.Second, 131 * time.Second, time.Hour, math.MaxInt64} {
		var l latencies
		l.add(took)
		taken := l.snapshot()
		if len(taken.Buckets) != 1 || taken.Buckets[0].Answers != 1 || taken.Buckets[0].UpTo < took.Seconds()*0.9999 || taken.P50 > taken.Max {
			t.Errorf("%s: %+v", took, taken)
		}
	}
}

func TestExamplesAndOutagesAreBounded(t *testing.T) {
	var r Recorder
	for i := range 1000 {
		r.Rejected("introuvable", fmt.Sprint(i))
		r.Rejected(fmt.Sprint("motif", i), "WD00APSW")
		r.Down(Down{From: begun(), To: begun()})
	}
	notes := r.Notes()
	if len(notes.RejectExamples["introuvable"]) != MaxExamples || len(notes.RejectExamples) != maxReasons || len(notes.Outages) != MaxOutages || notes.OutageCount != 1000 {
		t.Errorf("%d examples, %d motifs, %d outages of %d", len(notes.RejectExamples["introuvable"]), len(notes.RejectExamples), len(notes.Outages), notes.OutageCount)
	}
}

func TestNotesAreACopy(t *testing.T) {
	var r Recorder
	r.Rejected("introuvable", "a")
	r.Call(Call{At: begun()})
	before := r.Notes()
	r.Rejected("introuvable", "b")
	r.Call(Call{At: begun()})
	if len(before.RejectExamples["introuvable"]) != 1 || before.Timeline.Bins[0].Calls != 1 {
		t.Errorf("notes taken before changed: %+v", before)
	}
}

func TestNotingACallAllocatesNothing(t *testing.T) {
	var r Recorder
	r.Begin(begun())
	at := begun()
	if allocated := testing.AllocsPerRun(10_000, func() {
		at = at.Add(time.Second)
		r.Call(Call{At: at, Latency: 300 * time.Millisecond, Result: Document})
		r.Slots(at.Add(-time.Second), at, time.Second)
		r.Wait(RetryAfter, time.Second)
	}); allocated != 0 {
		t.Errorf("a call allocates %v times", allocated)
	}
}

// BenchmarkCall is all that a run notes of one call.
func BenchmarkCall(b *testing.B) {
	var r Recorder
	at := begun()
	r.Begin(at)
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(time.Second)
		r.Wait(Nothing, time.Microsecond)
		r.Slots(at.Add(-time.Second), at, time.Second)
		r.Call(Call{At: at, Latency: 300 * time.Millisecond, Result: Document})
	}
}

// BenchmarkNotes is what the report's parts cost at the end.
func BenchmarkNotes(b *testing.B) {
	var r Recorder
	for i := range 30_000 {
		r.Call(Call{At: begun().Add(time.Duration(i) * time.Second), Latency: time.Second})
	}
	for b.Loop() {
		_ = r.Notes()
	}
}
