package pipeline

import "time"

// duePolicy says how soon a number that has been answered is asked for again.
//
// A demande that has just changed is likely to change again soon; one that has long been quiet is likely to stay so. So
// the interval grows with the quiet time, by the share quietShare, between the two bounds.
type duePolicy struct {
	atLeast time.Duration
	atMost  time.Duration
}

// quietShare is the part of the quiet time after which a number is asked for again. Of the shares tried in
// nights_test.go it is the smallest spender that finds changes sooner than asking round-robin, with fewer calls, in
// every world tried.
const quietShare = 1.0 / 30

// history is what is known of a demande's changes when a document has just come.
type history struct {
	now         time.Time
	changed     bool      // the document differs from the one before
	statusSince time.Time // the document's own date_dernier_changement_statut_externe; zero: none
	changedAt   time.Time // when a document last differed from the one before, or the first one came
}

// every is the time until a demande of that history is asked for again.
func (p duePolicy) every(h history) time.Duration {
	if h.changed {
		return p.atLeast
	}
	quietSince := h.statusSince
	if quietSince.IsZero() || quietSince.After(h.now) {
		quietSince = h.changedAt
	}
	return p.bounded(time.Duration(quietShare * float64(h.now.Sub(quietSince))))
}

// everyReject is the time until a number is asked for again that was rejected so many times in a row.
func (p duePolicy) everyReject(rejects int) time.Duration {
	return p.bounded(p.atLeast << min(max(rejects-1, 0), 10))
}

// everyFailure is the same for one that got no answer in so many runs in a row.
func (p duePolicy) everyFailure(runs int) time.Duration {
	return min(failedAgain<<min(2*max(runs-1, 0), 20), p.atMost)
}

// callsFor is how many calls without an answer a number may cost in a run, after so many runs in a row that got none.
func callsFor(failedRuns int) int { return max(maxFailures>>min(failedRuns, 10), 1) }

func (p duePolicy) bounded(every time.Duration) time.Duration {
	return min(max(every, p.atLeast), p.atMost)
}
