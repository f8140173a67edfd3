package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// checkpointTries is how often the log is folded in before who reads the ledger meanwhile is an error.
const checkpointTries = 5

// Forgotten is what the ledger held of numbers.
type Forgotten struct {
	Numbers []string // of those given, the ones that the ledger knew, in the given order
	Answers int64    // not published yet, in lots or not; and of published lots, those that had not left yet
	Plans   int64    // rows in the lists of runs
}

// Alone makes this the only one that has the ledger open to write, until Close. It fails with ErrLocked if a run has it
// open; the ledger can only be closed then.
func (l *Ledger) Alone() error {
	if l.lock == nil {
		return errReadOnly
	}
	err := lockFile(l.lock, exclusive, false)
	if !errors.Is(err, errHeld) {
		return err
	}
	// Who took the lock last is this process itself, so the runs are named.
	ids, err := l.runLocks()
	var live []string
	for _, id := range ids {
		if held, liveErr := l.isLive(id); held || liveErr != nil {
			live = append(live, strconv.FormatInt(id, 10))
			err = errors.Join(err, liveErr)
		}
	}
	who := "another process has it open"
	if len(live) > 0 {
		who = "run " + strings.Join(live, ", ") + " goes on"
	}
	return errors.Join(fmt.Errorf("%w %s: %s", ErrLocked, l.path, who), err)
}

// Forget takes all away that the ledger holds of some numbers, and remembers their tombstones, in one transaction: their
// rows, their answers, also those of lots that are sealed and not published, which are then published without them, and
// their places in plans. Then the file is made anew without its free pages and the log emptied, so that no byte of them
// is left in either. After an error in between Forget does that again, whether it finds numbers or not.
//
// Alone must have been called. A lot's Answers still count those that are gone. The file is written twice over, so that
// Forget takes its size in free space and about a second per 100 MB.
func (l *Ledger) Forget(ctx context.Context, numbers []string, tombstones []Tombstone) (Forgotten, error) {
	var found Forgotten
	err := l.withPragmas(ctx, func() error {
		return l.write(ctx, func(tx *sql.Tx) (err error) {
			if found, err = findForgotten(ctx, tx, numbers); err != nil {
				return err
			}
			for _, statement := range []string{
				"DELETE FROM reponses WHERE demande_id IN (SELECT id FROM temp.forgotten)",
				"DELETE FROM plan WHERE demande_id IN (SELECT id FROM temp.forgotten)",
				"DELETE FROM claims WHERE demande_id IN (SELECT id FROM temp.forgotten)",
				"DELETE FROM demandes WHERE id IN (SELECT id FROM temp.forgotten)",
				"DROP TABLE temp.forgotten",
			} {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return err
				}
			}
			_, err = eachTombstone(ctx, tx, "INSERT INTO oublis (salt, sum) VALUES (?, ?) ON CONFLICT DO NOTHING", tombstones)
			return err
		})
	})
	if err == nil {
		err = l.scrub(ctx)
	}
	if err != nil {
		return found, fmt.Errorf("forgetting %d numbers in ledger %s: %w", len(numbers), l.path, err)
	}
	return found, nil
}

// WouldForget is what Forget would find.
func (l *Ledger) WouldForget(ctx context.Context, numbers []string) (found Forgotten, err error) {
	db := l.writer
	if db == nil {
		db = l.reader
	}
	tx, err := db.BeginTx(ctx, nil)
	if err == nil {
		found, err = findForgotten(ctx, tx, numbers)
		err = errors.Join(err, tx.Rollback())
	}
	if err != nil {
		return found, fmt.Errorf("looking for %d numbers in ledger %s: %w", len(numbers), l.path, err)
	}
	return found, nil
}

// withPragmas runs do with removed bytes overwritten, and without the check of what refers to a row, which would read
// all answers for each number.
func (l *Ledger) withPragmas(ctx context.Context, do func() error) (err error) {
	if l.writer == nil {
		return errReadOnly
	}
	if _, err := l.writer.ExecContext(ctx, "PRAGMA secure_delete = ON; PRAGMA foreign_keys = OFF"); err != nil {
		return err
	}
	defer func() {
		_, back := l.writer.ExecContext(context.WithoutCancel(ctx), "PRAGMA foreign_keys = ON")
		err = errors.Join(err, back)
	}()
	return do()
}

// findForgotten puts the ids of the numbers that are there into a table temp.forgotten, and counts what is theirs.
func findForgotten(ctx context.Context, tx *sql.Tx, numbers []string) (found Forgotten, err error) {
	if _, err := tx.ExecContext(ctx, "CREATE TEMP TABLE forgotten (id INTEGER PRIMARY KEY)"); err != nil {
		return found, err
	}
	var insert *sql.Stmt
	err = prepare(ctx, tx, []prepared{{&insert, "INSERT INTO temp.forgotten SELECT id FROM main.demandes WHERE numero = ? ON CONFLICT DO NOTHING"}})
	if err != nil {
		return found, err
	}
	for _, numero := range numbers {
		result, err := insert.ExecContext(ctx, numero)
		if err != nil {
			return found, err
		}
		if rows, err := result.RowsAffected(); err != nil {
			return found, err
		} else if rows > 0 {
			found.Numbers = append(found.Numbers, numero)
		}
	}
	err = tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM reponses WHERE demande_id IN (SELECT id FROM temp.forgotten)),
		(SELECT count(*) FROM plan WHERE demande_id IN (SELECT id FROM temp.forgotten))`).Scan(&found.Answers, &found.Plans)
	return found, err
}

// scrub leaves nothing of what was ever removed in the ledger's files.
func (l *Ledger) scrub(ctx context.Context) error {
	if _, err := l.writer.ExecContext(ctx, "VACUUM"); err != nil {
		return fmt.Errorf("making the file anew without what was removed: %w", err)
	}
	for try := 1; ; try++ {
		var busy, pages, folded int64
		if err := l.writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &folded); err != nil {
			return fmt.Errorf("emptying the log: %w", err)
		}
		if busy == 0 {
			return nil
		}
		if try == checkpointTries {
			return fmt.Errorf("%w: another program reads it, so that its log cannot be emptied: run again once that has ended", ErrLocked)
		}
	}
}

// Newest visits each number that has an answer, with the time of its newest.
func (l *Ledger) Newest(ctx context.Context, visit func(numero string, at time.Time) error) error {
	err := l.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT d.numero, max(coalesce(d.settled_at, 0), coalesce(r.at, 0))
			FROM demandes d LEFT JOIN (SELECT demande_id, max(received_at) AS at FROM reponses GROUP BY demande_id) r ON r.demande_id = d.id
			WHERE d.settled_at IS NOT NULL OR r.at IS NOT NULL`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var numero string
			var at sql.NullInt64
			if err := rows.Scan(&numero, &at); err != nil {
				return err
			}
			if err := visit(numero, fromMicros(at)); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("reading the newest answers of ledger %s: %w", l.path, err)
	}
	return nil
}
