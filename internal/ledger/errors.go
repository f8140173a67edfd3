package ledger

import (
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What an OpenError may wrap; test with errors.Is.
var (
	// ErrLocked says that other runs hold the ledger while it must be made or migrated, or that one does so too long.
	ErrLocked = errors.New("another run holds the ledger")
	// ErrNewer says that a newer version of the program wrote the ledger.
	ErrNewer = errors.New("a newer version of the program wrote the ledger")
	// ErrDamaged says that the file is damaged or is no ledger at all.
	ErrDamaged = errors.New("the ledger is damaged or is no ledger")
	// ErrMode says that the ledger belongs to the other mode: real answers and simulated ones never share a ledger.
	ErrMode = errors.New("the ledger belongs to the other mode")
	// ErrNotFound says that there is no ledger to read yet.
	ErrNotFound = errors.New("there is no ledger")
)

var (
	// ErrNoPlan says that the run has no committed plan, or has ended.
	ErrNoPlan = errors.New("the run has no committed plan")
	// ErrNoLot says that a lot is not among those sealed and unpublished.
	ErrNoLot = errors.New("the lot is not sealed and unpublished")
)

// OpenError is why a ledger could not be opened. The program did not change what it found.
type OpenError struct {
	Path   string // the ledger's file
	Reason error  // wraps one of the sentinels above, or is the system's own error
}

func (e *OpenError) Error() string { return fmt.Sprintf("opening ledger %s: %v", e.Path, e.Reason) }

// Unwrap gives the reason.
func (e *OpenError) Unwrap() error { return e.Reason }

// damageAdvice is what to do about a file that is refused.
const damageAdvice = "keep the state folder as it is (it may hold answers not yet published), and either put back a backup of it or give another --state to begin anew"

func damaged(what string) error {
	return fmt.Errorf("%w: %s; %s", ErrDamaged, what, damageAdvice)
}

// readError is the reason for which a ledger that is there could not be read.
func readError(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return damaged("a row that every ledger has is missing")
	}
	var failed *sqlite.Error
	if errors.As(err, &failed) {
		switch failed.Code() & 0xff {
		// SQLITE_ERROR: a table or a column that every ledger has is missing.
		case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR:
			return damaged(failed.Error())
		}
	}
	return err
}

// withSpaceAdvice says what to do where SQLite found no room. For its shared memory it says so with a code alone.
func withSpaceAdvice(err error) error {
	var failed *sqlite.Error
	if !errors.As(err, &failed) {
		return err
	}
	switch failed.Code() {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE:
		return fmt.Errorf("the disk is full: %w; free space there, then run again", err)
	}
	return err
}
