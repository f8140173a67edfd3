package report

import (
	"slices"
	"sync"
	"time"
)

const (
	// MaxExamples is how many numbers are kept for each kind of reject.
	MaxExamples = 20
	// maxReasons bounds the kinds of reject that get examples.
	maxReasons = 100
	// MaxOutages is how many outages are kept, the first ones; all are counted and timed.
	MaxOutages = 50
)

// Reason is why no call was made for a while.
type Reason int

// The reasons.
const (
	RetryAfter Reason = iota // the API asked to wait, or the quota was spent
	Outage                   // the API was down, and probed slowly
	NoToken                  // the token service gave no token yet
	Nothing                  // all that was left was to be asked again later, or was being asked for by another run
	reasons    int    = iota
)

// Waits is how long no call was made, by reason, all suppliers together.
type Waits struct {
	RetryAfter float64 `json:"retry_after_seconds"`
	Outage     float64 `json:"outage_seconds"`
	NoToken    float64 `json:"token_seconds"`
	Nothing    float64 `json:"nothing_to_ask_seconds"`
}

// Down is one outage of the API: from the first of many failures in a row to the next answer.
type Down struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Supplier string    `json:"supplier"` // the code_cdgf whose calls failed
}

// Quota is how the quota was used, all suppliers together.
type Quota struct {
	Slots float64 `json:"slots_available"` // calls that the quota allowed while there was something to ask for
	Used  int64   `json:"slots_used"`      // requests really written
	Share float64 `json:"share"`           // used over available; 0: none was available
}

// Notes is all that a Recorder has noted.
type Notes struct {
	Quota          Quota               `json:"quota"`
	Answers        Answers             `json:"answers"`
	Waits          Waits               `json:"waits"`
	Outages        []Down              `json:"outages"`       // the first MaxOutages
	OutageCount    int64               `json:"outages_count"` // all
	RejectExamples map[string][]string `json:"reject_examples"`
	Timeline       Timeline            `json:"timeline"`
	Latency        Latency             `json:"latency"`
}

// Recorder notes what happens during a run. Its methods may be called from any goroutine. The zero Recorder is ready.
type Recorder struct {
	mutex    sync.Mutex // guards all below
	timeline timeline
	latency  latencies
	answers  [kinds]int64
	calls    int64
	slots    float64
	waits    [reasons]time.Duration
	outages  []Down
	down     int64
	examples map[string][]string
}

// Call notes a call, once it has ended.
func (r *Recorder) Call(call Call) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.calls++
	if call.Kind >= 0 && int(call.Kind) < kinds {
		r.answers[call.Kind]++
	}
	if call.Latency > 0 {
		r.latency.add(call.Latency)
	}
	r.timeline.bins[r.timeline.index(call.At)].add(call.Result)
}

// Begin notes that a supplier's calls may begin: the first slot is there at once.
func (r *Recorder) Begin(at time.Time) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.slots++
	r.timeline.bins[r.timeline.index(at)].Slots++
}

// Slots notes that between two moments there was something to ask for, with a slot every interval.
func (r *Recorder) Slots(from, to time.Time, interval time.Duration) {
	if interval <= 0 || !to.After(from) {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.slots += to.Sub(from).Seconds() / interval.Seconds()
	r.timeline.slots(from, to, interval)
}

// Wait notes that no call was made for so long, and why.
func (r *Recorder) Wait(reason Reason, lasted time.Duration) {
	if lasted <= 0 || reason < 0 || int(reason) >= reasons {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.waits[reason] += lasted
}

// Down notes an outage, once it has ended.
func (r *Recorder) Down(outage Down) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.down++
	if len(r.outages) < MaxOutages {
		r.outages = append(r.outages, outage)
	}
}

// Rejected notes a number that is rejected, and why.
func (r *Recorder) Rejected(motif, numero string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.examples == nil {
		r.examples = map[string][]string{}
	}
	kept, known := r.examples[motif]
	if len(kept) < MaxExamples && (known || len(r.examples) < maxReasons) {
		r.examples[motif] = append(kept, numero)
	}
}

// Notes is what was noted so far, a copy.
func (r *Recorder) Notes() Notes {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	notes := Notes{
		Quota: Quota{Slots: hundredths(r.slots), Used: r.calls}, Answers: answers(&r.answers), Outages: append([]Down{}, r.outages...), OutageCount: r.down,
		Waits: Waits{
			RetryAfter: hundredths(r.waits[RetryAfter].Seconds()), Outage: hundredths(r.waits[Outage].Seconds()),
			NoToken: hundredths(r.waits[NoToken].Seconds()), Nothing: hundredths(r.waits[Nothing].Seconds()),
		},
		RejectExamples: map[string][]string{}, Timeline: r.timeline.snapshot(), Latency: r.latency.snapshot(),
	}
	if r.slots > 0 {
		notes.Quota.Share = min(float64(r.calls)/r.slots, 1)
	}
	for motif, numbers := range r.examples {
		notes.RejectExamples[motif] = slices.Clone(numbers)
	}
	return notes
}
