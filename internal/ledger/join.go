package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	lockName = "run.lock"
	// lockPatience is how long a run waits for those that make or migrate the ledger, or for all others to migrate it.
	lockPatience = 10 * time.Second
)

// errNeedsAlone says that the ledger must be made or brought up to date, which no other run may be beside.
var errNeedsAlone = errors.New("the ledger must be made or brought up to date first, by a run that has it alone")

// join takes the folder's run lock, shared with the other runs. Who finds nobody there makes the ledger, looks whether
// the last run left it sound, and brings it up to date. alone says that this one did. The file stays, since removing it
// would let two processes hold two files of one name. It waits for others no longer than patience.
func (l *Ledger) join(ctx context.Context, mode string, patience time.Duration) (alone bool, err error) {
	path := filepath.Join(filepath.Dir(l.path), lockName)
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	file, err := lockNow(path, exclusive)
	reason := error(errHeld)
	if errors.Is(err, errHeld) {
		if file, err = lockWait(patient, path, shared); err == nil {
			if err = l.beside(ctx, mode); !errors.Is(err, errNeedsAlone) {
				l.lock = file
				return false, errors.Join(err, sign(file))
			}
			reason = err
			file.Close()
			file, err = lockWait(patient, path, exclusive)
		}
	}
	if err != nil {
		if patient.Err() != nil && ctx.Err() == nil {
			return false, fmt.Errorf("%w: %w; it was last taken by %s", ErrLocked, reason, holder(path))
		}
		return false, err
	}
	l.lock = file
	if err := errors.Join(sign(file), l.ensure(ctx, mode)); err != nil {
		return false, err
	}
	return true, l.share(patient, path)
}

// share lets the other runs in. Changing a lock's kind is not atomic, so another may have taken it exclusively meanwhile.
func (l *Ledger) share(ctx context.Context, path string) error {
	err := lockFile(l.lock, shared, false)
	if !errors.Is(err, errHeld) {
		return err
	}
	var file *os.File
	if file, err = lockWait(ctx, path, shared); err != nil {
		return err
	}
	err = l.lock.Close()
	l.lock = file
	return err
}

// beside checks a ledger that other runs have open: they have seen to it that it is sound.
func (l *Ledger) beside(ctx context.Context, mode string) error {
	state, err := checkFile(l.path)
	if err != nil {
		return err
	}
	if state == fileAbsent {
		return errNeedsAlone
	}
	found, err := check(ctx, l.path, mode, false)
	if err != nil {
		return err
	}
	return found.current()
}
