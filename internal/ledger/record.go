package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Answer is what came of asking for a number.
type Answer struct {
	DemandeID  int64
	HTTPStatus int       // 0: the API gave none
	Body       []byte    // as it came
	SHA256     []byte    // of Body
	Type       string    // of a document; not looked at in a reject
	Statut     string    // of a document; not looked at in a reject
	Motif      string    // why it is a reject; "" for a document
	Message    string    // the API's own words or the program's
	Attempts   int       // calls that the number took in the run
	ReceivedAt time.Time // kept to the microsecond
	// Settles is false for an answer kept for the archive only: the number is still to be asked.
	Settles bool
	// When the number is due again, and after which interval, which makes the order of what is due; looked at only if
	// Settles. An interval of zero is taken for the time from ReceivedAt to NextDue.
	NextDue time.Time
	Every   time.Duration
}

// every is the interval until NextDue, in microseconds.
func (a *Answer) every() int64 {
	if a.Every > 0 {
		return max(a.Every.Microseconds(), 1)
	}
	return max(a.NextDue.Sub(a.ReceivedAt).Microseconds(), 1)
}

// The kinds of answers. The numbers stand in the file and in its indexes: see the migrations.
const (
	kindArchived  = 0 // does not settle its number
	kindChanged   = 1 // a document that differs from its number's last one
	kindUnchanged = 2 // a document equal to its number's last one, kept without body
	kindReject    = 3
)

func (a *Answer) kind(lastSHA256 []byte) int {
	switch {
	case !a.Settles:
		return kindArchived
	case a.Motif != "":
		return kindReject
	case len(lastSHA256) > 0 && bytes.Equal(a.SHA256, lastSHA256):
		return kindUnchanged
	}
	return kindChanged
}

// motifServerError is the motif of a number that the API's own failures kept from an answer for a whole run.
const motifServerError = "erreur_serveur"

// Record keeps the answers, in their order, in one transaction, and counts them for the run. Once it returns nil they
// are on the disk; after an error none of them is in the ledger. A number that is settled is in no run's claims any more,
// and no other run is handed it by a plan that it has made already. A document equal to its number's last one is kept as
// a row without body. An empty body is kept as none.
func (l *Ledger) Record(ctx context.Context, run Run, answers []Answer) error {
	err := l.write(ctx, func(tx *sql.Tx) error {
		recorded, err := recordAll(ctx, tx, answers)
		if err != nil {
			return err
		}
		return recorded.count(ctx, tx, run)
	})
	if err != nil {
		return fmt.Errorf("recording %d answers in the ledger: %w", len(answers), err)
	}
	return nil
}

func recordAll(ctx context.Context, tx *sql.Tx, answers []Answer) (recorded tally, err error) {
	var statements recordStatements
	if err := statements.prepare(ctx, tx); err != nil {
		return recorded, err
	}
	for i := range answers {
		kind, err := statements.record(ctx, &answers[i])
		if err != nil {
			return recorded, fmt.Errorf("demande id %d: %w", answers[i].DemandeID, err)
		}
		recorded.add(kind)
	}
	return recorded, nil
}

// recordStatements are what one answer takes.
type recordStatements struct {
	last, insert, document, reject, done, free *sql.Stmt
}

func (s *recordStatements) prepare(ctx context.Context, tx *sql.Tx) error {
	return prepare(ctx, tx, []prepared{
		{&s.last, `SELECT code_cdgf, document_sha256 FROM demandes WHERE id = ?`},
		{&s.insert, `INSERT INTO reponses
			(demande_id, kind, code_cdgf, http_status, sha256, type, motif, message, attempts, received_at, body)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&s.document, `UPDATE demandes SET settled_at = ?2, next_due = ?3, every = ?4, http_status = ?5, attempts = ?6, motif = NULL,
			rejects = 0, failed_runs = 0, document_sha256 = ?7, document_type = ?8, statut = ?9,
			changed_at = CASE WHEN ?10 THEN ?2 ELSE changed_at END, unchanged = CASE WHEN ?10 THEN 0 ELSE unchanged + 1 END WHERE id = ?1`},
		{&s.reject, `UPDATE demandes SET settled_at = ?2, next_due = ?3, every = ?4, http_status = ?5, attempts = ?6, motif = ?7,
			rejects = rejects + 1, failed_runs = CASE WHEN ?7 = '` + motifServerError + `' THEN failed_runs + 1 ELSE 0 END WHERE id = ?1`},
		// A campaign of all asks again for what was settled before it.
		{&s.done, `UPDATE plan SET state = 2 WHERE demande_id = ?1 AND run_id IN (SELECT run_id FROM plans WHERE refresh <> 'all' OR since <= ?2)`},
		{&s.free, `DELETE FROM claims WHERE demande_id = ?`},
	})
}

func (s *recordStatements) record(ctx context.Context, answer *Answer) (kind int, err error) {
	var codeCDGF string
	var lastSHA256 []byte
	err = s.last.QueryRowContext(ctx, answer.DemandeID).Scan(&codeCDGF, &lastSHA256)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, errors.New("the ledger knows no such number")
	}
	if err != nil {
		return 0, err
	}
	kind = answer.kind(lastSHA256)
	typ, body := "", answer.Body
	if kind == kindChanged || kind == kindUnchanged {
		typ = answer.Type
	}
	if kind == kindUnchanged || len(body) == 0 {
		body = nil
	}
	_, err = s.insert.ExecContext(ctx, answer.DemandeID, kind, codeCDGF, answer.HTTPStatus, answer.SHA256, typ,
		answer.Motif, answer.Message, answer.Attempts, answer.ReceivedAt.UnixMicro(), body)
	if err != nil || kind == kindArchived {
		return kind, err
	}
	return kind, s.settle(ctx, answer, kind)
}

// settle notes in the number's row what its answer was, and takes it off what is left of the plans.
func (s *recordStatements) settle(ctx context.Context, answer *Answer, kind int) error {
	settledAt, nextDue := answer.ReceivedAt.UnixMicro(), answer.NextDue.UnixMicro()
	var err error
	if kind == kindReject {
		_, err = s.reject.ExecContext(ctx, answer.DemandeID, settledAt, nextDue, answer.every(), answer.HTTPStatus, answer.Attempts, answer.Motif)
	} else {
		_, err = s.document.ExecContext(ctx, answer.DemandeID, settledAt, nextDue, answer.every(), answer.HTTPStatus, answer.Attempts,
			answer.SHA256, answer.Type, answer.Statut, kind == kindChanged)
	}
	if err != nil {
		return err
	}
	if _, err := s.done.ExecContext(ctx, answer.DemandeID, settledAt); err != nil {
		return err
	}
	_, err = s.free.ExecContext(ctx, answer.DemandeID)
	return err
}

// tally counts answers, for the row of a run.
type tally struct{ answers, documents, unchanged, rejects int64 }

func (t *tally) add(kind int) {
	t.answers++
	switch kind {
	case kindChanged:
		t.documents++
	case kindUnchanged:
		t.documents++
		t.unchanged++
	case kindReject:
		t.rejects++
	}
}

func (t *tally) count(ctx context.Context, tx *sql.Tx, run Run) error {
	result, err := tx.ExecContext(ctx, `UPDATE runs SET answers = answers + ?, documents = documents + ?, unchanged = unchanged + ?, rejects = rejects + ?
		WHERE id = ?`, t.answers, t.documents, t.unchanged, t.rejects, run.ID)
	if err != nil {
		return err
	}
	if found, err := result.RowsAffected(); err != nil || found == 0 {
		return errors.Join(err, errNoRun)
	}
	return nil
}
