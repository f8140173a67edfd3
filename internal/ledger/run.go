package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Refresh is which of the listed numbers a run asks for.
type Refresh string

// The refreshes. Each asks first for the numbers never answered.
const (
	Missing Refresh = "missing" // only those never answered
	Due     Refresh = "due"     // also those whose due time has come
	All     Refresh = "all"     // all, once a campaign
)

// Run is one run of the program.
type Run struct {
	ID      int64
	Refresh Refresh
	// Since is, for All, the begin of the campaign: of the first run of the unbroken series of runs with refresh All
	// that did not end complete, of which this is the last. What was answered since is not asked for again, so a killed
	// campaign goes on where it was. A run of another refresh ends the series, unless it began beside a live run of it.
	// For the other refreshes it is the run's own begin.
	Since time.Time
}

// BeginRun notes that a run begins, and holds its lock until EndRun or Close: while it is held the run is alive. Any
// number of runs may be. The plans and claims of runs that died are swept away.
func (l *Ledger) BeginRun(ctx context.Context, refresh Refresh, at time.Time) (Run, error) {
	run := Run{Refresh: refresh, Since: time.UnixMicro(at.UnixMicro()).UTC()}
	err := l.write(ctx, func(tx *sql.Tx) error {
		live, err := l.sweep(ctx, tx)
		if err != nil {
			return err
		}
		if err := insertRun(ctx, tx, &run, at, live); err != nil {
			return err
		}
		return l.holdRun(ctx, run.ID)
	})
	if err != nil {
		return Run{}, fmt.Errorf("beginning a run in the ledger: %w", errors.Join(err, l.letRunGo(run.ID)))
	}
	_ = l.removeVoid(ctx) // what is left is in nobody's way, and the next run tries again
	return run, nil
}

func insertRun(ctx context.Context, tx *sql.Tx, run *Run, at time.Time, live []int64) error {
	beside := false
	if run.Refresh == All {
		since, err := openCampaign(ctx, tx)
		if err != nil {
			return err
		}
		if !since.IsZero() {
			run.Since = since
		}
	} else {
		for _, id := range live {
			var all bool
			if err := tx.QueryRowContext(ctx, "SELECT refresh = 'all' FROM runs WHERE id = ?", id).Scan(&all); none(err) != nil {
				return err
			}
			beside = beside || all
		}
	}
	result, err := tx.ExecContext(ctx, "INSERT INTO runs (refresh, begun_at, since, beside) VALUES (?, ?, ?, ?)",
		string(run.Refresh), at.UnixMicro(), run.Since.UnixMicro(), beside)
	if err != nil {
		return err
	}
	run.ID, err = result.LastInsertId()
	return err
}

// openCampaign is the begin of the campaign that the last run left open; the zero time if it left none.
func openCampaign(ctx context.Context, tx *sql.Tx) (time.Time, error) {
	var refresh string
	var complete bool
	var since sql.NullInt64
	err := tx.QueryRowContext(ctx, "SELECT refresh, complete, since FROM runs WHERE NOT beside ORDER BY id DESC LIMIT 1").Scan(&refresh, &complete, &since)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (Refresh(refresh) != All || complete) {
		return time.Time{}, nil
	}
	return fromMicros(since), err
}

// EndRun notes that a run has ended; complete says that nothing due was left. The run's plan and claims go, and its lock
// is given back. It may be called again, to correct the exit code.
func (l *Ledger) EndRun(ctx context.Context, id int64, at time.Time, complete bool, exit int) error {
	var listed, remaining sql.NullInt64
	err := l.read(ctx, func(tx *sql.Tx) (err error) { // before the transaction, since counting a big plan takes a while
		listed, remaining, err = l.countPlan(ctx, tx, id, at)
		return err
	})
	if err != nil {
		return fmt.Errorf("counting what is left of run %d: %w", id, err)
	}
	err = l.write(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `UPDATE runs SET ended_at = ?, complete = ?, exit_code = ?,
			listed = coalesce(?, listed), remaining = coalesce(?, remaining) WHERE id = ?`, at.UnixMicro(), complete, exit, listed, remaining, id)
		if err != nil {
			return err
		}
		if found, err := result.RowsAffected(); err != nil || found == 0 {
			return errors.Join(err, errNoRun)
		}
		if err := voidRun(ctx, tx, id); err != nil {
			return err
		}
		return dropPlans(ctx, tx)
	})
	if err == nil {
		err = l.letRunGo(id)
	}
	if err != nil {
		return fmt.Errorf("ending run %d in the ledger: %w", id, err)
	}
	_ = l.removeVoid(ctx) // what is left is in nobody's way, and the next run tries again
	return nil
}

var errNoRun = errors.New("there is no such run")

// countPlan is how big a run's plan was and what of it is still due, for the status; NULL if it has none.
func (l *Ledger) countPlan(ctx context.Context, tx *sql.Tx, id int64, at time.Time) (listed, remaining sql.NullInt64, err error) {
	plan, err := readPlan(ctx, tx, "run_id = ?", id)
	if err != nil || plan.run.ID == 0 {
		return listed, remaining, err
	}
	mine, others, err := l.left(ctx, tx, plan.run, at)
	return sql.NullInt64{Int64: plan.listed, Valid: true}, sql.NullInt64{Int64: mine + others, Valid: true}, err
}

// committedPlan is a plan that a run has made.
type committedPlan struct {
	run    Run
	listed int64
}

// readPlan is the newest committed plan that meets the condition; of run 0 if there is none.
func readPlan(ctx context.Context, tx *sql.Tx, condition string, args ...any) (plan committedPlan, err error) {
	var refresh string
	err = tx.QueryRowContext(ctx, "SELECT run_id, refresh, listed FROM plans WHERE committed AND NOT void AND "+condition+" ORDER BY run_id DESC LIMIT 1", args...).
		Scan(&plan.run.ID, &refresh, &plan.listed)
	plan.run.Refresh = Refresh(refresh)
	return plan, none(err)
}
