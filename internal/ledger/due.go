package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"
)

// Demande is a number to ask for, and what its past answers showed. All times are UTC; the zero time says never.
type Demande struct {
	ID       int64
	Numero   string
	CodeCDGF string

	// Of the last document, also when a reject came after it.
	DernierSHA256 []byte    // of its body; nil if there is none
	Statut        string    // as its Answer had it
	ChangedAt     time.Time // when a document last differed from the one before
	Unchanged     int       // documents in a row, since ChangedAt, that were equal to the one before

	SettledAt  time.Time // of the last answer that settled the number
	Motif      string    // why it was a reject; "" if it was a document
	Rejects    int       // settling rejects in a row
	FailedRuns int       // of them, the last ones that were of motif erreur_serveur: a run settles a number once
}

// latest is the latest due time that a run asks for; again is false if it asks for the never answered only.
func (r Run) latest(now time.Time) (micros int64, again bool) {
	switch r.Refresh {
	case Due:
		return now.UnixMicro(), true
	case All:
		return math.MaxInt64, true
	}
	return 0, false
}

// NextDue hands out the next numbers of one lane of the run's plan, at most limit, and claims them for the run, on the
// disk. First come those never answered, in the order of the lists; then, as the run's refresh says, those whose due time
// has come, the most overdue first: those whose age is the greatest multiple of their interval (but see rhythm.go).
//
// No number comes twice, but for one that Release gave back. None comes that another live run has claimed or that was
// settled since the plan was made, whoever did it. An empty page says that there is nothing now: a number may fall due
// later, or come free from another run, which Left tells. It fails with ErrNoPlan.
func (l *Ledger) NextDue(ctx context.Context, run Run, lane int, now time.Time, limit int) ([]Demande, error) {
	var page []Demande
	err := l.write(ctx, func(tx *sql.Tx) error {
		if limit < 1 {
			return fmt.Errorf("a page of %d numbers", limit)
		}
		if err := findPlan(ctx, tx, run); err != nil {
			return err
		}
		chosen, err := l.choose(ctx, tx, run, lane, now, limit)
		if err != nil || len(chosen) == 0 {
			return err
		}
		page, err = claim(ctx, tx, run, chosen)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("handing out what is due in run %d: %w", run.ID, err)
	}
	return page, nil
}

// findPlan fails with ErrNoPlan if the run has no plan, or has ended.
func findPlan(ctx context.Context, tx *sql.Tx, run Run) error {
	var found bool
	err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM plans WHERE run_id = ? AND committed AND NOT void)", run.ID).Scan(&found)
	if err == nil && !found {
		return ErrNoPlan
	}
	return err
}

// choose finds the ids of the next numbers.
func (l *Ledger) choose(ctx context.Context, tx *sql.Tx, run Run, lane int, now time.Time, limit int) ([]int64, error) {
	query, err := tx.PrepareContext(ctx, headQuery)
	if err != nil {
		return nil, err
	}
	plan := planHeads{query: query, run: run.ID, lane: lane, taken: l.taken(run)}
	chosen := make([]int64, 0, limit)
	first, err := plan.open(ctx, neverAnswered, 0, limit)
	for err == nil && first.waits() && len(chosen) < limit {
		chosen = append(chosen, first.buffer[0].id)
		err = plan.advance(ctx, first)
	}
	latest, again := run.latest(now)
	if err != nil || !again || len(chosen) == limit {
		return chosen, err
	}
	heads, err := plan.openRhythms(ctx, tx, latest, min(limit, 6))
	if err != nil {
		return nil, err
	}
	for len(chosen) < limit {
		best := mostOverdue(heads, now.UnixMicro())
		if best == nil {
			break
		}
		chosen = append(chosen, best.buffer[0].id)
		if err := plan.advance(ctx, best); err != nil {
			return nil, err
		}
	}
	return chosen, nil
}

// taken says whether a claim forbids the run to ask for a number. One of a dead run does not.
func (l *Ledger) taken(run Run) func(claimer int64) (bool, error) {
	seen := map[int64]bool{0: false, run.ID: true} // 0: there is no claim
	return func(claimer int64) (bool, error) {
		live, known := seen[claimer]
		if known {
			return live, nil
		}
		live, err := l.isLive(claimer)
		seen[claimer] = live
		return live, err
	}
}

// claim takes the chosen numbers off what waits in the run's plan, and reads them.
func claim(ctx context.Context, tx *sql.Tx, run Run, chosen []int64) ([]Demande, error) {
	var statements struct{ claim, hand, read *sql.Stmt }
	err := prepare(ctx, tx, []prepared{
		{&statements.claim, `INSERT INTO claims (demande_id, run_id) VALUES (?, ?) ON CONFLICT (demande_id) DO UPDATE SET run_id = excluded.run_id`},
		{&statements.hand, `UPDATE plan SET state = 1 WHERE run_id = ? AND demande_id = ?`},
		{&statements.read, `SELECT id, numero, code_cdgf, document_sha256, coalesce(statut, ''), changed_at, unchanged,
			settled_at, coalesce(motif, ''), rejects, failed_runs FROM demandes WHERE id = ?`},
	})
	if err != nil {
		return nil, err
	}
	page := make([]Demande, len(chosen))
	for i, id := range chosen {
		if _, err := statements.claim.ExecContext(ctx, id, run.ID); err != nil {
			return nil, err
		}
		if _, err := statements.hand.ExecContext(ctx, run.ID, id); err != nil {
			return nil, err
		}
		if err := page[i].scan(statements.read.QueryRowContext(ctx, id)); err != nil {
			return nil, err
		}
	}
	return page, nil
}

func (d *Demande) scan(row *sql.Row) error {
	var changedAt, settledAt sql.NullInt64
	err := row.Scan(&d.ID, &d.Numero, &d.CodeCDGF, &d.DernierSHA256, &d.Statut, &changedAt, &d.Unchanged,
		&settledAt, &d.Motif, &d.Rejects, &d.FailedRuns)
	d.ChangedAt, d.SettledAt = fromMicros(changedAt), fromMicros(settledAt)
	return err
}

// Release gives numbers back that were handed out and not asked for, so that this run or another may be handed them
// again. One that is settled, or that the run has not claimed, stays as it is.
func (l *Ledger) Release(ctx context.Context, run Run, ids []int64) error {
	err := l.write(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			result, err := tx.ExecContext(ctx, "DELETE FROM claims WHERE demande_id = ? AND run_id = ?", id, run.ID)
			if err != nil {
				return err
			}
			released, err := result.RowsAffected()
			if err != nil {
				return err
			}
			if released == 0 {
				continue
			}
			if _, err := tx.ExecContext(ctx, "UPDATE plan SET state = 0 WHERE run_id = ? AND demande_id = ? AND state = 1", run.ID, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("giving %d numbers of run %d back: %w", len(ids), run.ID, err)
	}
	return nil
}
