package ledger

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"slices"
)

// SaltBytes is the length of the salts that NewSalt makes.
const SaltBytes = 16

// Tombstone stands for one number that was forgotten and is not to be asked for again. It does not hold the number, but
// whoever has a number can find out whether it is this one.
type Tombstone struct {
	Salt string            // raw bytes
	Sum  [sha256.Size]byte // the SHA-256 of the salt and the number
}

// NewSalt is a random salt.
func NewSalt() string {
	salt := make([]byte, SaltBytes)
	_, _ = rand.Read(salt) // never fails
	return string(salt)
}

// TombstoneOf is the tombstone of a number under a salt.
func TombstoneOf(salt, numero string) Tombstone {
	return Tombstone{Salt: salt, Sum: sha256.Sum256([]byte(salt + numero))}
}

// Tombstones is a set of tombstones. The zero value has none. Once it is filled, any goroutines may read it.
type Tombstones struct {
	bySalt map[string]map[[sha256.Size]byte]struct{}
	count  int64
}

// Add puts a tombstone into the set, and says whether it was not in it.
func (t *Tombstones) Add(one Tombstone) bool {
	sums := t.bySalt[one.Salt]
	if _, known := sums[one.Sum]; known {
		return false
	}
	if sums == nil {
		sums = map[[sha256.Size]byte]struct{}{}
		if t.bySalt == nil {
			t.bySalt = map[string]map[[sha256.Size]byte]struct{}{}
		}
		t.bySalt[one.Salt] = sums
	}
	sums[one.Sum] = struct{}{}
	t.count++
	return true
}

// Len is how many tombstones the set has.
func (t *Tombstones) Len() int64 { return t.count }

// Holds says whether a number was forgotten. It costs a SHA-256 a salt, of which there is one as a rule, and nothing if
// the set is empty.
func (t *Tombstones) Holds(numero string) bool {
	for salt, sums := range t.bySalt {
		if _, ok := sums[TombstoneOf(salt, numero).Sum]; ok {
			return true
		}
	}
	return false
}

// Of are the tombstones of a number: one as a rule, none if it was not forgotten.
func (t *Tombstones) Of(numero string) (found []Tombstone) {
	for salt, sums := range t.bySalt {
		one := TombstoneOf(salt, numero)
		if _, ok := sums[one.Sum]; ok {
			found = append(found, one)
		}
	}
	return found
}

// Salt is one of the set's salts, or "" if it is empty. A new tombstone under a salt that is there already keeps Holds
// cheap.
func (t *Tombstones) Salt() string {
	least := ""
	for salt := range t.bySalt {
		if least == "" || salt < least {
			least = salt
		}
	}
	return least
}

// Sorted is all tombstones, in an order that tells nothing.
func (t *Tombstones) Sorted() []Tombstone {
	all := make([]Tombstone, 0, t.count)
	for salt, sums := range t.bySalt {
		for sum := range sums {
			all = append(all, Tombstone{salt, sum})
		}
	}
	slices.SortFunc(all, func(a, b Tombstone) int {
		return cmp.Or(cmp.Compare(a.Salt, b.Salt), bytes.Compare(a.Sum[:], b.Sum[:]))
	})
	return all
}

// Mode is whose answers the ledger holds: "reel" or "simule".
func (l *Ledger) Mode(ctx context.Context) (mode string, err error) {
	err = l.read(ctx, func(tx *sql.Tx) error { return tx.QueryRowContext(ctx, "SELECT mode FROM ledger").Scan(&mode) })
	if err != nil {
		return "", fmt.Errorf("reading ledger %s: %w", l.path, err)
	}
	return mode, nil
}

// Tombstones is all that the ledger has.
func (l *Ledger) Tombstones(ctx context.Context) (*Tombstones, error) {
	var all *Tombstones
	err := l.read(ctx, func(tx *sql.Tx) (err error) {
		all, err = readTombstones(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading what was forgotten: %w", err)
	}
	return all, nil
}

func readTombstones(ctx context.Context, tx *sql.Tx) (*Tombstones, error) {
	rows, err := tx.QueryContext(ctx, "SELECT salt, sum FROM oublis")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := &Tombstones{}
	var salt, sum []byte
	for rows.Next() {
		if err := rows.Scan(&salt, &sum); err != nil {
			return nil, err
		}
		if len(sum) != sha256.Size {
			return nil, fmt.Errorf("a sum of %d bytes", len(sum))
		}
		all.Add(Tombstone{string(salt), [sha256.Size]byte(sum)})
	}
	return all, rows.Err()
}

// Remember adds tombstones to the ledger's, and says how many it did not have. Plans that are made from then on leave
// their numbers out; what the ledger holds of the numbers stays, which Forget takes away.
func (l *Ledger) Remember(ctx context.Context, tombstones []Tombstone) (added int64, err error) {
	if len(tombstones) == 0 {
		return 0, nil
	}
	err = l.write(ctx, func(tx *sql.Tx) (err error) {
		added, err = eachTombstone(ctx, tx, "INSERT INTO oublis (salt, sum) VALUES (?, ?) ON CONFLICT DO NOTHING", tombstones)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("remembering what was forgotten: %w", err)
	}
	return added, nil
}

// Unforget takes tombstones away, and says how many the ledger had: their numbers are asked for again.
func (l *Ledger) Unforget(ctx context.Context, tombstones []Tombstone) (removed int64, err error) {
	err = l.write(ctx, func(tx *sql.Tx) (err error) {
		removed, err = eachTombstone(ctx, tx, "DELETE FROM oublis WHERE salt = ? AND sum = ?", tombstones)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("taking tombstones away: %w", err)
	}
	return removed, nil
}

func eachTombstone(ctx context.Context, tx *sql.Tx, statement string, tombstones []Tombstone) (changed int64, err error) {
	var each *sql.Stmt
	if err := prepare(ctx, tx, []prepared{{&each, statement}}); err != nil {
		return 0, err
	}
	for _, one := range tombstones {
		result, err := each.ExecContext(ctx, []byte(one.Salt), one.Sum[:])
		if err != nil {
			return 0, err
		}
		rows, err := result.RowsAffected()
		if err != nil {
			return 0, err
		}
		changed += rows
	}
	return changed, nil
}
