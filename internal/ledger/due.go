package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"
)

// Demande is a number to ask for.
type Demande struct {
	ID            int64
	Numero        string
	CodeCDGF      string
	DernierSHA256 []byte // of the last document's body, nil if there is none
}

// Cursor is how far a run has gone through what is due. The zero value stands before the first.
type Cursor struct {
	settled bool  // past the never answered, among those due again
	nextDue int64 // of the last number handed out, once settled
	place   int64 // of the last number handed out
}

// The two parts of what is due, each a range of the index plan_left. The never answered first, by their place.
const (
	neverAnswered = `FROM plan p INDEXED BY plan_left JOIN demandes d ON d.id = p.demande_id
		WHERE p.done = 0 AND p.next_due IS NULL AND p.place > ?1 ORDER BY p.place LIMIT ?2`
	dueAgain = `FROM plan p INDEXED BY plan_left JOIN demandes d ON d.id = p.demande_id
		WHERE p.done = 0 AND p.next_due <= ?4 AND (p.next_due, p.place) > (?3, ?1) ORDER BY p.next_due, p.place LIMIT ?2`
	demandeColumns = `SELECT d.id, d.numero, d.code_cdgf, d.document_sha256, coalesce(p.next_due, 0), p.place `
)

// latest is the latest due time that a run asks for; ok is false if it asks for the never answered only.
func (r Run) latest(now time.Time) (micros int64, ok bool) {
	switch r.Refresh {
	case Due:
		return now.UnixMicro(), true
	case All:
		return math.MaxInt64, true
	}
	return 0, false
}

// NextDue gives the next numbers to ask for, at most limit, and where to go on. First those never answered, in the
// order of the lists; then, as the run's refresh says, those whose due time has come, the most overdue first. A page is
// empty only at the end. It fails with ErrNoPlan.
//
// As long as each call goes on from the cursor of the one before, no number comes twice, whatever is recorded meanwhile.
func (l *Ledger) NextDue(ctx context.Context, run Run, cursor Cursor, now time.Time, limit int) ([]Demande, Cursor, error) {
	if limit < 1 {
		return nil, cursor, fmt.Errorf("reading what is due in run %d: a page of %d numbers", run.ID, limit)
	}
	page := make([]Demande, 0, limit)
	next := cursor
	err := l.readPlan(ctx, run, func(tx *sql.Tx) (err error) {
		if !next.settled {
			page, next, err = appendDue(ctx, tx, page, next, neverAnswered, next.place, limit)
			if err != nil || len(page) == limit {
				return err
			}
		}
		latest, again := run.latest(now)
		if !again {
			return nil
		}
		if !next.settled {
			next = Cursor{settled: true, nextDue: math.MinInt64}
		}
		page, next, err = appendDue(ctx, tx, page, next, dueAgain, next.place, limit-len(page), next.nextDue, latest)
		return err
	})
	if err != nil {
		return nil, cursor, fmt.Errorf("reading what is due in run %d: %w", run.ID, err)
	}
	return page, next, nil
}

// appendDue appends the numbers that a query finds, and moves the cursor past them.
func appendDue(ctx context.Context, tx *sql.Tx, page []Demande, cursor Cursor, query string, args ...any) ([]Demande, Cursor, error) {
	rows, err := tx.QueryContext(ctx, demandeColumns+query, args...)
	if err != nil {
		return page, cursor, err
	}
	defer rows.Close()
	for rows.Next() {
		var demande Demande
		if err := rows.Scan(&demande.ID, &demande.Numero, &demande.CodeCDGF, &demande.DernierSHA256, &cursor.nextDue, &cursor.place); err != nil {
			return page, cursor, err
		}
		page = append(page, demande)
	}
	return page, cursor, rows.Err()
}

// CountDue is how many numbers NextDue would give from the start, were none recorded meanwhile. It fails with ErrNoPlan.
func (l *Ledger) CountDue(ctx context.Context, run Run, now time.Time) (int64, error) {
	var numbers int64
	err := l.readPlan(ctx, run, func(tx *sql.Tx) (err error) {
		numbers, err = countDue(ctx, tx, run, now)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("counting what is due in run %d: %w", run.ID, err)
	}
	return numbers, nil
}

func countDue(ctx context.Context, tx *sql.Tx, run Run, now time.Time) (numbers int64, err error) {
	latest, again := run.latest(now)
	err = tx.QueryRowContext(ctx, "SELECT count(*) FROM plan WHERE done = 0 AND (next_due IS NULL OR ? AND next_due <= ?)", again, latest).Scan(&numbers)
	return numbers, err
}

// readPlan runs read in one snapshot of the ledger in which the plan is the run's.
func (l *Ledger) readPlan(ctx context.Context, run Run, read func(*sql.Tx) error) error {
	return l.read(ctx, func(tx *sql.Tx) error {
		var planned sql.NullInt64
		if err := tx.QueryRowContext(ctx, "SELECT planned_run FROM ledger").Scan(&planned); err != nil {
			return err
		}
		if !planned.Valid || planned.Int64 != run.ID {
			return ErrNoPlan
		}
		return read(tx)
	})
}
