package simulator

import (
	"fmt"
	"math"
	"time"
)

// GatewayKind is a rule by which a gateway may count calls against the quota.
type GatewayKind string

// The rules. With a rate of 1 a second, a client that leaves a second between its calls as they arrive satisfies all of them.
const (
	// Gap wants at least 1/Rate, less Tolerance, since the last call that was let in. It is the strictest.
	Gap GatewayKind = "gap"
	// Window lets in as many calls as Rate says in any window of a second, wherever it begins. (At a rate that is
	// no whole number, n calls in n/Rate seconds, n being Rate rounded down, and at least 1.)
	Window GatewayKind = "window"
	// Calendar lets in as many calls as Rate says in each second of the clock; so two calls may be let in one right after
	// the other, if a second begins between them. Other rates are treated as for Window.
	Calendar GatewayKind = "calendar"
	// Bucket holds Burst calls at most, is filled at Rate, and is full at the start.
	Bucket GatewayKind = "bucket"
	// Unlimited lets in all calls.
	Unlimited GatewayKind = "none"
)

const (
	minRate  = 0.0001 // calls a second; slower than this, times would overflow with the longest burst
	maxRate  = 1_000_000
	maxBurst = 100_000
)

// Gateway says how the quota is counted. The zero value is a Gap at 1 call a second without tolerance.
type Gateway struct {
	Kind GatewayKind // "": Gap
	Rate float64     // calls a second, 0.0001 to 1,000,000; 0: 1, the guide's quota (§1.3)

	// Tolerance is how much too early a call may come, with Gap and Window.
	Tolerance time.Duration
	// Burst is how many calls a full Bucket holds, at most 100,000; 0: 1.
	Burst int
	// CountRefused makes refused calls count too, with Gap and Window: who calls too early must then wait
	// a whole interval from there.
	CountRefused bool
	// RetryAfter makes a refusal carry the header Retry-After: whole seconds, rounded up, so at least 1.
	RetryAfter bool
}

// ParseGateway is the gateway of that kind at that rate (calls a second; 0: 1), with Retry-After and no tolerance. An unknown
// kind and an impossible rate are errors that name them.
func ParseGateway(kind string, rate float64) (Gateway, error) {
	return Gateway{Kind: GatewayKind(kind), Rate: rate, RetryAfter: true}.completed()
}

// completed checks g and fills in what was left to the defaults.
func (g Gateway) completed() (Gateway, error) {
	if g.Kind == "" {
		g.Kind = Gap
	}
	if g.Rate == 0 {
		g.Rate = 1
	}
	if g.Burst == 0 {
		g.Burst = 1
	}
	switch g.Kind {
	case Gap, Window, Calendar, Bucket, Unlimited:
	default:
		return Gateway{}, fmt.Errorf("gateway kind %q: it is none of %s, %s, %s, %s, %s", g.Kind, Gap, Window, Calendar, Bucket, Unlimited)
	}
	switch {
	case math.IsNaN(g.Rate) || g.Rate < minRate || g.Rate > maxRate:
		return Gateway{}, fmt.Errorf("gateway rate %v: it is not between %v and %v calls a second", g.Rate, minRate, maxRate)
	case g.Tolerance < 0:
		return Gateway{}, fmt.Errorf("gateway tolerance %s: it is negative", g.Tolerance)
	case g.Burst < 1 || g.Burst > maxBurst:
		return Gateway{}, fmt.Errorf("gateway burst %d: it is not between 1 and %d calls", g.Burst, maxBurst)
	}
	return g, nil
}

// interval is the time from one call to the next at the rate.
func (g Gateway) interval() time.Duration {
	return time.Duration(float64(time.Second) / g.Rate)
}

// period is the span in which Window and Calendar let in that many calls.
func (g Gateway) period() (calls int, span time.Duration) {
	calls = max(1, int(g.Rate))
	return calls, time.Duration(float64(calls) * float64(time.Second) / g.Rate)
}
