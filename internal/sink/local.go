package sink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// lockPause is how long a publisher waits before it looks again whether another has ended.
const lockPause = 50 * time.Millisecond

// local is the storage of a folder.
type local struct {
	root    string // absolute
	durable *durable
}

// openLocal makes the folder ready to be written.
func openLocal(root string, d disk) (*local, error) {
	l := &local{root: root, durable: newDurable(d, root)}
	if err := l.durable.folder(filepath.Join(root, lotsFolder)); err != nil {
		return nil, err
	}
	return l, l.probe()
}

// probe sees whether files can be made, so that a run learns it before its first call and not after its last.
func (l *local) probe() error {
	file, err := l.durable.create(l.path(lotsFolder+"/probe"), "probe")
	if err != nil {
		return err
	}
	defer file.Discard()
	_, err = file.Write([]byte("probe"))
	return err
}

func (l *local) Sweep(ctx context.Context, spare func(name string) bool) error {
	var left []string
	err := filepath.WalkDir(l.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Type().IsRegular() && strings.HasPrefix(entry.Name(), temporaryPrefix) && !spare(entry.Name()) {
			left = append(left, path)
		}
		return ctx.Err()
	})
	if err != nil {
		return outputError("looking for temporary files in", l.root, err)
	}
	for _, path := range left {
		if err := l.durable.remove(path); err != nil {
			return err
		}
	}
	return nil
}

func (l *local) path(name string) string { return filepath.Join(l.root, filepath.FromSlash(name)) }

func (l *local) URI(name string) string { return l.path(name) }

func (l *local) openLock(name string) (*os.File, error) {
	path := l.path(name)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, outputError("opening", path, err)
	}
	return file, nil
}

func (l *local) Lock(ctx context.Context) (func(), error) {
	file, err := l.openLock(lockName)
	if err != nil {
		return nil, err
	}
	if err := waitLock(ctx, file); err != nil {
		_ = file.Close()
		return nil, err
	}
	return sync.OnceFunc(func() { _ = file.Close() }), nil
}

func (l *local) TryLock(name string) (func(), error) {
	file, err := l.openLock(name)
	if err != nil {
		return nil, err
	}
	free, err := tryLock(file)
	if err != nil {
		err = outputError("locking", file.Name(), err)
	}
	if err != nil || !free {
		_ = file.Close()
		return nil, err
	}
	return sync.OnceFunc(func() { _ = file.Close() }), nil
}

// LockToRead does without the lock in a folder laid open to readers, and makes no lock file in one that has none.
func (l *local) LockToRead(ctx context.Context) (func(), error) {
	if _, err := os.Stat(l.path(lockName)); err != nil {
		return func() {}, nil
	}
	unlock, err := l.Lock(ctx)
	if err != nil && ctx.Err() == nil {
		return func() {}, nil
	}
	return unlock, err
}

func (l *local) Locked(_ context.Context, name string) bool {
	if _, err := os.Stat(l.path(name)); err != nil {
		return false
	}
	unlock, err := l.TryLock(name)
	if err != nil || unlock == nil {
		return true
	}
	unlock()
	return false
}

// waitLock asks again and again, since a blocking flock would not heed ctx.
func waitLock(ctx context.Context, file *os.File) error {
	for {
		free, err := tryLock(file)
		if err != nil {
			return outputError("locking", file.Name(), err)
		}
		if free {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for another process to end its publication (lock %s): %w", file.Name(), ctx.Err())
		case <-time.After(lockPause):
		}
	}
}

func (l *local) Stage(_ context.Context, name, lot string) (staged, error) {
	file, err := l.durable.create(l.path(name), lot)
	if err != nil {
		return nil, err
	}
	return file, nil
}

func (l *local) Remove(_ context.Context, name string) error { return l.durable.remove(l.path(name)) }

func (l *local) Erase(_ context.Context, names []string) error {
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = l.path(name)
	}
	return l.durable.erase(paths)
}

func (l *local) Open(_ context.Context, name string) (object, error) {
	file, err := os.Open(l.path(name))
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &localObject{File: file, size: info.Size()}, nil
}

type localObject struct {
	*os.File
	size int64
}

func (o *localObject) Size() int64 { return o.size }

func (l *local) List(ctx context.Context, folder string) ([]string, error) {
	var names []string
	err := l.list(ctx, folder, func(name string, _ fs.DirEntry) error {
		names = append(names, name)
		return nil
	})
	slices.Sort(names)
	return names, err
}

func (l *local) Dated(ctx context.Context, folder string) ([]dated, error) {
	var found []dated
	err := l.list(ctx, folder, func(name string, entry fs.DirEntry) error {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err == nil {
			found = append(found, dated{name, info.ModTime()})
		}
		return err
	})
	slices.SortFunc(found, func(a, b dated) int { return strings.Compare(a.name, b.name) })
	return found, err
}

// list gives the objects below a folder as they come.
func (l *local) list(ctx context.Context, folder string, found func(name string, entry fs.DirEntry) error) error {
	err := filepath.WalkDir(l.path(folder), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), ".") {
			return ctx.Err()
		}
		relative, err := filepath.Rel(l.root, path)
		if err != nil {
			return err
		}
		if err := found(filepath.ToSlash(relative), entry); err != nil {
			return err
		}
		return ctx.Err()
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("listing %s: %w", l.path(folder), err)
	}
	return nil
}
