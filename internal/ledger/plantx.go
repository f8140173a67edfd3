package ledger

import (
	"context"
	"database/sql"
	"errors"
)

// planTx is one transaction of a plan, its statements prepared once for many numbers.
type planTx struct {
	tx     *sql.Tx
	listed int

	finding, creating, recoding, listing *sql.Stmt
}

// beginPlanTx begins a transaction that ends with no context: an ended context is seen between two numbers, and
// watching it inside each statement would cost more than the statement.
func (l *Ledger) beginPlanTx() (*planTx, error) {
	if l.writer == nil {
		return nil, errReadOnly
	}
	tx, err := l.writer.BeginTx(context.Background(), nil)
	if err != nil {
		return nil, err
	}
	batch := &planTx{tx: tx}
	for _, statement := range []struct {
		prepared **sql.Stmt
		text     string
	}{
		{&batch.finding, `SELECT d.id, d.code_cdgf, d.next_due, coalesce(d.settled_at >= ?2, 0), p.place IS NOT NULL
			FROM demandes d LEFT JOIN plan p ON p.demande_id = d.id WHERE d.numero = ?1`},
		{&batch.creating, `INSERT INTO demandes (numero, code_cdgf) VALUES (?, ?)`},
		{&batch.recoding, `UPDATE demandes SET code_cdgf = ?2 WHERE id = ?1`},
		{&batch.listing, `INSERT INTO plan (demande_id, place, next_due, done) VALUES (?, ?, ?, ?)`},
	} {
		if *statement.prepared, err = tx.Prepare(statement.text); err != nil {
			return nil, errors.Join(err, tx.Rollback())
		}
	}
	return batch, nil
}

// known is what the ledger has of a number. The zero value is that of one that it does not know.
type known struct {
	id       int64
	codeCDGF string
	nextDue  sql.NullInt64
	done     bool // settled since the run's Since
	listed   bool // in this plan already
}

func (t *planTx) find(numero string, since int64) (found known, err error) {
	err = t.finding.QueryRow(numero, since).Scan(&found.id, &found.codeCDGF, &found.nextDue, &found.done, &found.listed)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return found, err
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

func (t *planTx) list(found known, place int64) error {
	_, err := t.listing.Exec(found.id, place, found.nextDue, found.done)
	t.listed++
	return err
}
