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
	Motif      string    // why it is a reject; "" for a document
	Message    string    // the API's own words or the program's
	Attempts   int       // calls that the number took in the run
	ReceivedAt time.Time // kept to the microsecond
	// Settles is false for an answer kept for the archive only: the number is still to be asked.
	Settles bool
	NextDue time.Time // when the number is due again; looked at only if Settles
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

// Record keeps the answers, in their order, and the pace, in one transaction. Once it returns nil they are on the disk;
// after an error none of them is in the ledger. A document equal to its number's last one is kept as a row without body.
// An empty body is kept as none.
func (l *Ledger) Record(ctx context.Context, answers []Answer, pace Pace) error {
	err := l.write(ctx, func(tx *sql.Tx) error {
		if err := savePace(ctx, tx, pace); err != nil {
			return err
		}
		recorded, err := recordAll(ctx, tx, answers)
		if err != nil {
			return err
		}
		return recorded.count(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("recording %d answers in the ledger: %w", len(answers), err)
	}
	return nil
}

func recordAll(ctx context.Context, tx *sql.Tx, answers []Answer) (recorded tally, err error) {
	statements, err := prepareRecord(ctx, tx)
	if err != nil {
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
	last, insert, document, reject, done *sql.Stmt
}

func prepareRecord(ctx context.Context, tx *sql.Tx) (statements recordStatements, err error) {
	for _, statement := range []struct {
		prepared **sql.Stmt
		text     string
	}{
		{&statements.last, `SELECT code_cdgf, document_sha256 FROM demandes WHERE id = ?`},
		{&statements.insert, `INSERT INTO reponses
			(demande_id, kind, code_cdgf, http_status, sha256, type, motif, message, attempts, received_at, body)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&statements.document, `UPDATE demandes SET settled_at = ?2, next_due = ?3, http_status = ?4, attempts = ?5, motif = NULL,
			document_sha256 = ?6, document_type = ?7, changed_at = CASE WHEN ?8 THEN ?2 ELSE changed_at END WHERE id = ?1`},
		{&statements.reject, `UPDATE demandes SET settled_at = ?2, next_due = ?3, http_status = ?4, attempts = ?5, motif = ?6 WHERE id = ?1`},
		{&statements.done, `UPDATE plan SET done = 1 WHERE demande_id = ?`},
	} {
		if *statement.prepared, err = tx.PrepareContext(ctx, statement.text); err != nil {
			return statements, err
		}
	}
	return statements, nil
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

// settle notes in the number's row what its answer was, and takes it off what is left of the plan.
func (s *recordStatements) settle(ctx context.Context, answer *Answer, kind int) error {
	settledAt, nextDue := answer.ReceivedAt.UnixMicro(), answer.NextDue.UnixMicro()
	var err error
	if kind == kindReject {
		_, err = s.reject.ExecContext(ctx, answer.DemandeID, settledAt, nextDue, answer.HTTPStatus, answer.Attempts, answer.Motif)
	} else {
		_, err = s.document.ExecContext(ctx, answer.DemandeID, settledAt, nextDue, answer.HTTPStatus, answer.Attempts,
			answer.SHA256, answer.Type, kind == kindChanged)
	}
	if err != nil {
		return err
	}
	_, err = s.done.ExecContext(ctx, answer.DemandeID)
	return err
}

// tally counts answers, for the row of the run that is under way.
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

func (t *tally) count(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `UPDATE runs SET answers = answers + ?, documents = documents + ?, unchanged = unchanged + ?, rejects = rejects + ?
		WHERE id = (SELECT max(id) FROM runs) AND ended_at IS NULL`, t.answers, t.documents, t.unchanged, t.rejects)
	return err
}
