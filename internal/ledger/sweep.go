package ledger

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
)

// firstPlanRows is a number of a plan's rows that surely takes less than chunkGoal to remove.
const firstPlanRows = 1000

// sweep voids the claims and plans of dead runs and removes their locks. It gives the runs that are alive. The caller's
// transaction keeps a run from beginning meanwhile: its lock could be removed before it is taken.
func (l *Ledger) sweep(ctx context.Context, tx *sql.Tx) (live []int64, err error) {
	noted, err := int64s(ctx, tx, "SELECT run_id FROM plans WHERE NOT void UNION SELECT run_id FROM claims")
	if err != nil {
		return nil, err
	}
	locks, err := l.runLocks()
	if err != nil {
		return nil, err
	}
	alive := map[int64]bool{}
	for _, id := range locks {
		if alive[id], err = l.isLive(id); err != nil {
			return nil, err
		}
		if alive[id] {
			live = append(live, id)
		} else if err := os.Remove(l.runPath(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, id := range noted {
		if !alive[id] {
			if err := voidRun(ctx, tx, id); err != nil {
				return nil, err
			}
		}
	}
	return live, dropPlans(ctx, tx)
}

// voidRun takes a run's claims and plan away. The plan's rows go later: see dropPlans and removeVoid.
func voidRun(ctx context.Context, tx *sql.Tx, id int64) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM claims WHERE run_id = ?", id); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE plans SET void = 1 WHERE run_id = ?", id)
	return err
}

// dropPlans empties the plans if all are void: without a condition SQLite drops the pages, which takes no time.
func dropPlans(ctx context.Context, tx *sql.Tx) error {
	var inUse bool
	if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM plans WHERE NOT void)").Scan(&inUse); err != nil || inUse {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM plan"); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM plans")
	return err
}

// removeVoid removes the rows of void plans beside plans in use, in short transactions.
func (l *Ledger) removeVoid(ctx context.Context) error {
	return l.inChunks(ctx, firstPlanRows, breath, func(tx *sql.Tx, rows int64) (more bool, err error) {
		var run, last int64
		err = tx.QueryRowContext(ctx, "SELECT run_id FROM plans WHERE void LIMIT 1").Scan(&run)
		if err != nil {
			return false, none(err)
		}
		err = tx.QueryRowContext(ctx, "SELECT demande_id FROM plan WHERE run_id = ? ORDER BY demande_id LIMIT 1 OFFSET ?", run, rows-1).Scan(&last)
		switch {
		case errors.Is(err, sql.ErrNoRows): // that many are not left
			if _, err = tx.ExecContext(ctx, "DELETE FROM plan WHERE run_id = ?", run); err == nil {
				_, err = tx.ExecContext(ctx, "DELETE FROM plans WHERE run_id = ?", run)
			}
		case err == nil:
			_, err = tx.ExecContext(ctx, "DELETE FROM plan WHERE run_id = ? AND demande_id <= ?", run, last)
		}
		return true, err
	})
}
