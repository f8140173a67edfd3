package ledger

import (
	"context"
	"database/sql"
	"errors"
)

// prepared is a statement that a transaction prepares once, to run it often. It ends with the transaction.
type prepared struct {
	statement **sql.Stmt
	text      string
}

func prepare(ctx context.Context, tx *sql.Tx, statements []prepared) (err error) {
	for _, wanted := range statements {
		if *wanted.statement, err = tx.PrepareContext(ctx, wanted.text); err != nil {
			return err
		}
	}
	return nil
}

// int64s is the only column of a query's rows.
func int64s(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]int64, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var values []int64
	for rows.Next() {
		var value int64
		if err := rows.Scan(&value); err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, rows.Err()
}

// none takes the absence of a row for no error.
func none(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}
