package simulator

import (
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxNumbers is how many numbers are counted one by one: about 100 MB at the most.
const maxNumbers = 1_000_000

// faultOutage is how an outage's answers are counted among the faults.
const faultOutage Fault = "outage"

// tally counts what was answered.
type tally struct {
	mutex sync.Mutex // guards all below
	counts
}

type counts struct {
	since         time.Time
	accepted      int64
	refused       int64
	answers       map[string]int64
	faults        map[Fault]int64
	documents     int64
	tokensGiven   int64
	tokensRefused int64

	numbers     map[string]perNumber
	untracked   int64 // calls for numbers beyond maxNumbers
	askedTwice  int64
	repeats     int64
	numbersRoom int // how many numbers there is room for
}

// perNumber is what happened to one number.
type perNumber struct{ asked, given int32 }

func newTally(since time.Time, numbersRoom int) *tally {
	return &tally{counts: newCounts(since, numbersRoom)}
}

func newCounts(since time.Time, numbersRoom int) counts {
	return counts{
		since: since, numbersRoom: numbersRoom,
		answers: map[string]int64{}, faults: map[Fault]int64{}, numbers: map[string]perNumber{},
	}
}

// outcome is the end of one call to the consultation.
type outcome struct {
	numero  string
	status  int // 0: no answer
	refused bool
	fault   Fault // "" if none
	given   bool  // it is the number's document, whole
}

func (t *tally) ended(o outcome) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	switch {
	case o.refused:
		t.refused++
	case o.fault != faultOutage:
		t.accepted++
	}
	t.answers[statusName(o.status)]++
	if o.fault != "" {
		t.faults[o.fault]++
	}
	if o.given {
		t.documents++
	}
	t.countNumber(o)
}

func statusName(status int) string {
	if status == 0 {
		return "none"
	}
	return strconv.Itoa(status)
}

func (c *counts) countNumber(o outcome) {
	number, known := c.numbers[o.numero]
	if !known && len(c.numbers) >= c.numbersRoom {
		c.untracked++
		return
	}
	number.asked++
	if o.given {
		number.given++
		if number.given == 2 {
			c.askedTwice++
		}
		if number.given > 1 {
			c.repeats++
		}
	}
	key := o.numero
	if !known {
		// The number is cut from the request's address, which would live as long as it.
		key = strings.Clone(key)
	}
	c.numbers[key] = number
}

// tokenAsked counts a call to the token service.
func (t *tally) tokenAsked(given bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if given {
		t.tokensGiven++
	} else {
		t.tokensRefused++
	}
}

func (t *tally) number(numero string) perNumber {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.numbers[numero]
}

// fill writes the counts into stats.
func (t *tally) fill(stats *Stats) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	stats.StartedAt = t.since
	stats.Accepted, stats.Refused = t.accepted, t.refused
	stats.Answers, stats.Faults = maps.Clone(t.answers), maps.Clone(t.faults)
	stats.Documents = t.documents
	stats.TokensGiven, stats.TokensRefused = t.tokensGiven, t.tokensRefused
	stats.DistinctNumbers, stats.UntrackedCalls = int64(len(t.numbers)), t.untracked
	stats.NumbersAskedTwice, stats.Repeats = t.askedTwice, t.repeats
}

func (t *tally) reset(now time.Time) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.counts = newCounts(now, t.numbersRoom)
}
