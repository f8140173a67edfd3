package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Pace is what keeps the spacing of calls over a restart. The zero value is that of a ledger that never called.
type Pace struct {
	LastWrite time.Time     // when the last request was written to the API
	Margin    time.Duration // what is added to the interval
}

// SavePace keeps the pace, on the disk once it returns nil.
func (l *Ledger) SavePace(ctx context.Context, pace Pace) error {
	err := l.write(ctx, func(tx *sql.Tx) error { return savePace(ctx, tx, pace) })
	if err != nil {
		return fmt.Errorf("saving the pace in the ledger: %w", err)
	}
	return nil
}

// savePace leaves what is kept if there is no last write: a run that has not called yet knows nothing better.
func savePace(ctx context.Context, tx *sql.Tx, pace Pace) error {
	if pace.LastWrite.IsZero() {
		return nil
	}
	// Rounded up: a last write must not be read back earlier than it was.
	micros := pace.LastWrite.Add(time.Microsecond - 1).UnixMicro()
	_, err := tx.ExecContext(ctx, "UPDATE ledger SET last_write_at = ?, margin_ns = ?", micros, int64(pace.Margin))
	return err
}

// Pace is the pace last kept.
func (l *Ledger) Pace(ctx context.Context) (Pace, error) {
	var pace Pace
	err := l.read(ctx, func(tx *sql.Tx) (err error) {
		pace, err = readPace(ctx, tx)
		return err
	})
	if err != nil {
		return Pace{}, fmt.Errorf("reading the pace in the ledger: %w", err)
	}
	return pace, nil
}

func readPace(ctx context.Context, tx *sql.Tx) (Pace, error) {
	var lastWrite, margin sql.NullInt64
	if err := tx.QueryRowContext(ctx, "SELECT last_write_at, margin_ns FROM ledger").Scan(&lastWrite, &margin); err != nil {
		return Pace{}, err
	}
	return Pace{LastWrite: fromMicros(lastWrite), Margin: time.Duration(margin.Int64)}, nil
}
