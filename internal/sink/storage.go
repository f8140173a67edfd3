package sink

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
)

// storage is where an output's objects stand: a folder (local) or a bucket (bucket).
//
// Names are relative, with slashes, and made by this package from checked parts. All methods may be called from several
// goroutines; those that write are only called under Lock, or by a replacement for files of its own, under replacingName.
//
// What both must do: an object appears whole or not at all; once Land has returned it stays, whatever dies; of two
// processes that write, the second never undoes what the first wrote without having read it. A folder has this from its
// lock, which the kernel keeps as long as the process lives. A bucket's lock is a lease, which ends without its holder,
// so there every write says which generation it goes upon, and fails if another stands there.
type storage interface {
	// URI is the absolute address of an object, or of the output itself for "".
	URI(name string) string
	// Lock waits until no other process publishes into the output, or until ctx ends. unlock may be called again. A lock
	// that is lost while it is held makes the writes under it fail.
	Lock(ctx context.Context) (unlock func(), err error)
	// TryLock takes a lock if it is free: lockName, which is that of Lock, or replacingName. unlock may be called again,
	// and is nil if the lock is not free.
	TryLock(name string) (unlock func(), err error)
	// LockToRead is Lock for who only looks, and does without the lock where this user may not have it.
	LockToRead(ctx context.Context) (unlock func(), err error)
	// Locked says whether a lock is held, or it cannot be known.
	Locked(ctx context.Context, name string) bool
	// Stage begins an object of which nothing can be seen under its name before Land. lot marks what is left aside
	// if the process dies. The end of ctx may make the object's writing fail, and need not.
	Stage(ctx context.Context, name, lot string) (staged, error)
	// Open opens an object for reading, as it is at that moment: what is read is all of one version. The error is
	// fs.ErrNotExist if there is none.
	Open(ctx context.Context, name string) (object, error)
	// List gives the objects below a folder, at every depth, by name, without what is left aside. A folder that does
	// not exist is empty.
	List(ctx context.Context, folder string) ([]string, error)
	// Dated is List with when each object was written.
	Dated(ctx context.Context, folder string) ([]dated, error)
	// Remove removes an object, if it is there. It may come back if the machine dies soon after.
	Remove(ctx context.Context, name string) error
	// Erase removes objects for good, those that are there.
	Erase(ctx context.Context, names []string) error
	// Sweep removes what dead processes left aside, but for what spare says. Only under the locks of those who might
	// still be alive.
	Sweep(ctx context.Context, spare func(name string) bool) error
}

// dated is an object of a list.
type dated struct {
	name    string
	written time.Time
}

// staged is an object being written. Either Land or Discard ends it; Discard after Land does nothing.
type staged interface {
	io.Writer
	// Land makes the object appear under its name, whole and for good, instead of what stood there; an object with the
	// same bytes is left alone. An error leaves either the old state or the new one, never a part.
	Land(sum digest) error
	Discard()
}

// object is an object being read.
type object interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Closer
	Size() int64
}

// isRecord says whether an object is a commit record, a lot's or a replacement's, which is written once.
func isRecord(name string) bool {
	folder := path.Dir(name)
	return (folder == lotsFolder || folder == replacementsFolder) && strings.HasSuffix(name, ".json")
}

func readAll(ctx context.Context, in storage, name string) ([]byte, error) {
	from, err := in.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	content, err := io.ReadAll(from)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", in.URI(name), err)
	}
	return content, nil
}

func writeAll(ctx context.Context, in storage, name, lot string, content []byte) error {
	to, err := in.Stage(ctx, name, lot)
	if err != nil {
		return err
	}
	defer to.Discard()
	if _, err := to.Write(content); err != nil {
		return err
	}
	return to.Land(digestOf(content))
}
