package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// ErrNotEmpty says that a ledger that was to be rebuilt knows numbers or runs already.
var ErrNotEmpty = errors.New("the ledger is not empty")

// rebuildRows is how many numbers one statement inserts: a statement costs more than the row in it.
const rebuildRows = 32

// Restored is what is known of a number from its published answers. Its fields are those of Answer and of Demande; the
// zero SettledAt says that no answer has settled the number.
type Restored struct {
	Numero   string
	CodeCDGF string

	// Of the last answer that settled the number.
	SettledAt  time.Time
	NextDue    time.Time
	Every      time.Duration
	HTTPStatus int
	Attempts   int
	Motif      string // "" if it was a document
	Rejects    int    // settling rejects in a row
	FailedRuns int    // of them the last ones of motif erreur_serveur

	// Of the last document; nil SHA256: there is none.
	SHA256    []byte
	Type      string
	Statut    string
	ChangedAt time.Time
	Unchanged int // documents since ChangedAt that were equal to it
}

// Rebuild makes the ledger anew from what is known of each number, which numbers gives once each. It is fastest where
// they come in order. It is one transaction: after an error, a kill or numbers' own error nothing of it is there. It
// fails with ErrNotEmpty if the ledger has any number, answer, lot or run.
//
// What is lost with a ledger and cannot be rebuilt: answers that were in no published lot, the list of runs and lots
// for the status, and what the quota's gate kept.
//
// campaign is the begin of a campaign of refresh All that the last run left open (Run.Since), which the next such run
// goes on with; the zero time if there was none.
func (l *Ledger) Rebuild(ctx context.Context, campaign time.Time, numbers iter.Seq2[Restored, error]) (rebuilt int64, err error) {
	err = l.write(ctx, func(tx *sql.Tx) error {
		if err := empty(ctx, tx); err != nil {
			return err
		}
		if rebuilt, err = insertRestored(ctx, tx, numbers); err != nil {
			return err
		}
		if campaign.IsZero() {
			return nil
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO runs (refresh, begun_at, since) VALUES ('all', ?1, ?1)", campaign.UnixMicro())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("rebuilding the ledger: %w", err)
	}
	return rebuilt, nil
}

// Empty fails with ErrNotEmpty if the ledger has any number, answer, lot or run.
func (l *Ledger) Empty(ctx context.Context) error {
	return l.read(ctx, func(tx *sql.Tx) error { return empty(ctx, tx) })
}

func empty(ctx context.Context, tx *sql.Tx) error {
	var holds bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM demandes) OR EXISTS (SELECT 1 FROM reponses)
		OR EXISTS (SELECT 1 FROM lots) OR EXISTS (SELECT 1 FROM runs)`).Scan(&holds)
	if err == nil && holds {
		return ErrNotEmpty
	}
	return err
}

const restoredColumns = `numero, code_cdgf, settled_at, next_due, every, http_status, attempts, motif, rejects, failed_runs,
	document_sha256, document_type, statut, changed_at, unchanged`

// insertRestored inserts many numbers a statement, and the last ones one by one.
func insertRestored(ctx context.Context, tx *sql.Tx, numbers iter.Seq2[Restored, error]) (rebuilt int64, err error) {
	row := "(" + strings.Repeat("?,", strings.Count(restoredColumns, ",")) + "?)"
	var many, one *sql.Stmt
	err = prepare(ctx, tx, []prepared{
		{&many, "INSERT INTO demandes (" + restoredColumns + ") VALUES " + strings.Repeat(row+",", rebuildRows-1) + row},
		{&one, "INSERT INTO demandes (" + restoredColumns + ") VALUES " + row},
	})
	if err != nil {
		return 0, err
	}
	perRow := strings.Count(restoredColumns, ",") + 1
	values := make([]any, 0, rebuildRows*perRow)
	for restored, err := range numbers {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return 0, err
		}
		values = restored.appendTo(values)
		rebuilt++
		if len(values) == cap(values) {
			// Without ctx, which would be watched at a cost for each statement.
			if _, err := many.Exec(values...); err != nil {
				return 0, err
			}
			values = values[:0]
		}
	}
	for ; len(values) > 0; values = values[perRow:] {
		if _, err := one.Exec(values[:perRow]...); err != nil {
			return 0, err
		}
	}
	return rebuilt, nil
}

// appendTo puts the values of restoredColumns behind others.
func (r *Restored) appendTo(values []any) []any {
	values = append(values, r.Numero, r.CodeCDGF)
	if r.SettledAt.IsZero() {
		values = append(values, nil, nil, nil, nil, nil)
	} else {
		answer := Answer{ReceivedAt: r.SettledAt, NextDue: r.NextDue, Every: r.Every}
		values = append(values, r.SettledAt.UnixMicro(), r.NextDue.UnixMicro(), answer.every(), r.HTTPStatus, r.Attempts)
	}
	values = append(values, orNull(r.Motif), r.Rejects, r.FailedRuns)
	if len(r.SHA256) == 0 {
		return append(values, nil, nil, nil, nil, 0)
	}
	return append(values, r.SHA256, r.Type, r.Statut, r.ChangedAt.UnixMicro(), r.Unchanged)
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
