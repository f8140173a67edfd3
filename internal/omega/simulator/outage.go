package simulator

import (
	"fmt"
	"time"
)

// Outage is a time during which the API is down: no call gets anything but a 503, or not even that.
type Outage struct {
	From time.Duration // when it begins, from New on
	For  time.Duration // how long it lasts
	// Cut closes the connection without an answer instead of answering 503.
	Cut bool
	// Tokens makes the token service be down too.
	Tokens bool
}

func checkOutages(outages []Outage) error {
	for i, outage := range outages {
		if outage.From < 0 || outage.For < 0 {
			return fmt.Errorf("outage %d: from %s for %s: neither may be negative", i+1, outage.From, outage.For)
		}
	}
	return nil
}

// outageAt is the first outage that lasts at that time from the start, or nil.
func outageAt(outages []Outage, elapsed time.Duration) *Outage {
	for i := range outages {
		if o := &outages[i]; elapsed >= o.From && elapsed-o.From < o.For {
			return o
		}
	}
	return nil
}
