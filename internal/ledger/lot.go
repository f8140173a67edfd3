package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Lot is a fixed set of answers, named before any file of it is written.
type Lot struct {
	ID int64
	// Name is the time of sealing, the ledger's random identity and the id: 20261124T021530Z-1f2e3d4c-000001. No two
	// ledgers share one, and a ledger's names sort by time.
	Name     string
	SealedAt time.Time // to the microsecond, UTC
	Answers  int64
}

// Seal makes a lot of all answers that are in none. ok is false if there are none.
func (l *Ledger) Seal(ctx context.Context, at time.Time) (lot Lot, ok bool, err error) {
	err = l.write(ctx, func(tx *sql.Tx) error {
		first, last, err := unsealed(ctx, tx)
		if err != nil || last < first {
			return err
		}
		lot, ok = Lot{SealedAt: time.UnixMicro(at.UnixMicro()).UTC(), Answers: last - first + 1}, true
		return insertLot(ctx, tx, &lot, first, last)
	})
	if err != nil {
		return Lot{}, false, fmt.Errorf("sealing a lot: %w", err)
	}
	return lot, ok, nil
}

// unsealed is the range of ids of the answers that are in no lot; last is less than first if there are none. A
// transaction that is rolled back gives its ids back, so the range has no gap.
func unsealed(ctx context.Context, tx *sql.Tx) (first, last int64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT coalesce((SELECT last_id FROM lots ORDER BY id DESC LIMIT 1), 0) + 1,
		coalesce((SELECT max(id) FROM reponses), 0)`).Scan(&first, &last)
	return first, last, err
}

// Unsealed is how many answers stand in no lot yet.
func (l *Ledger) Unsealed(ctx context.Context) (answers int64, err error) {
	err = l.read(ctx, func(tx *sql.Tx) error {
		first, last, err := unsealed(ctx, tx)
		answers = max(last-first+1, 0)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("counting the answers that are in no lot: %w", err)
	}
	return answers, nil
}

func insertLot(ctx context.Context, tx *sql.Tx, lot *Lot, first, last int64) error {
	var identity string
	if err := tx.QueryRowContext(ctx, `SELECT identity, coalesce((SELECT max(id) FROM lots), 0) + 1 FROM ledger`).Scan(&identity, &lot.ID); err != nil {
		return err
	}
	lot.Name = fmt.Sprintf("%s-%s-%06d", lot.SealedAt.Format("20060102T150405Z"), identity, lot.ID)
	_, err := tx.ExecContext(ctx, "INSERT INTO lots (id, name, sealed_at, first_id, last_id) VALUES (?, ?, ?, ?, ?)",
		lot.ID, lot.Name, lot.SealedAt.UnixMicro(), first, last)
	return err
}

// Unpublished lists the lots that are sealed and not published, oldest first.
func (l *Ledger) Unpublished(ctx context.Context) ([]Lot, error) {
	var lots []Lot
	err := l.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT id, name, sealed_at, last_id - first_id + 1 FROM lots WHERE published_at IS NULL ORDER BY id")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var lot Lot
			var sealedAt sql.NullInt64
			if err := rows.Scan(&lot.ID, &lot.Name, &sealedAt, &lot.Answers); err != nil {
				return err
			}
			lot.SealedAt = fromMicros(sealedAt)
			lots = append(lots, lot)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("listing the unpublished lots: %w", err)
	}
	return lots, nil
}

// MarkPublished notes that a lot is published. A lot that is published already, by this run or another, stays so. It
// fails with ErrNoLot for one that was never sealed.
//
// Its answers leave the ledger after that, in short transactions that other writers come between; what a kill or a
// failure leaves of them is removed by the next call, or by the next run that opens the ledger alone.
func (l *Ledger) MarkPublished(ctx context.Context, lot Lot, at time.Time) error {
	err := l.write(ctx, func(tx *sql.Tx) error {
		_, err := findLot(ctx, tx, lot)
		if errors.Is(err, errPublished) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE lots SET published_at = ?, tables = NULL WHERE id = ?", at.UnixMicro(), lot.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("marking lot %s published: %w", lot.Name, err)
	}
	// That the lot is published is on the disk, whatever becomes of the rows; a lasting fault shows at the next write.
	_ = l.emptyPublished(ctx, breath)
	return nil
}

// errPublished says that the lot's answers have left the ledger.
var errPublished = fmt.Errorf("%w: it is published already", ErrNoLot)

// span is the range of ids of a lot's answers.
type span struct{ first, last int64 }

// findLot is the range of a lot that is sealed and not published. It fails with ErrNoLot, of which errPublished is one.
func findLot(ctx context.Context, tx *sql.Tx, lot Lot) (held span, err error) {
	var published bool
	err = tx.QueryRowContext(ctx, "SELECT first_id, last_id, published_at IS NOT NULL FROM lots WHERE id = ? AND name = ?", lot.ID, lot.Name).
		Scan(&held.first, &held.last, &published)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return held, ErrNoLot
	case err == nil && published:
		return held, errPublished
	}
	return held, err
}
