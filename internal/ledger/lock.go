package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const lockName = "run.lock"

// errHeld says that another process holds the lock.
var errHeld = errors.New("held")

// lock takes the folder's run lock. It is the system's, so that it ends with the process, however that dies; the file
// stays, since removing it would let two processes hold two files of one name.
func lock(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(file); err != nil {
		defer file.Close()
		if errors.Is(err, errHeld) {
			return nil, fmt.Errorf("%w: %s", ErrLocked, holder(file))
		}
		return nil, fmt.Errorf("locking %s: %w", file.Name(), err)
	}
	if err := sign(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("writing %s: %w", file.Name(), err)
	}
	return file, nil
}

// sign writes who holds the lock. The host tells containers apart, where every pid is 1.
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

// holder is what the lock's file says of who holds it.
func holder(file *os.File) string {
	text, err := io.ReadAll(io.LimitReader(file, 200))
	if words := strings.TrimSpace(string(text)); err == nil && words != "" {
		return words
	}
	return "pid unknown"
}
