package simulator

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// call is one call to the consultation, from its arrival to its answer.
type call struct {
	simulator *Simulator
	passage
	numero string
	w      http.ResponseWriter
	r      *http.Request
}

// serveDemande is GET on a demande (§2.2). The order is the strictest for the caller that a gateway may have: the quota
// first, so that a call counts whatever else is wrong with it; then the token, which is the gateway's business too (§1.4);
// only then what the service behind looks at. A client that is right here is right under any other order.
func (s *Simulator) serveDemande(w http.ResponseWriter, r *http.Request, numero string) {
	s.travel()
	c := call{s, s.gate.arrive(), numero, w, r}
	// An outage leaves no gateway to refuse a call, but who calls into it spends the quota all the same.
	if outage := outageAt(s.options.Outages, c.at.Sub(s.started)); outage != nil {
		c.meetOutage(outage)
		return
	}
	if !c.accepted {
		c.ends(outcome{status: http.StatusTooManyRequests, refused: true})
		writeRefusal(w, s.options.Gateway.RetryAfter, c.retryIn)
		return
	}
	if !s.tokens.good(r.Header.Get("Authorization"), c.at) {
		c.ends(outcome{status: http.StatusUnauthorized})
		writeUnauthorized(w)
		return
	}
	c.reachService()
}

// reachService is what the service behind the gateway does. Its faults come after its checks: a call that is wrong anyway
// gets the answer that it has earned.
func (c *call) reachService() {
	options := &c.simulator.options
	fault := c.simulator.faults.at(c.simulator.dice.roll(drawFault, c.arrival))
	delay := c.simulator.latency(drawLatency, c.arrival)
	if fault == FaultSlow {
		delay += slowBy
	}
	if !pause(c.r.Context(), delay) {
		c.ends(outcome{})
		return
	}
	code := c.r.URL.Query().Get("code_cdgf")
	switch {
	case c.r.Method != http.MethodGet:
		c.w.Header().Set("Allow", http.MethodGet)
		c.fails(http.StatusMethodNotAllowed, textVerb)
	case code == "" || c.r.Header.Get("x-user-login") == "":
		c.fails(http.StatusBadRequest, textMissingParameter)
	case len(options.CodesCDGF) > 0 && !slices.Contains(options.CodesCDGF, code):
		c.fails(http.StatusForbidden, textForbidden)
	case fault != "" && fault != FaultSlow:
		c.meetFault(fault)
	case !isNumero(c.numero) || dice{}.roll(drawMissing, hash(c.numero)) < options.Missing:
		c.fails(http.StatusNotFound, textNotFound)
	default:
		c.ends(outcome{status: http.StatusOK, fault: fault, given: true})
		_ = writeDocument(c.w, c.simulator.corpus.of(c.numero))
	}
}

// fails answers one of the guide's errors, which the caller has earned.
func (c *call) fails(status int, text string) {
	c.ends(outcome{status: status})
	writeError(c.w, status, text)
}

// ends counts the call and logs it. It comes before the answer is written, so that who has the answer finds it counted.
func (c *call) ends(o outcome) {
	o.numero = c.numero
	c.simulator.tally.ended(o)
	// The number is cut down: it may be anything that fits an address.
	c.simulator.log.DebugContext(c.r.Context(), "call", "arrival", c.arrival, "numero_demande", c.numero[:min(len(c.numero), maxNumero)],
		"status", statusName(o.status), "refused", o.refused, "fault", o.fault)
}

// latency is how long an answer takes.
func (s *Simulator) latency(purpose, draw uint64) time.Duration {
	if s.options.LatencyJitter == 0 {
		return s.options.Latency
	}
	return s.options.Latency + time.Duration(s.dice.roll(purpose, draw)*float64(s.options.LatencyJitter))
}

// pause waits, and says whether the caller is still there.
func pause(ctx context.Context, wait time.Duration) bool {
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
