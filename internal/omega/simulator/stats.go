package simulator

import "time"

// Stats is what the simulator saw of its callers since it was made, or since the last reset. GET /stats answers it.
//
// Memory is bounded: the newest 1,000,000 gaps are kept, and the first 1,000,000 numbers are counted one by one.
type Stats struct {
	StartedAt time.Time `json:"started_at"`

	// Arrivals is the calls to the consultation, counted as they come; each then ends as Accepted (the quota let it in,
	// whatever its answer), Refused (a 429 for the quota) or an outage (Faults["outage"]).
	Arrivals int64 `json:"arrivals"`
	Accepted int64 `json:"accepted"`
	Refused  int64 `json:"refused"`
	// Answers is how many ended with each status; "none" is those that got no answer: cut, timed out, or gone before it.
	Answers map[string]int64 `json:"answers"`
	// Faults is how many met each fault, and "outage".
	Faults map[Fault]int64 `json:"faults"`
	// Documents is the right documents sent whole.
	Documents int64 `json:"documents"`

	TokensGiven   int64 `json:"tokens_given"`
	TokensRefused int64 `json:"tokens_refused"`

	DistinctNumbers int64 `json:"distinct_numbers"`
	// NumbersAskedTwice is the numbers that were given their document more than once, and Repeats how many of the
	// Documents were not the first of their number.
	NumbersAskedTwice int64 `json:"numbers_asked_twice"`
	Repeats           int64 `json:"repeats"`
	// UntrackedCalls is the calls for numbers that came after the first 1,000,000: they miss in the three counts above.
	UntrackedCalls int64 `json:"untracked_calls"`

	// Gaps is the time from one arrival to the next, let in or not.
	Gaps Gaps `json:"gaps_seconds"`
	// UnderInterval is how many arrivals came less than 1/rate after the one before.
	UnderInterval int64 `json:"under_interval"`
	// QuotaUsed is (arrivals - 1) / (rate × time from first to last): 1 uses all of the quota, more is too much. It is 0
	// before there are two arrivals. QuotaUsedAfter200 is the same from the 200th arrival on.
	QuotaUsed         float64 `json:"quota_used"`
	QuotaUsedAfter200 float64 `json:"quota_used_after_200"`
}

// Gaps is a distribution of times between arrivals, in seconds.
type Gaps struct {
	Kept int64   `json:"kept"` // how many it is of
	Min  float64 `json:"min"`
	P01  float64 `json:"p01"`
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// Stats is the counts so far. A call under way counts among the Arrivals only; a caller that has its answer finds it counted.
func (s *Simulator) Stats() Stats {
	var stats Stats
	s.tally.fill(&stats)
	seen := s.gate.snapshot()
	stats.Arrivals, stats.UnderInterval = seen.count, seen.underInterval
	stats.QuotaUsed, stats.QuotaUsedAfter200 = seen.quotaUsed(), seen.quotaUsedSettled()
	stats.Gaps = seen.summary()
	return stats
}

// ResetStats begins the counts anew. The quota, the tokens, the order of the faults and the outages go on as they were.
func (s *Simulator) ResetStats() {
	s.gate.reset()
	s.tally.reset(s.now())
}

// Asked is how many calls for that number were answered or cut, refused ones too; 0 for a number beyond the first 1,000,000.
func (s *Simulator) Asked(numero string) int {
	return int(s.tally.number(numero).asked)
}

// Given is how many times that number's document was sent whole; 0 for a number beyond the first 1,000,000.
func (s *Simulator) Given(numero string) int {
	return int(s.tally.number(numero).given)
}
