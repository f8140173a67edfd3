package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// LaneDue is what is due in one lane of a plan.
type LaneDue struct {
	Lane  int
	Never int64 // numbers never answered
	Again int64 // answered before, and due
}

// stillDue is the numbers that wait in the plan of run ?1 and are due; ?2 says whether those answered before are, until ?3.
const stillDue = `p.run_id = ?1 AND p.state = 0 AND (p.rhythm = 0 OR ?2 AND p.next_due <= ?3)`

// CountDue is how many numbers of the run's plan are due and not settled, whoever has claimed them. It reads the whole
// plan: some 100 ms for a million. It fails with ErrNoPlan.
func (l *Ledger) CountDue(ctx context.Context, run Run, now time.Time) (int64, error) {
	mine, others, err := l.Left(ctx, run, now)
	return mine + others, err
}

// Left is what of the run's plan is still due: mine is unclaimed or claimed by this run, or by a dead one; others is
// claimed by other live runs, which settle it or set it free. As long as CountDue. It fails with ErrNoPlan.
func (l *Ledger) Left(ctx context.Context, run Run, now time.Time) (mine, others int64, err error) {
	err = l.read(ctx, func(tx *sql.Tx) error {
		if err := findPlan(ctx, tx, run); err != nil {
			return err
		}
		mine, others, err = l.left(ctx, tx, run, now)
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("counting what is left of run %d: %w", run.ID, err)
	}
	return mine, others, nil
}

func (l *Ledger) left(ctx context.Context, tx *sql.Tx, run Run, now time.Time) (mine, others int64, err error) {
	latest, again := run.latest(now)
	err = tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM plan p INDEXED BY plan_left WHERE `+stillDue+`)
		+ (SELECT count(*) FROM claims WHERE run_id = ?1)`, run.ID, again, latest).Scan(&mine)
	if err != nil {
		return 0, 0, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT c.run_id, count(*) FROM claims c CROSS JOIN plan p ON p.demande_id = c.demande_id
		WHERE c.run_id <> ?1 AND `+stillDue+` GROUP BY c.run_id`, run.ID, again, latest)
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var claimer, numbers int64
		if err := rows.Scan(&claimer, &numbers); err != nil {
			return 0, 0, err
		}
		live, err := l.isLive(claimer)
		if err != nil {
			return 0, 0, err
		}
		if live {
			mine, others = mine-numbers, others+numbers
		}
	}
	return mine, others, rows.Err()
}

// CountDueByLane is what is due in each lane of the run's plan and was not handed out yet, by lane; a lane in which
// nothing is due is left out. As long as CountDue. It fails with ErrNoPlan.
func (l *Ledger) CountDueByLane(ctx context.Context, run Run, now time.Time) ([]LaneDue, error) {
	var lanes []LaneDue
	err := l.read(ctx, func(tx *sql.Tx) error {
		if err := findPlan(ctx, tx, run); err != nil {
			return err
		}
		latest, again := run.latest(now)
		rows, err := tx.QueryContext(ctx, `SELECT p.lane, p.rhythm = 0, count(*) FROM plan p INDEXED BY plan_left
			WHERE `+stillDue+` GROUP BY p.lane, p.rhythm ORDER BY p.lane, p.rhythm`, run.ID, again, latest)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var lane int
			var never bool
			var numbers int64
			if err := rows.Scan(&lane, &never, &numbers); err != nil {
				return err
			}
			if len(lanes) == 0 || lanes[len(lanes)-1].Lane != lane {
				lanes = append(lanes, LaneDue{Lane: lane})
			}
			if last := &lanes[len(lanes)-1]; never {
				last.Never = numbers
			} else {
				last.Again += numbers
			}
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("counting what is due in run %d by lane: %w", run.ID, err)
	}
	return lanes, nil
}
