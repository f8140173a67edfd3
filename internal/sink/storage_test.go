package sink

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"
)

// What follows is the contract of storage, held against a folder. A bucket's is held by the module e2e, through Output:
// its server is a dependency that the program's own module does without.

func openStorage(t *testing.T) storage {
	t.Helper()
	l, err := openLocal(t.TempDir(), hastyDisk{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func put(t *testing.T, in storage, name, content string) {
	t.Helper()
	if err := writeAll(t.Context(), in, name, "lot", []byte(content)); err != nil {
		t.Fatal(err)
	}
}

func got(t *testing.T, in storage, name string) string {
	t.Helper()
	content, err := readAll(t.Context(), in, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "nothing"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestNothingIsSeenOfAnObjectBeforeItLands(t *testing.T) {
	t.Parallel()
	in := openStorage(t)
	put(t, in, "a/x", "old")
	to, err := in.Stage(t.Context(), "a/x", "lot")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	names, err := in.List(t.Context(), "")
	if err != nil || !slices.Equal(names, []string{"a/x"}) || got(t, in, "a/x") != "old" {
		t.Errorf("before it lands: %v, %v, %s", names, err, got(t, in, "a/x"))
	}
	if err := to.Land(digestOf([]byte("new"))); err != nil {
		t.Fatal(err)
	}
	to.Discard()
	if got(t, in, "a/x") != "new" {
		t.Errorf("after it landed: %s", got(t, in, "a/x"))
	}
}

func TestADiscardedObjectLeavesNothing(t *testing.T) {
	t.Parallel()
	in := openStorage(t)
	to, err := in.Stage(t.Context(), "x", "lot")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	to.Discard()
	if got(t, in, "x") != "nothing" {
		t.Error("it stands")
	}
}

func TestAnObjectIsReadInOrderAndHereAndThere(t *testing.T) {
	t.Parallel()
	in := openStorage(t)
	put(t, in, "x", "0123456789")
	from, err := in.Open(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	piece := make([]byte, 3)
	if count, err := from.ReadAt(piece, 8); count != 2 || !errors.Is(err, io.EOF) {
		t.Errorf("beyond the end: %d bytes, %v", count, err)
	}
	if at, err := from.Seek(-4, io.SeekEnd); at != 6 || err != nil {
		t.Errorf("seeking: %d, %v", at, err)
	}
	if rest, err := io.ReadAll(from); string(rest) != "6789" || err != nil || from.Size() != 10 {
		t.Errorf("the rest is %q, %v, of %d bytes", rest, err, from.Size())
	}
}

func TestNamesAreListedByFolderAndAge(t *testing.T) {
	t.Parallel()
	in := openStorage(t)
	for _, name := range []string{"b/2", "a/c/1", "a/.hidden", "a/0"} {
		put(t, in, name, name)
	}
	listed := func(names []string, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(names, " ")
	}
	ctx := t.Context()
	for _, c := range []struct{ got, want string }{
		{listed(in.List(ctx, "")), "a/0 a/c/1 b/2"},
		{listed(in.List(ctx, "a")), "a/0 a/c/1"},
		{listed(in.List(ctx, "none")), ""},
		{listed(recent(in.Dated(ctx, ""))), "a/0 a/c/1 b/2"},
		{listed(recent(in.Dated(ctx, "a"))), "a/0 a/c/1"},
	} {
		if c.got != c.want {
			t.Errorf("listed %q, want %q", c.got, c.want)
		}
	}
}

// recent names the objects that were written within the last hour.
func recent(objects []dated, err error) (names []string, _ error) {
	for _, object := range objects {
		if age := time.Since(object.written); age > -time.Hour && age < time.Hour {
			names = append(names, object.name)
		}
	}
	return names, err
}

func TestWhatIsRemovedMayBeGoneAlready(t *testing.T) {
	t.Parallel()
	in := openStorage(t)
	put(t, in, "x", "x")
	for range 2 {
		if err := in.Erase(t.Context(), []string{"x", "y"}); err != nil {
			t.Error(err)
		}
		if err := in.Remove(t.Context(), "x"); err != nil {
			t.Error(err)
		}
	}
	if got(t, in, "x") != "nothing" {
		t.Error("it stands")
	}
}

func TestALockIsHeldByOne(t *testing.T) {
	t.Parallel()
	in := openStorage(t)
	unlock, err := in.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if second, err := in.TryLock(lockName); second != nil || err != nil || !in.Locked(t.Context(), lockName) {
		t.Errorf("a lock that is held is taken: %v", err)
	}
	other, err := in.TryLock(replacingName)
	if err != nil || other == nil {
		t.Fatalf("the other lock is not free: %v", err)
	}
	other()
	unlock()
	unlock()
	if in.Locked(t.Context(), lockName) {
		t.Error("it is still held")
	}
	if unlock, err = in.TryLock(lockName); unlock == nil || err != nil {
		t.Fatalf("it cannot be taken again: %v", err)
	}
	unlock()
}
