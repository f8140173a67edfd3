package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// The states of a number in a plan. The numbers stand in the file and in its index: see the migrations. A number that is
// handed out is in state 1.
const (
	stateWaits = 0
	stateDone  = 2
)

// planTx is one transaction of a plan, its statements prepared once for many numbers.
type planTx struct {
	tx     *sql.Tx
	run    int64
	listed int

	finding, creating, recoding, listing *sql.Stmt
}

// beginPlanTx begins a transaction that ends with no context: an ended context is seen between two numbers, and
// watching it inside each statement would cost more than the statement.
func (l *Ledger) beginPlanTx(run int64) (*planTx, error) {
	if l.writer == nil {
		return nil, errReadOnly
	}
	ctx := context.Background()
	tx, err := l.writer.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	batch := &planTx{tx: tx, run: run}
	err = prepare(ctx, tx, []prepared{
		{&batch.finding, `SELECT d.id, d.code_cdgf, d.settled_at, d.next_due, coalesce(d.every, d.next_due - d.settled_at), d.statut, p.run_id IS NOT NULL
			FROM demandes d LEFT JOIN plan p ON p.run_id = ?2 AND p.demande_id = d.id WHERE d.numero = ?1`},
		{&batch.creating, `INSERT INTO demandes (numero, code_cdgf) VALUES (?, ?)`},
		{&batch.recoding, `UPDATE demandes SET code_cdgf = ?2 WHERE id = ?1`},
		{&batch.listing, `INSERT INTO plan (run_id, demande_id, lane, place, rhythm, next_due, state) VALUES (?, ?, ?, ?, ?, ?, ?)`},
	})
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return batch, nil
}

// known is what the ledger has of a number. The zero value is that of one that it does not know.
type known struct {
	id        int64
	codeCDGF  string
	settledAt sql.NullInt64
	nextDue   sql.NullInt64
	every     sql.NullInt64
	statut    sql.NullString
	listed    bool // in this plan already
}

func (t *planTx) find(numero string) (found known, err error) {
	err = t.finding.QueryRow(numero, t.run).
		Scan(&found.id, &found.codeCDGF, &found.settledAt, &found.nextDue, &found.every, &found.statut, &found.listed)
	return found, none(err)
}

func (t *planTx) create(numero, codeCDGF string) (created known, err error) {
	result, err := t.creating.Exec(numero, codeCDGF)
	if err != nil {
		return known{}, err
	}
	id, err := result.LastInsertId()
	return known{id: id}, err
}

func (t *planTx) recode(found known, codeCDGF string) error {
	_, err := t.recoding.Exec(found.id, codeCDGF)
	return err
}

func (t *planTx) list(found known, lane int, place int64, state int) error {
	rhythm := int64(neverAnswered)
	if found.settledAt.Valid {
		rhythm = rhythmOf(time.Duration(found.every.Int64) * time.Microsecond)
	}
	_, err := t.listing.Exec(t.run, found.id, lane, place, rhythm, found.nextDue.Int64, state)
	t.listed++
	return err
}
