package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
)

// LotTables is the columns with which a lot's tables are written, by table; nil if they are not fixed yet. It fails
// with ErrNoLot once the lot is published.
func (l *Ledger) LotTables(ctx context.Context, lot Lot) (map[string][]byte, error) {
	var tables map[string][]byte
	err := l.read(ctx, func(tx *sql.Tx) error {
		saved, err := lotTables(ctx, tx, lot)
		if err != nil || saved == nil {
			return err
		}
		return json.Unmarshal(saved, &tables)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the tables of lot %s: %w", lot.Name, err)
	}
	return tables, nil
}

// SaveLotTables fixes the columns with which a lot's tables are written, before the first file of it, so that a lot
// that is published again has the same bytes. What was fixed before is replaced: whether it may be is the caller's to
// say. It fails with ErrNoLot once the lot is published.
func (l *Ledger) SaveLotTables(ctx context.Context, lot Lot, tables map[string][]byte) error {
	if tables == nil {
		tables = map[string][]byte{} // fixed, though there are none
	}
	err := l.write(ctx, func(tx *sql.Tx) error {
		encoded, err := json.Marshal(tables) // the keys sorted, so that equal tables have equal bytes
		if err != nil {
			return err
		}
		saved, err := lotTables(ctx, tx, lot)
		if err != nil || bytes.Equal(saved, encoded) {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE lots SET tables = ? WHERE id = ?", encoded, lot.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("fixing the tables of lot %s: %w", lot.Name, err)
	}
	return nil
}

func lotTables(ctx context.Context, tx *sql.Tx, lot Lot) (saved []byte, err error) {
	if _, err := findLot(ctx, tx, lot); err != nil {
		return nil, err
	}
	err = tx.QueryRowContext(ctx, "SELECT tables FROM lots WHERE id = ?", lot.ID).Scan(&saved)
	return saved, err
}
