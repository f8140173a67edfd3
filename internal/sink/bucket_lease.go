package sink

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"sync"
	"time"

	gcs "cloud.google.com/go/storage"
)

const (
	// leaseTerm is how long a lease holds that is not renewed.
	leaseTerm = 30 * time.Second
	// leaseRenewal is how often it is renewed.
	leaseRenewal = leaseTerm / 4
	// leaseSkew is how long another process waits beyond that: by so much two machines' clocks may differ.
	leaseSkew = 10 * time.Second
)

// lease is a lock on a bucket: an object with its owner and its term, created or replaced only upon the generation that
// was read, renewed while it is held, removed in the end. If its holder dies, it can be taken over leaseTerm plus
// leaseSkew later.
//
// What a holder can do that stalls (a stopped process, a machine asleep) until another has taken the lease over: nothing
// more once it looks at its clock, which it does before every write; its uploads are ended. Only a request that was on
// its way already can still arrive. If that replaces or removes something, it names the generation that it had read
// under the lease: it fails if the other has written there, and if not, the other's own write upon what it has read
// fails, and is done again. If it creates a data file, no pointer names that. If it creates a commit record, that is of a
// lot whose files stand: the lot is then published, as if the holder had been killed right after, and whoever asks
// HasLot ends it. The one thing that would do harm is that the other was publishing the same lot with other bytes at that
// moment, which takes two runs of one ledger.
//
// What it cannot guard against: clocks that differ by more than leaseSkew together with such a request.
type lease struct {
	bucket *bucket
	name   string
	owner  string
	ctx    context.Context // ends, with errLeaseLost, when the lease is lost
	lose   context.CancelCauseFunc

	stop    context.CancelFunc // ends keep
	stopped chan struct{}

	mutex      sync.Mutex // of what follows
	generation int64
	until      time.Time
}

// leaseNote is what the object holds.
type leaseNote struct {
	Owner     string    `json:"owner"` // host, process and a number of its own
	ExpiresAt time.Time `json:"expires_at"`
}

func (b *bucket) Lock(ctx context.Context) (func(), error) {
	select {
	case b.locks[lockName] <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for another publication of this process into %s to end: %w", b.URI(""), ctx.Err())
	}
	wait := 100 * time.Millisecond
	for {
		unlock, err := b.take(ctx, lockName)
		if err != nil {
			<-b.locks[lockName]
			return nil, err
		}
		if unlock != nil {
			return unlock, nil
		}
		select {
		case <-ctx.Done():
			<-b.locks[lockName]
			return nil, fmt.Errorf("waiting for another process to end its publication (lock %s): %w", b.URI(lockName), ctx.Err())
		case <-time.After(wait/2 + mathrand.N(wait)):
		}
		wait = min(wait*3/2, 2*time.Second)
	}
}

func (b *bucket) TryLock(name string) (func(), error) {
	select {
	case b.locks[name] <- struct{}{}:
	default:
		return nil, nil
	}
	unlock, err := b.take(context.Background(), name)
	if unlock == nil {
		<-b.locks[name]
	}
	return unlock, err
}

func (b *bucket) LockToRead(ctx context.Context) (func(), error) {
	unlock, err := b.Lock(ctx)
	if err != nil && ctx.Err() == nil {
		return func() {}, nil
	}
	return unlock, err
}

func (b *bucket) Locked(ctx context.Context, name string) bool {
	_, free, err := b.leaseThere(ctx, name)
	return err != nil || !free
}

// take takes a lease if it is free; unlock is nil if it is not. Whoever calls it holds the name's token, which unlock
// gives back.
func (b *bucket) take(ctx context.Context, name string) (unlock func(), err error) {
	there, free, err := b.leaseThere(ctx, name)
	if err != nil {
		return nil, bucketError("locking", b.URI(name), err)
	}
	if !free {
		return nil, nil
	}
	l := &lease{bucket: b, name: name, owner: leaseOwner(), generation: there, stopped: make(chan struct{})}
	if err := l.renew(ctx); err != nil {
		if errors.Is(err, errLeaseLost) {
			return nil, nil // another was quicker
		}
		return nil, bucketError("locking", b.URI(name), err)
	}
	l.ctx, l.lose = context.WithCancelCause(context.Background())
	var keeping context.Context
	keeping, l.stop = context.WithCancel(context.Background())
	go l.keep(keeping)
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.leases[name] = l
	if name == lockName {
		b.seen = &generations{byName: map[string]int64{}}
	}
	return sync.OnceFunc(l.release), nil
}

func leaseOwner() string {
	host, _ := os.Hostname() // for whoever looks at the object; what tells owners apart is the rest
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text())
}

// leaseThere is the generation of a lease's object, 0 if there is none, and whether it may be taken.
func (b *bucket) leaseThere(ctx context.Context, name string) (generation int64, free bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	generation, note, modified, err := b.readLease(ctx, name)
	if errors.Is(err, gcs.ErrObjectNotExist) {
		return 0, true, nil
	}
	if err != nil {
		return 0, false, err
	}
	expires := note.ExpiresAt
	if note.Owner == "" {
		expires = modified.Add(leaseTerm) // not a lease as we write them: it is no more than one that is not renewed
	}
	return generation, time.Now().After(expires.Add(leaseSkew)), nil
}

func (b *bucket) readLease(ctx context.Context, name string) (generation int64, note leaseNote, modified time.Time, err error) {
	from, err := b.object(name).NewReader(ctx)
	if err != nil {
		return 0, note, modified, err
	}
	defer from.Close()
	_ = json.NewDecoder(from).Decode(&note) // what cannot be read has no owner
	return from.Attrs.Generation, note, from.Attrs.LastModified, nil
}

// renew writes the lease upon the generation that is ours, or that is to be taken over. The error is errLeaseLost if
// another has it.
func (l *lease) renew(ctx context.Context) error {
	// The term runs from before the request, as another sees it at the latest.
	until := time.Now().Add(leaseTerm)
	content, err := json.Marshal(leaseNote{Owner: l.owner, ExpiresAt: until.UTC()})
	if err != nil {
		return err
	}
	l.mutex.Lock()
	upon := l.generation
	l.mutex.Unlock()
	generation, err := l.bucket.put(ctx, l.name, upon, content, crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli)))
	if statusOf(err) == http.StatusPreconditionFailed {
		generation, err = l.taken(ctx)
	}
	if err != nil {
		return err
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.generation, l.until = generation, until
	return nil
}

// taken looks whose the lease is after a refusal: an answer may have been lost of a write that landed.
func (l *lease) taken(ctx context.Context) (generation int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	generation, note, _, err := l.bucket.readLease(ctx, l.name)
	switch {
	case errors.Is(err, gcs.ErrObjectNotExist), err == nil && note.Owner != l.owner:
		return 0, errLeaseLost
	case err != nil:
		return 0, err
	}
	return generation, nil
}

// keep renews the lease until ctx ends, or the lease is lost.
func (l *lease) keep(ctx context.Context) {
	defer close(l.stopped)
	wait := leaseRenewal
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		l.mutex.Lock()
		until := l.until
		l.mutex.Unlock()
		if left := time.Until(until); left <= 0 || until.Round(0).Before(time.Now().Round(0)) {
			l.lose(errLeaseLost)
			return
		}
		renewing, cancel := context.WithDeadline(ctx, until)
		err := l.renew(renewing)
		cancel()
		switch {
		case err == nil:
			wait = leaseRenewal
		case errors.Is(err, errLeaseLost):
			l.lose(errLeaseLost)
			return
		default:
			wait = time.Second
		}
	}
}

// held is an error if the lease is lost. Its clock is looked at too: the process may have stood still, and the machine
// slept, which a monotonic clock does not count.
func (l *lease) held() error {
	if l.ctx.Err() != nil {
		return errLeaseLost
	}
	l.mutex.Lock()
	until := l.until
	l.mutex.Unlock()
	now := time.Now()
	if now.After(until) || now.Round(0).After(until.Round(0)) {
		l.lose(errLeaseLost)
		return errLeaseLost
	}
	return nil
}

// release ends the renewing and gives the lease up, if it is still ours.
func (l *lease) release() {
	l.stop()
	<-l.stopped
	b := l.bucket
	b.mutex.Lock()
	delete(b.leases, l.name)
	if l.name == lockName {
		b.seen = nil
	}
	b.mutex.Unlock()
	l.lose(errors.New("the lock was given up"))
	ctx, cancel := context.WithTimeout(context.Background(), leaseTerm)
	defer cancel()
	l.mutex.Lock()
	generation := l.generation
	l.mutex.Unlock()
	_ = b.upon(l.name, generation).Delete(ctx) // or it expires
	<-b.locks[l.name]
}

func (b *bucket) lease(name string) *lease {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.leases[name]
}

// holds is an error if the lock was lost. One that was never taken is not: it is the caller's to know that.
func (b *bucket) holds(name string) error {
	if l := b.lease(name); l != nil {
		return l.held()
	}
	return nil
}

// fenced is ctx that ends too when the lock is lost; release ends it.
func (b *bucket) fenced(ctx context.Context, name string) (fenced context.Context, release func(), err error) {
	l := b.lease(name)
	if l == nil {
		fenced, cancel := context.WithCancel(ctx)
		return fenced, cancel, nil
	}
	if err := l.held(); err != nil {
		return nil, nil, err
	}
	fenced, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.ctx, func() { cancel(context.Cause(l.ctx)) })
	return fenced, func() { stop(); cancel(nil) }, nil
}
