package ledger

import (
	"math"
	"time"
)

// A number's rhythm is the class of its interval, eight classes to a doubling: 1 is a second, 9 two of them, 125 half a
// day. What is due is asked for by the ratio of a number's age to its interval, an order that changes as time passes, so
// no index has it; but within one rhythm it is the order of the due times at any time. So NextDue merges the heads of
// the rhythms that a plan holds: from an hour to a month there are 77. The price is that the order takes an interval for
// up to 4.5 % longer or shorter than it is; whether a number is due at all is exact.
const (
	neverAnswered    = 0 // no rhythm: asked for by place
	rhythmsPerOctave = 8
)

// rhythmOf is the rhythm of an interval.
func rhythmOf(every time.Duration) int64 {
	return 1 + max(int64(math.Round(rhythmsPerOctave*math.Log2(every.Seconds()))), 0)
}

// interval is a rhythm's interval in microseconds.
func interval(rhythm int64) float64 {
	return 1e6 * math.Exp2(float64(rhythm-1)/rhythmsPerOctave)
}
