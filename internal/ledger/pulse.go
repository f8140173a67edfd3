package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Pulse is what can be told of the ledger often, and at no cost that grows with the numbers.
type Pulse struct {
	Lots        LotsStatus
	LastSuccess time.Time // when a run last ended that did all that was due; zero: none has
	FileBytes   int64     // of the file and its log
}

// Pulse reads the pulse, in about a millisecond, and hinders no run.
func (l *Ledger) Pulse(ctx context.Context) (Pulse, error) {
	var pulse Pulse
	err := l.read(ctx, func(tx *sql.Tx) error {
		var status Status
		if err := status.readLots(ctx, tx, time.Time{}); err != nil {
			return err
		}
		pulse.Lots = status.Lots
		var success sql.NullInt64
		err := tx.QueryRowContext(ctx, "SELECT max(ended_at) FROM runs WHERE complete AND exit_code = 0").Scan(&success)
		pulse.LastSuccess = fromMicros(success)
		return err
	})
	if err == nil {
		pulse.FileBytes, err = fileBytes(l.path)
	}
	if err != nil {
		return Pulse{}, fmt.Errorf("reading the pulse of ledger %s: %w", l.path, err)
	}
	return pulse, nil
}
