package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
)

const (
	fileName = "ledger.sqlite"
	// readers bounds the connections that read; each has its own page cache.
	readers = 4
)

// Options is how a ledger is opened.
type Options struct {
	Mode string // "reel" or "simule": whose answers it holds. Fixed when the ledger is made.
	// ReadOnly opens for Status and the other reading methods, beside a run that writes: without lock, without migration.
	// Mode is then not looked at.
	ReadOnly bool
}

// Ledger is an open ledger. Its methods may be called from several goroutines; those that write wait for one another,
// and never for those that read.
type Ledger struct {
	path   string
	lock   *os.File // of the folder, shared with other runs; nil when read only
	writer *sql.DB  // one connection; nil when read only
	reader *sql.DB

	mu   sync.Mutex
	live map[int64]*os.File // the locks of the runs begun here and not ended, by run; under mu
}

// Open opens the ledger of the folder dir, and makes folder (0700) and ledger (0600) if there is none. It fails with
// an *OpenError that wraps ErrLocked, ErrNewer, ErrDamaged, ErrMode, ErrNotFound (ReadOnly only) or the system's error.
func Open(ctx context.Context, dir string, options Options) (*Ledger, error) {
	path, err := filepath.Abs(filepath.Join(dir, fileName))
	if err != nil {
		return nil, &OpenError{filepath.Join(dir, fileName), err}
	}
	opened := &Ledger{path: path}
	if options.ReadOnly {
		err = opened.openToRead(ctx)
	} else {
		err = opened.openToWrite(ctx, options.Mode)
	}
	if err != nil {
		return nil, &OpenError{path, errors.Join(withSpaceAdvice(err), opened.release())}
	}
	return opened, nil
}

func (l *Ledger) openToRead(ctx context.Context) error {
	found, err := checkFile(l.path)
	if err != nil {
		return err
	}
	if found == fileAbsent {
		return fmt.Errorf("%w: nothing was run with this state folder yet", ErrNotFound)
	}
	l.reader, err = connect(l.path, url.Values{"mode": {"ro"}}, readers)
	if err != nil {
		return err
	}
	found2, err := inspect(ctx, l.reader)
	if err != nil {
		return readError(err)
	}
	return found2.readable()
}

func (l *Ledger) openToWrite(ctx context.Context, mode string) error {
	if mode != "reel" && mode != "simule" {
		return fmt.Errorf("%q is no mode of a ledger", mode)
	}
	dir := filepath.Dir(l.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	alone, err := l.join(ctx, mode, lockPatience)
	if err != nil {
		return err
	}
	if l.writer, err = connect(l.path, writing("rw"), 1); err != nil {
		return err
	}
	if l.reader, err = connect(l.path, url.Values{"mode": {"ro"}}, readers); err != nil {
		return err
	}
	// Between the exclusive lock and the shared one a newer program may have migrated the file.
	found, err := inspect(ctx, l.writer)
	if err != nil {
		return readError(err)
	}
	if err := errors.Join(found.writable(mode), found.current()); err != nil || !alone {
		return err
	}
	return l.emptyPublished(ctx, 0)
}

// writing is the parameters of a connection that writes. synchronous=FULL makes each commit reach the disk.
func writing(mode string) url.Values {
	return url.Values{
		"mode": {mode}, "_txlock": {"immediate"}, "_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_foreign_keys": {"1"},
		// After a big plan the log shrinks back to 64 MiB; 40 MiB of cache keep a plan's random pages in memory: more made a
		// plan of a million numbers no faster.
		// Bodies are personal data: what leaves the ledger is overwritten, not only forgotten.
		"_pragma": {"secure_delete(1)", "wal_autocheckpoint(16384)", "journal_size_limit(67108864)", "cache_size(-40960)"},
	}
}

// connect makes a pool of at most limit connections to the file.
func connect(path string, parameters url.Values, limit int) (*sql.DB, error) {
	// For the other runs' transactions, of which none takes long, and for a foreign tool such as the sqlite3 command.
	parameters.Set("_busy_timeout", "30000")
	parameters.Set("_error_rc", "1")
	name := url.URL{Scheme: "file", Path: path, RawQuery: parameters.Encode()}
	pool, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(limit)
	pool.SetMaxIdleConns(limit)
	return pool, nil
}

// Close folds the log into the file and gives the locks back: a run that has not ended is dead from now on. No other
// method may be running. Closing again does nothing.
func (l *Ledger) Close() error {
	var err error
	if l.writer != nil {
		// While other runs go on, a full checkpoint would wait for them, and hold them up meanwhile.
		checkpoint := "PRAGMA wal_checkpoint(PASSIVE)"
		if lockFile(l.lock, exclusive, false) == nil {
			checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)"
		}
		_, err = l.writer.Exec(checkpoint)
	}
	if err := errors.Join(err, l.release()); err != nil {
		return fmt.Errorf("closing ledger %s: %w", l.path, err)
	}
	return nil
}

// release closes what is open. The writer goes last but for the locks, since only a writer can remove the log.
func (l *Ledger) release() error {
	var errs []error
	if l.reader != nil {
		errs = append(errs, l.reader.Close())
	}
	if l.writer != nil {
		errs = append(errs, l.writer.Close())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, file := range l.live {
		errs = append(errs, file.Close())
	}
	if l.lock != nil {
		errs = append(errs, l.lock.Close())
	}
	l.reader, l.writer, l.lock, l.live = nil, nil, nil, nil
	return errors.Join(errs...)
}

// write runs do in one transaction, on the disk once write returns nil. After an error nothing of it is left.
func (l *Ledger) write(ctx context.Context, do func(*sql.Tx) error) error {
	if l.writer == nil {
		return errReadOnly
	}
	tx, err := l.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		// A full disk may have rolled the transaction back already; the rollback's own error says nothing more.
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// read runs do in one snapshot of the ledger. Other connections may write meanwhile.
func (l *Ledger) read(ctx context.Context, do func(*sql.Tx) error) error {
	if l.reader == nil {
		return errClosed
	}
	tx, err := l.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // it wrote nothing
	return do(tx)
}

var errClosed = errors.New("the ledger is closed")

var errReadOnly = errors.New("the ledger is open to read only, or closed")
