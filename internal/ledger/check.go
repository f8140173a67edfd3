package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
)

// fileState is what stands on the disk, seen without opening it: a process that opens and closes the file by itself
// would lose SQLite's locks on it.
type fileState int

const (
	fileAbsent fileState = iota
	fileClosed           // the last writer closed it
	fileOpen             // a log stands beside it: a writer has it open, or died
)

// checkFile looks for the ledger's file and its log.
func checkFile(path string) (fileState, error) {
	log, err := os.Stat(path + "-wal")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	logged := err == nil && log.Size() > 0
	file, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && logged:
		return 0, damaged("the file is gone, though its log " + fileName + "-wal stands here")
	case errors.Is(err, fs.ErrNotExist):
		return fileAbsent, nil
	case err != nil:
		return 0, err
	case !file.Mode().IsRegular():
		return 0, damaged("it is no regular file")
	case file.Size() == 0:
		return 0, damaged("the file is empty")
	case logged:
		return fileOpen, nil
	}
	return fileClosed, nil
}

// identity is what a file says of itself.
type identity struct {
	application int64
	version     int
	mode        string
}

// inspect reads what the file says of itself. It changes nothing, so that a foreign file stays as it is.
func inspect(ctx context.Context, db *sql.DB) (found identity, err error) {
	err = db.QueryRowContext(ctx, "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version").Scan(&found.application, &found.version)
	if err != nil || found.application != applicationID {
		return found, err
	}
	err = db.QueryRowContext(ctx, "SELECT mode FROM ledger").Scan(&found.mode)
	return found, err
}

// readable says whether this program can read a file that says this of itself.
func (found identity) readable() error {
	names, err := migrationNames()
	switch {
	case err != nil:
		return err
	case found.application != applicationID:
		return damaged("it is a SQLite file of another program")
	case found.version > len(names):
		return fmt.Errorf("%w (its version is %d, this program knows %d): use that version of the program, or give another --state", ErrNewer, found.version, len(names))
	case found.version < len(names):
		return fmt.Errorf("an older version of the program wrote it (its version is %d, this program's %d): the next run brings it up to date", found.version, len(names))
	}
	return nil
}

// writable says whether this program can write to a file that says this of itself.
func (found identity) writable(mode string) error {
	names, err := migrationNames()
	if err != nil {
		return err
	}
	known := found
	known.version = max(found.version, len(names)) // an older one is brought up to date
	if err := known.readable(); err != nil {
		return err
	}
	if found.mode != mode {
		return fmt.Errorf("%w: it is of mode %s, this run's is %s; give another --state", ErrMode, found.mode, mode)
	}
	return nil
}

// current says whether a file that this program can write to has all its migrations. It fails with errNeedsAlone.
func (found identity) current() error {
	names, err := migrationNames()
	if err == nil && found.version < len(names) {
		return errNeedsAlone
	}
	return err
}

// check refuses a file that this run must not write to. thorough also looks for damage, which reads the whole file.
func check(ctx context.Context, path, mode string, thorough bool) (found identity, err error) {
	db, err := connect(path, url.Values{"mode": {"ro"}}, 1)
	if err != nil {
		return identity{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	found, err = inspect(ctx, db)
	if err != nil {
		return identity{}, readError(err)
	}
	if err := found.writable(mode); err != nil || !thorough {
		return found, err
	}
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return identity{}, readError(err)
	}
	if verdict != "ok" {
		return identity{}, damaged(verdict)
	}
	return found, nil
}
