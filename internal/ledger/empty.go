package ledger

import (
	"context"
	"database/sql"
	"time"
)

const (
	// chunkGoal is how long a transaction that removes rows in the background should hold the writer.
	chunkGoal = 15 * time.Millisecond
	// breath is the pause after it, in which another process that waits for the writer gets it: SQLite has no queue.
	breath = 15 * time.Millisecond
	// firstChunk is a number of answers that surely takes less, unless their bodies are huge.
	firstChunk = 128
)

// emptyPublished removes the answers of published lots, with so long a pause between two transactions.
func (l *Ledger) emptyPublished(ctx context.Context, pause time.Duration) error {
	return l.inChunks(ctx, firstChunk, pause, func(tx *sql.Tx, rows int64) (more bool, err error) {
		var lot int64
		var held span
		err = tx.QueryRowContext(ctx, `SELECT l.id, coalesce((SELECT min(id) FROM reponses WHERE id BETWEEN l.first_id AND l.last_id), l.last_id + 1), l.last_id
			FROM lots l INDEXED BY lots_emptying WHERE l.published_at IS NOT NULL AND l.emptied = 0 ORDER BY l.id LIMIT 1`).Scan(&lot, &held.first, &held.last)
		if err != nil {
			return false, none(err)
		}
		last := min(held.first+rows-1, held.last)
		if _, err := tx.ExecContext(ctx, "DELETE FROM reponses WHERE id BETWEEN ? AND ?", held.first, last); err != nil {
			return false, err
		}
		if last == held.last {
			_, err = tx.ExecContext(ctx, "UPDATE lots SET emptied = 1 WHERE id = ?", lot)
		}
		return true, err
	})
}

// inChunks runs remove in short transactions until there is no more, and adapts how many rows one takes to the time
// that it needs, the commit included.
func (l *Ledger) inChunks(ctx context.Context, rows int64, pause time.Duration, remove func(tx *sql.Tx, rows int64) (more bool, err error)) error {
	for more := true; more; {
		var began time.Time
		err := l.write(ctx, func(tx *sql.Tx) (err error) {
			began = time.Now() // not before: it may have waited for the writer
			more, err = remove(tx, rows)
			return err
		})
		if err != nil {
			return err
		}
		switch took := time.Since(began); {
		case took > chunkGoal:
			rows = max(rows/2, 1)
		case took < chunkGoal/3:
			rows *= 2
		}
		if more && pause > 0 {
			if err := sleep(ctx, pause); err != nil {
				return err
			}
		}
	}
	return nil
}

// sleep waits, as long as ctx lasts.
func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
