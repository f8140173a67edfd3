package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// lockKind is whether a lock is held by one or by many.
type lockKind int

const (
	shared lockKind = iota
	exclusive
)

// errHeld says that another holds the lock.
var errHeld = errors.New("held")

// lockNow opens the file, which it makes if there is none, and locks it. It fails with errHeld where it would have to
// wait. The lock is the system's, so that it ends with the process, however that dies; closing the file gives it back.
func lockNow(path string, kind lockKind) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(file, kind, false); err != nil {
		return nil, errors.Join(lockError(path, err), file.Close())
	}
	return file, nil
}

// lockWait is lockNow that waits for the lock as long as ctx lasts, without polling.
func lockWait(ctx context.Context, path string, kind lockKind) (*os.File, error) {
	file, err := lockNow(path, kind)
	if !errors.Is(err, errHeld) {
		return file, err
	}
	if file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	got := make(chan error, 1)
	go func() { got <- lockFile(file, kind, true) }()
	select {
	case err := <-got:
		if err != nil {
			return nil, errors.Join(lockError(path, err), file.Close())
		}
		return file, nil
	case <-ctx.Done():
		// Nothing interrupts flock, so the goroutine lives until it gets the lock; it is given up at once.
		go func() {
			<-got
			file.Close()
		}()
		return nil, ctx.Err()
	}
}

func lockError(path string, err error) error { return fmt.Errorf("locking %s: %w", path, err) }

// sign writes into a lock's file who took it last. The host tells containers apart, where every pid is 1.
func sign(file *os.File) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err = file.WriteAt(fmt.Appendf(nil, "pid %d on host %s\n", os.Getpid(), host), 0)
	return err
}

// holder is what a lock's file says of who took it last.
func holder(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return "pid unknown"
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 200))
	if words := strings.TrimSpace(string(text)); err == nil && words != "" {
		return words
	}
	return "pid unknown"
}
