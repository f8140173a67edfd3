package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"omega-export/internal/flatten"
	"omega-export/internal/ledger"
	"omega-export/internal/omega"
)

const (
	maxFailures  = 5               // calls a number may cost in a run without an answer
	maxOdd       = 2               // answers 200 that are no document of the number
	dailyQuota   = 5 * time.Minute // a longer Retry-After means that the day's quota is spent
	allForbidden = 5               // that many first answers, all 403, mean a wrong code_cdgf
	refusedFirst = 2               // tokens refused in a row, before any was accepted, mean wrong credentials
	refusedLater = 5               // the same once one was accepted: a gateway's bad moment passes
	failedAgain  = time.Hour       // a number that failed all its calls is due again after this
	slowestRetry = 15 * time.Minute
	recordAtOnce = 256
)

// recorder judges each call's end and commits it to the ledger. All its fields belong to its goroutine.
type recorder struct {
	fetcher    *fetcher
	publisher  *publisher
	report     *Report
	identifier flatten.Identifier

	batch     []ledger.Answer
	settled   []func() // what to tell the queue once the batch is committed
	accepted  bool     // an answer other than 401 and 403 has come
	forbidden []ledger.Answer
	refused   map[uint64]bool // token generations refused since the last accepted one
	unsealed  int64           // answers in no lot yet
	setAside  int64           // numbers that spent their calls while the API was down
	fatal     error
}

func newRecorder(f *fetcher, publisher *publisher, report *Report, unsealed int64) *recorder {
	return &recorder{fetcher: f, publisher: publisher, report: report, unsealed: unsealed, refused: map[uint64]bool{}}
}

// run records until the results end. An error means that the ledger cannot be written; the fetch is then stopped.
func (r *recorder) run(ctx context.Context) error {
	var failed error
	for first := range r.fetcher.results {
		r.judge(first)
		r.drain()
		if failed != nil {
			continue // keep the dispatcher from blocking; what cannot be recorded stays due
		}
		if failed = r.commit(ctx); failed != nil {
			r.fetcher.stop(failed)
		}
	}
	if failed != nil {
		return failed
	}
	return r.end(ctx)
}

// drain judges what else has arrived, so that one commit serves many answers at high rates.
func (r *recorder) drain() {
	for len(r.batch) < recordAtOnce {
		select {
		case more, open := <-r.fetcher.results:
			if !open {
				return
			}
			r.judge(more)
		default:
			return
		}
	}
}

// commit writes the batch, then lets the queue know: an answer is on disk before its number counts as done.
func (r *recorder) commit(ctx context.Context) error {
	state := r.fetcher.rooms.Pacer.State()
	pace := ledger.Pace{LastWrite: state.LastWrite, Margin: state.Margin}
	var err error
	if len(r.batch) > 0 {
		err = r.fetcher.rooms.Ledger.Record(ctx, r.batch, pace)
	} else {
		err = r.fetcher.rooms.Ledger.SavePace(ctx, pace)
	}
	if err != nil {
		return fmt.Errorf("%w: recording %d answers: %w", ErrState, len(r.batch), err)
	}
	r.unsealed += int64(len(r.batch))
	r.batch = r.batch[:0]
	for _, tell := range r.settled {
		tell()
	}
	r.settled = r.settled[:0]
	r.fetcher.rooms.Progress.Advanced(r.report.Counts)
	if r.unsealed >= r.fetcher.config.LotAnswers {
		r.unsealed = 0
		return r.publisher.sealAndPublish()
	}
	return nil
}

// end settles the 403s still held back: all of the run's answers were 403, or it was stopped before another came.
func (r *recorder) end(ctx context.Context) error {
	if len(r.forbidden) == 0 {
		return nil
	}
	if !r.accepted && r.fatal == nil {
		r.fatal = r.forbiddenError()
	}
	r.forbidden = nil
	return r.commit(ctx)
}

func (r *recorder) forbiddenError() error {
	return fmt.Errorf("%w: the first %d answers are all 403 (%s): check --code-cdgf and the rights of --client-id",
		ErrRefused, len(r.forbidden), r.forbidden[0].Message)
}

func (r *recorder) stop(err error) {
	if r.fatal == nil {
		r.fatal = err
		r.fetcher.stop(err)
	}
}

// judge decides what a call's end means (the design's table) and what becomes of its number.
func (r *recorder) judge(res result) {
	counts := &r.report.Counts
	if !res.answer.WrittenAt.IsZero() {
		counts.Calls++
		if r.report.FirstCall.IsZero() {
			r.report.FirstCall = res.answer.WrittenAt
		}
		r.report.LastCall = res.answer.WrittenAt
	}
	if res.answer.Kind != omega.TooMany && res.answer.Kind != omega.Transient && res.answer.Kind != omega.Cancelled {
		r.fetcher.rooms.Pacer.Accepted()
	}
	switch res.answer.Kind {
	case omega.Cancelled:
		r.settled = append(r.settled, func() { r.fetcher.queue.again(res.job) })
	case omega.Transient:
		r.transient(res)
	case omega.TooMany:
		r.tooMany(res)
	case omega.Unauthorized:
		r.unauthorized(res)
	case omega.Forbidden:
		r.reachable()
		r.forbid(res)
	default:
		r.reachable()
		r.accept()
		r.answered(res)
	}
}

// reachable notes that the API answers.
func (r *recorder) reachable() {
	if lasted := r.fetcher.outage.worked(time.Now()); lasted > 0 {
		r.fetcher.rooms.Log.Info("the API answers again", "down_for", lasted.Round(time.Second).String())
	}
}

// accept notes that the credentials and the code are good, so that the 403s held back are rejects like others.
func (r *recorder) accept() {
	r.accepted = true
	clear(r.refused)
	for _, held := range r.forbidden {
		r.reject(held)
	}
	r.forbidden = nil
}

func (r *recorder) answered(res result) {
	answer := r.basis(res)
	answer.Motif = r.motif(res, &answer)
	if answer.Motif == "" {
		r.report.Counts.Documents++
		if bytes.Equal(answer.SHA256, res.job.demande.DernierSHA256) {
			r.report.Counts.Unchanged++
		}
		r.settle(answer)
		return
	}
	if res.answer.HTTPStatus == 200 {
		if res.job.odd++; res.job.odd < maxOdd {
			r.keepAndRetry(res, answer)
			return
		}
	}
	r.reject(answer)
}

// keepAndRetry keeps a strange answer for the archive and asks once more, behind the others.
func (r *recorder) keepAndRetry(res result, answer ledger.Answer) {
	answer.Settles = false
	r.batch = append(r.batch, answer)
	r.retryLater(res.job, 0)
}

// basis is what the ledger keeps of any answer.
func (r *recorder) basis(res result) ledger.Answer {
	sum := sha256.Sum256(res.answer.Body)
	at := res.answer.ReceivedAt
	if at.IsZero() {
		at = time.Now()
	}
	return ledger.Answer{
		DemandeID: res.job.demande.ID, HTTPStatus: res.answer.HTTPStatus, Body: res.answer.Body, SHA256: sum[:], ReceivedAt: at,
		Message: res.answer.Message, Attempts: res.job.failures + res.job.odd + 1, Settles: true, NextDue: at.Add(r.fetcher.config.DueAfter),
	}
}

// motif is why an answer is a reject; "" for a document of the number that was asked, whose type is then set.
func (r *recorder) motif(res result, answer *ledger.Answer) string {
	switch {
	case res.answer.Kind == omega.TooLarge:
		return "reponse_trop_grande"
	case res.answer.Kind == omega.Forbidden:
		return "acces_refuse"
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
		answer.Type = identity.Type
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

func (r *recorder) reject(answer ledger.Answer) {
	r.report.Counts.Rejects++
	r.report.Rejects[answer.Motif]++
	r.settle(answer)
}

func (r *recorder) settle(answer ledger.Answer) {
	r.report.Counts.Settled++
	r.batch = append(r.batch, answer)
	r.settled = append(r.settled, r.fetcher.queue.done)
}

// transient is a call without an answer of the API's own.
func (r *recorder) transient(res result) {
	down := r.fetcher.outage.failed(time.Now(), res.job.failures == 0)
	res.job.failures++
	switch {
	case res.job.failures < maxFailures:
		r.retryLater(res.job, res.answer.RetryAfter)
	case down:
		// The API is down: it is not the number's fault. It is left due, and costs no more calls in this run.
		r.setAside++
		r.settled = append(r.settled, r.fetcher.queue.done)
	default:
		r.failed(res)
	}
}

// failed rejects a number that has failed too often; it is due again before long.
func (r *recorder) failed(res result) {
	answer := r.basis(res)
	answer.Attempts = res.job.failures + res.job.odd
	answer.Motif = "erreur_serveur"
	if answer.Message == "" && res.answer.Err != nil {
		answer.Message = res.answer.Err.Error()
	}
	answer.NextDue = answer.ReceivedAt.Add(failedAgain)
	r.reject(answer)
}

// retryLater asks again behind the others, each time four times as far away, and not before the API wants it.
func (r *recorder) retryLater(j *job, atLeast time.Duration) {
	r.report.Counts.Retries++
	tries := j.failures + j.odd
	wait := min(10*r.fetcher.rooms.Pacer.Interval()<<(2*(tries-1)), slowestRetry)
	after := time.Now().Add(max(wait, atLeast))
	r.settled = append(r.settled, func() { r.fetcher.queue.retry(j, after) })
}

func (r *recorder) tooMany(res result) {
	r.report.Counts.Refused++
	r.fetcher.rooms.Pacer.Refused(res.answer.RetryAfter)
	r.settled = append(r.settled, func() { r.fetcher.queue.again(res.job) })
	if res.answer.RetryAfter > dailyQuota {
		r.stop(fmt.Errorf("%w: the API asks to wait %s, as when a day's quota is spent", ErrStopped, res.answer.RetryAfter.Round(time.Second)))
	}
}

func (r *recorder) unauthorized(res result) {
	r.reachable()
	r.fetcher.rooms.Client.Invalidate(res.answer.TokenGeneration)
	r.refused[res.answer.TokenGeneration] = true
	limit := refusedFirst
	if r.accepted {
		limit = refusedLater
	}
	if len(r.refused) >= limit {
		r.stop(fmt.Errorf("%w: the API answers 401 to a token just given: check --scope, --client-id and --base-url", ErrRefused))
	}
	r.settled = append(r.settled, func() { r.fetcher.queue.again(res.job) })
}

func (r *recorder) forbid(res result) {
	answer := r.basis(res)
	answer.Motif = "acces_refuse"
	if r.accepted {
		r.reject(answer)
		return
	}
	clear(r.refused)
	r.forbidden = append(r.forbidden, answer)
	r.report.Counts.Settled++
	r.settled = append(r.settled, r.fetcher.queue.done)
	if len(r.forbidden) >= allForbidden {
		r.stop(r.forbiddenError())
	}
}
