package ledger

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// runsFolder holds a lock a run, runs/<id>.lock, which the run's process holds until the run ends. A run whose lock can
// be taken is dead, however it died.
const (
	runsFolder = "runs"
	runSuffix  = ".lock"
)

func (l *Ledger) runsDir() string { return filepath.Join(filepath.Dir(l.path), runsFolder) }

func (l *Ledger) runPath(id int64) string {
	return filepath.Join(l.runsDir(), strconv.FormatInt(id, 10)+runSuffix)
}

// holdRun takes the lock of a run that begins. Who looks whether the run is alive may hold it for a moment.
func (l *Ledger) holdRun(ctx context.Context, id int64) error {
	if err := os.MkdirAll(l.runsDir(), 0o700); err != nil {
		return err
	}
	file, err := lockWait(ctx, l.runPath(id), exclusive)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live == nil {
		l.live = map[int64]*os.File{}
	}
	l.live[id] = file
	return nil
}

// letRunGo gives the lock of a run back. For a run not begun here, or ended already, it does nothing. The file goes
// first: once the lock is free, another may be about to remove it.
func (l *Ledger) letRunGo(id int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	file := l.live[id]
	if file == nil {
		return nil
	}
	delete(l.live, id)
	err := os.Remove(file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, file.Close())
}

// isLive says whether a process holds the run's lock. It looks with a shared lock, so that two who look at once do not
// take each other for the run.
func (l *Ledger) isLive(id int64) (bool, error) {
	file, err := os.Open(l.runPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = lockFile(file, shared, false)
	held := errors.Is(err, errHeld)
	if held {
		err = nil
	}
	return held, errors.Join(err, file.Close())
}

// runLocks is the runs that have a lock's file, dead ones too.
func (l *Ledger) runLocks() ([]int64, error) {
	entries, err := os.ReadDir(l.runsDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var ids []int64
	for _, entry := range entries {
		name, isLock := strings.CutSuffix(entry.Name(), runSuffix)
		if id, err := strconv.ParseInt(name, 10, 64); isLock && err == nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// otherLives says whether a run but this one is alive.
func (l *Ledger) otherLives(run int64) (bool, error) {
	ids, err := l.runLocks()
	for _, id := range ids {
		if id == run {
			continue
		}
		if live, err := l.isLive(id); live || err != nil {
			return live, err
		}
	}
	return false, err
}
