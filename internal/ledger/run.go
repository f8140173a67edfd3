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
	// campaign goes on where it was. For the other refreshes it is the run's own begin.
	Since time.Time
}

// BeginRun notes that a run begins.
func (l *Ledger) BeginRun(ctx context.Context, refresh Refresh, at time.Time) (Run, error) {
	run := Run{Refresh: refresh, Since: time.UnixMicro(at.UnixMicro()).UTC()}
	err := l.write(ctx, func(tx *sql.Tx) error {
		if refresh == All {
			since, err := openCampaign(ctx, tx)
			if err != nil {
				return err
			}
			if !since.IsZero() {
				run.Since = since
			}
		}
		result, err := tx.ExecContext(ctx, "INSERT INTO runs (refresh, begun_at, since) VALUES (?, ?, ?)", string(refresh), at.UnixMicro(), run.Since.UnixMicro())
		if err != nil {
			return err
		}
		run.ID, err = result.LastInsertId()
		return err
	})
	if err != nil {
		return Run{}, fmt.Errorf("beginning a run in the ledger: %w", err)
	}
	return run, nil
}

// openCampaign is the begin of the campaign that the last run left open; the zero time if it left none.
func openCampaign(ctx context.Context, tx *sql.Tx) (time.Time, error) {
	var refresh string
	var complete bool
	var since sql.NullInt64
	err := tx.QueryRowContext(ctx, "SELECT refresh, complete, since FROM runs ORDER BY id DESC LIMIT 1").Scan(&refresh, &complete, &since)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (Refresh(refresh) != All || complete) {
		return time.Time{}, nil
	}
	return fromMicros(since), err
}

// EndRun notes that a run has ended; complete says that nothing due was left. It may be called again, to correct the exit code.
func (l *Ledger) EndRun(ctx context.Context, id int64, at time.Time, complete bool, exit int) error {
	err := l.write(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "UPDATE runs SET ended_at = ?, complete = ?, exit_code = ? WHERE id = ?", at.UnixMicro(), complete, exit, id)
		if err != nil {
			return err
		}
		if found, err := result.RowsAffected(); err != nil || found == 0 {
			return errors.Join(err, errors.New("there is no such run"))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ending run %d in the ledger: %w", id, err)
	}
	return nil
}
