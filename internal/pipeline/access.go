package pipeline

import (
	"fmt"

	"omega-export/internal/ledger"
)

const (
	allForbidden = 5 // that many first answers, all 403, mean a wrong code_cdgf
	refusedFirst = 2 // tokens refused in a row, before any was accepted, mean wrong credentials
	refusedLater = 5 // the same once one was accepted: a gateway's bad moment passes
)

// access is what the answers so far say of a supplier's right to ask.
type access struct {
	accepted  bool            // an answer other than 401 and 403 has come
	forbidden []forbidden     // 403s held back until it is known whether they are the numbers' fault
	refused   map[uint64]bool // token generations refused since the last accepted one
	setAside  int64           // numbers that spent their calls while the API was down
	fatal     error           // why the lane was ended
}

// forbidden is a number that was answered 403.
type forbidden struct {
	numero string
	answer ledger.Answer
}

func newAccess() access { return access{refused: map[uint64]bool{}} }

// end ends the lane for a reason that its outcome will give.
func (l *lane) end(err error) {
	if l.fatal == nil {
		l.fatal = err
		l.stop(err)
	}
}

// accept notes that the credentials and the code are good, so that the 403s held back are rejects like others.
func (r *recorder) accept(l *lane) {
	l.accepted = true
	clear(l.refused)
	for _, held := range l.forbidden {
		r.keepReject(l, held.numero, held.answer)
	}
	l.forbidden = nil
}

func (r *recorder) unauthorized(res result) {
	l := res.lane
	r.reachable(l)
	l.supplier.Client.Invalidate(res.answer.TokenGeneration)
	l.refused[res.answer.TokenGeneration] = true
	limit := refusedFirst
	if l.accepted {
		limit = refusedLater
	}
	if len(l.refused) >= limit {
		l.end(fmt.Errorf("%w: the API answers 401 to a token just given: check --scope, --client-id and --base-url", ErrRefused))
	}
	r.settled = append(r.settled, func() { l.queue.again(res.job) })
}

// forbid rejects a number that was answered 403, or holds the answer back while all answers are 403.
func (r *recorder) forbid(res result) {
	l := res.lane
	answer := r.basis(res)
	answer.Motif = "acces_refuse"
	if l.accepted {
		r.reject(res, answer)
		return
	}
	clear(l.refused)
	l.forbidden = append(l.forbidden, forbidden{res.job.demande.Numero, answer})
	l.holds.Store(true)
	r.settled = append(r.settled, l.queue.done)
	if len(l.forbidden) >= allForbidden {
		l.end(l.forbiddenError())
	}
}

// endAccess ends a lane all of whose answers were 403, few as they were.
func (r *recorder) endAccess(l *lane) {
	if len(l.forbidden) > 0 {
		l.end(l.forbiddenError())
	}
}

func (l *lane) forbiddenError() error {
	// The API's own words stay out: they may quote a person, and an error ends in a log.
	return fmt.Errorf("%w: the first %d answers are all 403: check --code-cdgf and the rights of --client-id", ErrRefused, len(l.forbidden))
}
