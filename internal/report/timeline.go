package report

import (
	"math"
	"time"
)

const (
	// MaxBins is how many bins a time line has at most.
	MaxBins = 360
	// firstWidth is how wide the bins are at first; they are merged by pairs when there would be too many.
	firstWidth = 10 * time.Second
)

// Bin is what happened in one stretch of time. Calls is the sum of Documents, Rejects, Refused and Failed.
type Bin struct {
	Calls     int64   `json:"calls"`     // requests that left then
	Documents int64   `json:"documents"` // of them, those answered with a document
	Unchanged int64   `json:"unchanged"` // of the documents, those equal to the number's last one
	Rejects   int64   `json:"rejects"`   // answered with a reject
	Refused   int64   `json:"refused"`   // answered 429
	Failed    int64   `json:"failed"`    // without an answer that could be used
	Slots     float64 `json:"slots"`     // calls that the quota allowed while there was something to ask for
}

// Plus is two stretches as one.
func (b Bin) Plus(other Bin) Bin {
	return Bin{
		Calls: b.Calls + other.Calls, Documents: b.Documents + other.Documents, Unchanged: b.Unchanged + other.Unchanged, Rejects: b.Rejects + other.Rejects,
		Refused: b.Refused + other.Refused, Failed: b.Failed + other.Failed, Slots: b.Slots + other.Slots,
	}
}

func (b *Bin) add(result Result) {
	b.Calls++
	switch result {
	case Document:
		b.Documents++
	case Unchanged:
		b.Documents++
		b.Unchanged++
	case Reject:
		b.Rejects++
	case Refused:
		b.Refused++
	case Failed:
		b.Failed++
	}
}

// Timeline is a run's calls over time, in bins of equal width that follow one another.
type Timeline struct {
	Start      time.Time `json:"start,omitzero"` // of the first bin; zero: no call was to be made
	BinSeconds int64     `json:"bin_seconds"`
	Bins       []Bin     `json:"bins"` // at most MaxBins
}

// timeline grows a time line. Its memory is that of MaxBins bins from the start.
type timeline struct {
	start time.Time // of the first bin; zero: nothing was noted
	width time.Duration
	bins  [MaxBins]Bin
	used  int
}

// index is the bin of that moment, after as many merges as it needs. What lies before the start counts for the first bin.
func (t *timeline) index(at time.Time) int {
	if t.start.IsZero() {
		t.start, t.width = at, firstWidth
	}
	since := max(at.Sub(t.start), 0)
	for since/t.width >= MaxBins {
		t.merge()
	}
	index := int(since / t.width)
	t.used = max(t.used, index+1)
	return index
}

// merge makes one bin of each pair.
func (t *timeline) merge() {
	for i := range MaxBins / 2 {
		t.bins[i] = t.bins[2*i].Plus(t.bins[2*i+1])
	}
	clear(t.bins[MaxBins/2:])
	t.used = (t.used + 1) / 2
	t.width *= 2
}

// slots shares the slots that the quota allowed between two moments among the bins.
func (t *timeline) slots(from, to time.Time, interval time.Duration) {
	if interval <= 0 || !to.After(from) {
		return
	}
	last, first := t.index(to), t.index(from)
	for i := first; i <= last; i++ {
		begins, ends := t.start.Add(time.Duration(i)*t.width), t.start.Add(time.Duration(i+1)*t.width)
		// The first bin has also what a clock that was set back put before the start.
		if i == first || begins.Before(from) {
			begins = from
		}
		if i == last || ends.After(to) {
			ends = to
		}
		t.bins[i].Slots += ends.Sub(begins).Seconds() / interval.Seconds()
	}
}

func (t *timeline) snapshot() Timeline {
	taken := Timeline{Start: t.start, BinSeconds: int64(t.width.Seconds()), Bins: make([]Bin, t.used)}
	if t.width == 0 {
		taken.BinSeconds = int64(firstWidth.Seconds())
	}
	for i := range taken.Bins {
		taken.Bins[i] = t.bins[i]
		taken.Bins[i].Slots = hundredths(t.bins[i].Slots)
	}
	return taken
}

// hundredths rounds for the reader.
func hundredths(value float64) float64 { return math.Round(100*value) / 100 }
