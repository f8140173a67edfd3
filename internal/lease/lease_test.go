package lease

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"
)

// The leases of the tests are short, so that real time may pass: the client's connections live outside of any bubble.
const short = 600 * time.Millisecond

func acquire(t *testing.T, client *storage.Client, owner string) (*Lease, error) {
	t.Helper()
	l, err := Acquire(t.Context(), "gs://b/state", Options{Owner: owner, Duration: short, Client: client})
	if err == nil {
		t.Cleanup(func() { _ = l.Release(context.WithoutCancel(t.Context())) })
	}
	return l, err
}

func mustAcquire(t *testing.T, client *storage.Client, owner string) *Lease {
	t.Helper()
	l, err := acquire(t, client, owner)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestALeaseThatIsRenewedIsHeld(t *testing.T) {
	t.Parallel()
	_, client := newBucket(t)
	if _, err := Read(t.Context(), client, "gs://b/state"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is none yet: %v", err)
	}
	first := mustAcquire(t, client, "first")
	_, err := acquire(t, client, "second")
	var held *HeldError
	if !errors.Is(err, ErrHeld) || !errors.As(err, &held) || !strings.HasPrefix(held.Record.Owner, "first ") || !strings.Contains(err.Error(), "first ") {
		t.Fatalf("the second gets %v", err)
	}
	time.Sleep(2 * short)
	if err := first.Context().Err(); err != nil {
		t.Errorf("it is lost though it is renewed: %v", context.Cause(first.Context()))
	}
	if record, err := Read(t.Context(), client, "gs://b/state"); err != nil || !record.Held(time.Now()) || record.Fencing != 1 {
		t.Errorf("%+v, %v", record, err)
	}
}

func TestALeaseGivenBackIsTakenAtOnceWithItsNote(t *testing.T) {
	t.Parallel()
	_, client := newBucket(t)
	first := mustAcquire(t, client, "first")
	if first.Previous() != nil {
		t.Errorf("the first finds %s", first.Previous())
	}
	if err := first.Leave(t.Context(), []byte(`{"a":1}`)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := first.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if first.Context().Err() == nil || first.Leave(t.Context(), nil) == nil {
		t.Error("a lease that was given back is still held")
	}
	begun := time.Now()
	second := mustAcquire(t, client, "second")
	if took := time.Since(begun); took > short/2 {
		t.Errorf("taken after %s", took)
	}
	if string(second.Previous()) != `{"a":1}` || second.Record().Fencing != 2 {
		t.Errorf("%s, %+v", second.Previous(), second.Record())
	}
}

func TestALeaseOfADeadHolderIsTakenOverAfterItsEndAndNotBefore(t *testing.T) {
	t.Parallel()
	_, client := newBucket(t)
	first := mustAcquire(t, client, "first")
	died := time.Now()
	first.stop() // as a kill does: it is renewed no more
	<-first.stopped
	second := mustAcquire(t, client, "second")
	if took := time.Since(died); took < short/2 || took > 3*short {
		t.Errorf("taken over after %s", took)
	}
	// The first, if it lives on, finds out.
	if err := first.Leave(t.Context(), nil); err == nil {
		t.Error("the first still writes")
	}
	if second.Context().Err() != nil {
		t.Error("the second has lost it")
	}
}

func TestAHolderWhoseClockIsWrongIsTakenOverAfterItsLeaseWentUnrenewedFor(t *testing.T) {
	t.Parallel()
	_, client := newBucket(t)
	first := mustAcquire(t, client, "first")
	first.stop()
	<-first.stopped
	ahead := first.Record()
	ahead.ExpiresAt = time.Now().Add(24 * time.Hour)
	if _, err := first.object.write(t.Context(), ahead, first.generation); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	mustAcquire(t, client, "second")
	if took := time.Since(begun); took < short || took > 4*short {
		t.Errorf("taken over after %s", took)
	}
}

func TestALeaseIsLostBeforeItsEndWhenItCannotBeRenewed(t *testing.T) {
	t.Parallel()
	b, client := newBucket(t)
	l := mustAcquire(t, client, "first")
	b.set(func(b *bucket) { b.down = true })
	ends := l.Record().ExpiresAt
	select {
	case <-l.Context().Done():
	case <-time.After(5 * short):
		t.Fatal("it is never lost")
	}
	if !errors.Is(context.Cause(l.Context()), ErrLost) {
		t.Errorf("it ends for %v", context.Cause(l.Context()))
	}
	if late := time.Since(ends); late > short {
		t.Errorf("lost %s after its end", late)
	}
	if err := l.Release(t.Context()); err != nil {
		t.Errorf("a lost lease is given back: %v", err)
	}
}

func TestALeaseThatAnotherHasTakenIsLost(t *testing.T) {
	t.Parallel()
	b, client := newBucket(t)
	l := mustAcquire(t, client, "first")
	b.set(func(b *bucket) { b.fault = func(int) fault { return overtake } })
	select {
	case <-l.Context().Done():
	case <-time.After(5 * short):
		t.Fatal("it is never lost")
	}
	if err := context.Cause(l.Context()); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
}

func TestWritesThatFailOrLandUnseenLoseNothing(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]fault{"failed": failed, "landed": landed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, client := newBucket(t)
			b.set(func(b *bucket) {
				b.fault = func(nth int) fault {
					if nth%2 == 1 {
						return kind
					}
					return noFault
				}
			})
			// The client waits a second before it repeats.
			l, err := Acquire(t.Context(), "gs://b/state", Options{Owner: "first", Duration: 12 * time.Second, Client: client})
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Leave(t.Context(), []byte(`1`)); err != nil {
				t.Fatal(err)
			}
			if err := l.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			if record, err := Read(t.Context(), client, "gs://b/state"); err != nil || !record.Released || string(record.Note) != "1" || record.Fencing != 1 {
				t.Errorf("%+v, %v", record, err)
			}
		})
	}
}

func TestOfManyAtOnceOneGetsIt(t *testing.T) {
	t.Parallel()
	_, client := newBucket(t)
	type outcome struct {
		lease *Lease
		err   error
	}
	outcomes := make(chan outcome)
	const hosts = 5
	for range hosts {
		go func() {
			l, err := Acquire(t.Context(), "gs://b/state", Options{Duration: 3 * short, Client: client})
			outcomes <- outcome{l, err}
		}()
	}
	var holder *Lease
	for range hosts {
		out := <-outcomes
		switch {
		case out.err == nil && holder == nil:
			holder = out.lease
		case out.err == nil:
			t.Error("two hold it")
		case !errors.Is(out.err, ErrHeld):
			t.Error(out.err)
		}
	}
	if holder == nil {
		t.Fatal("nobody holds it")
	}
	if err := holder.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoLeaseIsRefusedAndKept(t *testing.T) {
	t.Parallel()
	b, client := newBucket(t)
	for _, text := range []string{"", "{", `{"version":2}`} {
		b.set(func(b *bucket) { b.content, b.generation = []byte(text), 7 })
		if _, err := acquire(t, client, "first"); err == nil || errors.Is(err, ErrHeld) {
			t.Errorf("%q: %v", text, err)
		}
		b.set(func(b *bucket) {
			if string(b.content) != text {
				t.Errorf("%q is overwritten", text)
			}
		})
	}
	if _, err := Acquire(t.Context(), "folder", Options{Client: client}); err == nil {
		t.Error("a folder is taken for a bucket")
	}
}
