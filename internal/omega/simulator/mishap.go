package simulator

import "net/http"

// meetOutage ends a call that came during an outage.
func (c *call) meetOutage(outage *Outage) {
	o := outcome{status: http.StatusServiceUnavailable, fault: faultOutage}
	if outage.Cut {
		o.status = 0
	}
	c.ends(o)
	answerOutage(c.w, outage)
}

// answerOutage answers 503 with a page, as what stands before an API does when the API is gone, or cuts the connection.
func answerOutage(w http.ResponseWriter, outage *Outage) {
	if outage.Cut {
		panic(http.ErrAbortHandler)
	}
	writeHTML(w, http.StatusServiceUnavailable)
}

// meetFault ends a call as the fault says. FaultSlow is none of its business: a slow answer is a right one.
func (c *call) meetFault(fault Fault) {
	switch fault {
	case FaultCut:
		c.ends(outcome{fault: fault})
		panic(http.ErrAbortHandler)
	case FaultTimeout:
		c.ends(outcome{fault: fault})
		pause(c.r.Context(), hangs)
		panic(http.ErrAbortHandler)
	case FaultTruncated:
		c.ends(outcome{status: http.StatusOK, fault: fault})
		_ = writeHalf(c.w, c.simulator.corpus.of(c.numero))
		panic(http.ErrAbortHandler)
	case FaultHTML:
		c.ends(outcome{status: http.StatusOK, fault: fault})
		writeHTML(c.w, http.StatusOK)
	case FaultWrongNumber:
		c.ends(outcome{status: http.StatusOK, fault: fault})
		_ = writeDocument(c.w, c.simulator.corpus.notOf(c.numero))
	default:
		c.meetStatus(fault)
	}
}

// meetStatus answers the status that a fault is named after.
func (c *call) meetStatus(fault Fault) {
	status := fault.status()
	c.ends(outcome{status: status, fault: fault})
	switch fault {
	case Fault400:
		writeError(c.w, status, textIncoherent)
	case Fault401:
		writeUnauthorized(c.w)
	case Fault403:
		writeError(c.w, status, textForbidden)
	case Fault404:
		writeError(c.w, status, textNotFound)
	case Fault429:
		writeRefusal(c.w, c.simulator.options.Gateway.RetryAfter, c.retryIn)
	case Fault500:
		texts := serverErrorTexts()
		draw := c.simulator.dice.roll(drawText, c.arrival)
		writeError(c.w, status, texts[int(draw*float64(len(texts)))])
	default:
		writeHTML(c.w, status)
	}
}
