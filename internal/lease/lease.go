package lease

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"cloud.google.com/go/storage"
)

const (
	// DefaultDuration is how long a lease lasts from each renewal.
	DefaultDuration = time.Minute
	// A lease is renewed renewals times in its duration, and its holder lets go of it a marginShare-th part of the
	// duration before its end.
	renewals    = 3
	marginShare = 4
	// looks is how many times in its duration a lease is looked at by one who waits for it.
	looks = 12
)

var (
	// ErrHeld says that another holds the lease; see HeldError.
	ErrHeld = errors.New("another holds the lease")
	// ErrLost says that the lease could not be renewed in time, or that another has taken it.
	ErrLost = errors.New("the lease is lost")
)

// HeldError tells who holds a lease. It is ErrHeld.
type HeldError struct {
	URI    string // of the lease's object
	Record Record
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%v: %s, since %s, until %s unless it is renewed (%s)", ErrHeld, e.Record.Owner,
		e.Record.AcquiredAt.Format(time.RFC3339), e.Record.ExpiresAt.Format(time.RFC3339), e.URI)
}

// Is says that it is ErrHeld.
func (e *HeldError) Is(target error) bool { return target == ErrHeld }

// Options is how a lease is taken. The zero value will do.
type Options struct {
	Owner    string          // "": the host and the process; a random part is added
	Duration time.Duration   // 0: DefaultDuration
	Client   *storage.Client // nil: one with the default credentials, or of STORAGE_EMULATOR_HOST
	// Waiting is told of a holder that seems to be dead and whose lease's end is waited for, once; nil: nobody is.
	Waiting func(Record)
}

// Lease is a lease that is held. Its methods may be called from several goroutines.
type Lease struct {
	object   *object
	duration time.Duration
	previous json.RawMessage
	context  context.Context
	lose     context.CancelCauseFunc
	stop     context.CancelFunc // ends the renewing
	stopped  chan struct{}

	mutex      sync.Mutex // of the object: one write at a time
	record     Record
	generation int64
	ends       time.Time // when the holder lets go, by the monotonic clock
	over       bool      // released or lost
}

// Acquire takes the lease at gs://bucket/prefix. One that its holder keeps renewing fails with a *HeldError, which is
// ErrHeld; one that is not renewed any more is waited for, as long as ctx lasts, and taken over.
func Acquire(ctx context.Context, url string, options Options) (*Lease, error) {
	if options.Duration == 0 {
		options.Duration = DefaultDuration
	}
	client := options.Client
	if client == nil {
		var err error
		if client, err = NewClient(ctx); err != nil {
			return nil, fmt.Errorf("lease %s: %w", url, err)
		}
	}
	object, err := openObject(client, url)
	if err != nil {
		return nil, err
	}
	owner, err := ownerName(options.Owner)
	if err != nil {
		return nil, fmt.Errorf("lease %s: %w", url, err)
	}
	l := &Lease{object: object, duration: options.Duration, stopped: make(chan struct{})}
	if err := l.acquire(ctx, owner, options.Waiting); err != nil {
		return nil, err
	}
	l.context, l.lose = context.WithCancelCause(ctx)
	// The lease is kept until Release, also after ctx has ended: what is under way then is still the holder's.
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	go l.keep(keeping)
	return l, nil
}

// NewClient is a client with the default credentials, or of STORAGE_EMULATOR_HOST without any.
func NewClient(ctx context.Context) (*storage.Client, error) {
	return storage.NewClient(context.WithoutCancel(ctx), storage.WithJSONReads())
}

// ownerName is who takes the lease. The random part tells two containers of one name apart, where every process is 1.
func ownerName(name string) (string, error) {
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "an unknown host"
		}
		name = fmt.Sprintf("%s pid %d", host, os.Getpid())
	}
	random := make([]byte, 4)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	return name + " " + hex.EncodeToString(random), nil
}

// acquire looks until the lease is free, taken, or seen to be alive.
func (l *Lease) acquire(ctx context.Context, owner string, waiting func(Record)) error {
	var first int64 // the generation that was found first
	var since time.Time
	for {
		asked := time.Now()
		found, generation, err := l.look(ctx)
		if err != nil {
			return err
		}
		if generation == 0 || !found.Held(time.Now()) || generation == first && time.Since(since) >= found.duration()+found.margin() {
			err := l.take(ctx, owner, found, generation)
			if !errors.Is(err, errOvertaken) {
				return err
			}
			continue // who has it now is the next look's to say
		}
		switch {
		case first == 0:
			// Had it ended this very moment, its end would be seen in time all the same.
			if first, since = generation, asked; waiting != nil {
				waiting(found)
			}
		case generation != first:
			return &HeldError{URI: l.object.uri, Record: found}
		}
		if err := pause(ctx, max(found.duration()/looks, 10*time.Millisecond)); err != nil {
			return fmt.Errorf("waiting for the lease %s of %s: %w", l.object.uri, found.Owner, err)
		}
	}
}

func (l *Lease) look(ctx context.Context) (Record, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return l.object.read(ctx)
}

// patience is how long one request is tried before a lease is held.
const patience = 30 * time.Second

func (l *Lease) take(ctx context.Context, owner string, before Record, generation int64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now := time.Now()
	l.previous = before.Note
	l.record = Record{
		Owner: owner, Fencing: before.Fencing + 1, AcquiredAt: now.UTC().Truncate(time.Millisecond), Note: before.Note,
		DurationMS: l.duration.Milliseconds(),
	}
	l.generation = generation
	return l.write(ctx, now)
}

// write writes the record with a new end. now was before the request was made, so that the holder's end comes first.
func (l *Lease) write(ctx context.Context, now time.Time) error {
	next := l.record
	next.RenewedAt = now.UTC().Truncate(time.Millisecond)
	next.ExpiresAt = next.RenewedAt.Add(l.duration)
	written, err := l.object.write(ctx, next, l.generation)
	if err != nil {
		return err
	}
	l.record, l.generation = next, written
	l.ends = now.Add(l.duration - next.margin())
	return nil
}

// keep renews the lease until it is released or lost.
func (l *Lease) keep(ctx context.Context) {
	defer close(l.stopped)
	for pause(ctx, l.duration/renewals) == nil {
		if err := l.renew(ctx); err != nil {
			return
		}
	}
}

// renew tries again and again until the lease's end. It fails once the lease is over.
func (l *Lease) renew(ctx context.Context) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.over {
		return ErrLost
	}
	limited, cancel := context.WithDeadline(ctx, l.ends)
	defer cancel()
	err := errors.New("its time was over before it could be renewed")
	for limited.Err() == nil && !errors.Is(err, errOvertaken) {
		if err = l.write(limited, time.Now()); err == nil {
			return nil
		}
		_ = pause(limited, l.duration/looks)
	}
	if ctx.Err() != nil { // it is being released
		return ctx.Err()
	}
	l.over = true
	lost := fmt.Errorf("%w: %w", ErrLost, err)
	l.lose(lost)
	return lost
}

// Context is the context that Acquire was given, and ends also when the lease is lost; its cause is then ErrLost.
func (l *Lease) Context() context.Context { return l.context }

// Record is what the lease's object says.
func (l *Lease) Record() Record {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.record
}

// Previous is the note that the holder before has left; nil if there is none.
func (l *Lease) Previous() json.RawMessage { return l.previous }

// Leave leaves a note for the holders to come, in the object once it returns nil. It fails with ErrLost.
func (l *Lease) Leave(ctx context.Context, note json.RawMessage) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.over {
		return ErrLost
	}
	ctx, cancel := context.WithDeadline(ctx, l.ends)
	defer cancel()
	before := l.record.Note
	l.record.Note = note
	if err := l.write(ctx, time.Now()); err != nil {
		l.record.Note = before
		return fmt.Errorf("leaving a note in the lease: %w", err)
	}
	return nil
}

// Release gives the lease back, so that the next need not wait for its end. It may be called again.
func (l *Lease) Release(ctx context.Context) error {
	l.stop()
	<-l.stopped
	l.mutex.Lock()
	defer l.mutex.Unlock()
	defer l.lose(nil)
	if l.over {
		return nil
	}
	l.over = true
	ctx, cancel := context.WithDeadline(ctx, l.ends)
	defer cancel()
	l.record.Released = true
	if err := l.write(ctx, time.Now()); err != nil {
		return fmt.Errorf("giving the lease back: %w", err)
	}
	return nil
}

// Read is what the lease at gs://bucket/prefix says. It fails with fs.ErrNotExist if there is none.
func Read(ctx context.Context, client *storage.Client, url string) (Record, error) {
	object, err := openObject(client, url)
	if err != nil {
		return Record{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	record, generation, err := object.read(ctx)
	if err == nil && generation == 0 {
		err = fmt.Errorf("reading %s: %w", object.uri, fs.ErrNotExist)
	}
	return record, err
}

func pause(ctx context.Context, long time.Duration) error {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
