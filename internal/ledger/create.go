package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ensure makes the ledger if there is none, refuses one that this run must not write to, and brings it up to date. A log
// that stands beside it although no other run is there was left by one that died, so the file is then read whole.
func (l *Ledger) ensure(ctx context.Context, mode string) error {
	state, err := checkFile(l.path)
	if err != nil {
		return err
	}
	if state == fileAbsent {
		return create(ctx, l.path, mode)
	}
	found, err := check(ctx, l.path, mode, state == fileOpen)
	if err != nil {
		return err
	}
	if err := found.current(); !errors.Is(err, errNeedsAlone) {
		return err
	}
	return readError(upgrade(ctx, l.path, found.version))
}

// create makes a ledger beside its place and then renames it, so that a kill leaves either no ledger or a whole one:
// an empty file would be refused ever after.
func create(ctx context.Context, path, mode string) error {
	fresh := path + ".new"
	for _, left := range []string{fresh, fresh + "-wal", fresh + "-shm"} {
		if err := os.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	// SQLite would make the file with the umask's permissions; its log takes those of the file.
	file, err := os.OpenFile(fresh, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := fill(ctx, fresh, mode); err != nil {
		return fmt.Errorf("making %s: %w", fresh, err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// fill makes the tables in an empty file, folds the log in and syncs the file. Closing would fold it in too, but leave it
// where it is, without an error, when the disk has room for the log and not for the file as well: that file would be
// damaged once it is renamed away from its log.
func fill(ctx context.Context, path, mode string) (err error) {
	db, err := connect(path, writing("rw"), 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	random := make([]byte, 4)
	_, _ = rand.Read(random) // never fails
	fresh := Ledger{writer: db}
	err = fresh.write(ctx, func(tx *sql.Tx) error {
		if err := migrate(ctx, tx, 0); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO ledger (id, mode, identity, created_at) VALUES (1, ?, ?, ?)",
			mode, hex.EncodeToString(random), time.Now().UnixMicro())
		return err
	})
	if err != nil {
		return err
	}
	var busy, logged, folded int
	if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &logged, &folded); err != nil {
		return fmt.Errorf("folding the log in: %w", err)
	}
	if busy != 0 || logged > 0 {
		return fmt.Errorf("folding the log in: %d of %d pages are left in it", logged-folded, logged)
	}
	return nil
}

// upgrade applies the migrations that the file does not have yet.
func upgrade(ctx context.Context, path string, version int) (err error) {
	db, err := connect(path, writing("rw"), 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	old := Ledger{writer: db}
	return old.write(ctx, func(tx *sql.Tx) error { return migrate(ctx, tx, version) })
}

// syncFolder makes a rename in the folder last.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
