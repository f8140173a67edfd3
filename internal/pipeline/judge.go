package pipeline

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"omega-export/internal/flatten"
	"omega-export/internal/ledger"
	"omega-export/internal/omega"
	"omega-export/internal/report"
)

const (
	maxFailures  = 5               // calls a number may cost in a run without an answer of the API's own
	maxOdd       = 2               // answers 200 that are a document, but not of the number or of no type
	dailyQuota   = 5 * time.Minute // a longer Retry-After means that the day's quota is spent
	failedAgain  = time.Hour       // a number that failed all its calls is due again after this
	slowestRetry = 15 * time.Minute
)

// judge decides what a call's end means (the design's table) and what becomes of its number.
func (r *recorder) judge(res result) {
	l := res.lane
	r.count(res)
	came := report.Failed
	defer func() { r.note(res, came) }()
	if res.answer.Kind != omega.TooMany && res.answer.Kind != omega.Transient && res.answer.Kind != omega.Cancelled {
		l.supplier.Pacer.Accepted()
	}
	l.supplier.Pacer.Quota(res.answer.Quota)
	switch res.answer.Kind {
	case omega.Cancelled:
		r.settled = append(r.settled, func() { l.queue.again(res.job) })
	case omega.Transient:
		r.transient(res)
	case omega.TooMany:
		came = report.Refused
		r.tooMany(res)
	case omega.Unauthorized:
		r.unauthorized(res)
	case omega.Forbidden:
		r.reachable(l)
		came = report.Reject
		r.forbid(res)
	default:
		r.reachable(l)
		r.accept(l)
		came = r.answered(res)
	}
}

// oddFor is how many answers 200 a number gets that are rejects for that reason. One that is no document at all is, as a
// rule, a page of something between the API and us, so it counts like a failure.
func oddFor(motif string) int {
	if motif == "reponse_illisible" {
		return maxFailures
	}
	return maxOdd
}

func (r *recorder) count(res result) {
	if res.answer.WrittenAt.IsZero() {
		return
	}
	r.report.Counts.Calls++
	res.lane.counts.called(res.answer.WrittenAt)
	res.lane.standing.answered(res.answer.Kind)
}

// reachable notes that the API answers.
func (r *recorder) reachable(l *lane) {
	now := time.Now()
	if lasted := l.outage.worked(now); lasted > 0 {
		r.report.recorder.Down(report.Down{From: now.Add(-lasted), To: now, Supplier: l.supplier.Code})
		l.rose(lasted)
	}
}

// answered keeps an answer of the API's own, and says what it is on the time line.
func (r *recorder) answered(res result) report.Result {
	answer := r.basis(res)
	answer.Motif = r.identify(res, &answer)
	if answer.Motif == "" {
		r.report.Counts.Documents++
		r.keep(res.lane, answer)
		r.settled = append(r.settled, res.lane.queue.done)
		if bytes.Equal(answer.SHA256, res.job.demande.DernierSHA256) {
			r.report.Counts.Unchanged++
			return report.Unchanged
		}
		return report.Document
	}
	if res.answer.HTTPStatus == 200 {
		if res.job.odd++; res.job.odd < oddFor(answer.Motif) && res.job.tries() < callsFor(res.job.demande.FailedRuns) {
			// Kept for the archive, and asked for once more, behind the others.
			answer.Settles = false
			r.batch = append(r.batch, answer)
			r.retryLater(res, 0)
			return report.Failed
		}
	}
	r.reject(res, answer)
	return report.Reject
}

// basis is what the ledger keeps of any answer; it is due again as a reject is, unless it proves to be a document.
func (r *recorder) basis(res result) ledger.Answer {
	sum := sha256.Sum256(res.answer.Body)
	at := res.answer.ReceivedAt
	if at.IsZero() {
		at = time.Now()
	}
	every := r.due.everyReject(res.job.demande.Rejects + 1)
	return ledger.Answer{
		DemandeID: res.job.demande.ID, HTTPStatus: res.answer.HTTPStatus, Body: res.answer.Body, SHA256: sum[:], ReceivedAt: at,
		Message: res.answer.Message, Attempts: res.job.tries() + 1, Settles: true, NextDue: at.Add(every), Every: every,
	}
}

// identify is why an answer is a reject; "" for a document of the number that was asked, of which answer then tells.
func (r *recorder) identify(res result, answer *ledger.Answer) (motif string) {
	switch {
	case res.answer.Kind == omega.TooLarge:
		return "reponse_trop_grande"
	case res.answer.HTTPStatus == 404:
		return "introuvable"
	case res.answer.HTTPStatus == 405:
		return "methode_refusee"
	case res.answer.HTTPStatus != 200:
		return "requete_invalide"
	}
	identity, err := r.identifier.Identify(res.answer.Body)
	switch {
	case err == nil && identity.Numero == res.job.demande.Numero:
		r.dueAgain(res, answer, identity)
		return ""
	case identity.Numero != "" && identity.Numero != res.job.demande.Numero:
		answer.Message = fmt.Sprintf("the answer is of demande %.70q", identity.Numero)
		return "numero_different"
	case errors.Is(err, flatten.ErrType):
		answer.Message = err.Error()
		return "type_invalide"
	}
	answer.Message = err.Error()
	return "reponse_illisible"
}

// dueAgain fills in what a document tells of itself, and when it is due again.
func (r *recorder) dueAgain(res result, answer *ledger.Answer, identity flatten.Identity) {
	known := res.job.demande
	past := history{now: answer.ReceivedAt, statusSince: identity.StatutSince, changedAt: known.ChangedAt}
	if known.DernierSHA256 == nil {
		past.changedAt = answer.ReceivedAt
	} else {
		past.changed = !bytes.Equal(answer.SHA256, known.DernierSHA256)
	}
	answer.Type, answer.Statut = identity.Type, identity.Statut
	answer.Every = r.due.every(past)
	answer.NextDue = answer.ReceivedAt.Add(answer.Every)
}

func (r *recorder) reject(res result, answer ledger.Answer) {
	r.keepReject(res.lane, res.job.demande.Numero, answer)
	r.settled = append(r.settled, res.lane.queue.done)
}

func (r *recorder) keepReject(l *lane, numero string, answer ledger.Answer) {
	r.report.Counts.Rejects++
	r.report.Rejects[answer.Motif]++
	r.report.recorder.Rejected(answer.Motif, numero)
	r.keep(l, answer)
}

// keep puts an answer that settles its number into the batch.
func (r *recorder) keep(l *lane, answer ledger.Answer) {
	r.report.Counts.Settled++
	l.standing.settled++
	r.batch = append(r.batch, answer)
}

// transient is a call without an answer of the API's own.
func (r *recorder) transient(res result) {
	l := res.lane
	down := l.outage.failed(time.Now(), res.job.failures == 0)
	if down {
		l.fell()
	}
	res.job.failures++
	switch {
	case res.job.tries() < callsFor(res.job.demande.FailedRuns):
		r.retryLater(res, res.answer.RetryAfter)
	case down:
		// The API is down: it is not the number's fault. It is left due, and costs no more calls in this run.
		l.setAside++
		l.holds.Store(true)
		r.settled = append(r.settled, l.queue.done)
	default:
		r.failed(res)
	}
}

// failed rejects a number that has failed too often; it is due again before long, if it does not always fail.
func (r *recorder) failed(res result) {
	answer := r.basis(res)
	answer.Attempts = res.job.tries()
	answer.Motif = "erreur_serveur"
	if answer.Message == "" && res.answer.Err != nil {
		answer.Message = res.answer.Err.Error()
	}
	answer.Every = r.due.everyFailure(res.job.demande.FailedRuns + 1)
	answer.NextDue = answer.ReceivedAt.Add(answer.Every)
	r.reject(res, answer)
}

// retryLater asks again behind the others, each time four times as far away, and not before the API wants it.
func (r *recorder) retryLater(res result, atLeast time.Duration) {
	r.report.Counts.Retries++
	wait := min(10*res.lane.supplier.Pacer.Interval()<<(2*(res.job.tries()-1)), slowestRetry)
	after := time.Now().Add(max(wait, atLeast))
	r.settled = append(r.settled, func() { res.lane.queue.retry(res.job, after) })
}

func (r *recorder) tooMany(res result) {
	l := res.lane
	r.report.Counts.Refused++
	l.supplier.Pacer.Refused(res.answer.RetryAfter)
	r.settled = append(r.settled, func() { l.queue.again(res.job) })
	if res.answer.RetryAfter > dailyQuota {
		l.end(fmt.Errorf("%w: the API asks to wait %s, as when a day's quota is spent", ErrStopped, res.answer.RetryAfter.Round(time.Second)))
	}
}
