package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

const (
	quotaPrefix = "quota-"
	gateSuffix  = ".lock"
	// grace is how long processes of higher priority must be gone before one of lower priority goes on: between two
	// slots a process is away for a moment.
	grace = 75 * time.Millisecond
)

// errOutside says that Keep or Leave was called without Enter.
var errOutside = errors.New("not inside the gate")

// Quota is where the processes that share one quota agree on its slots: a gate that one of them is inside at a time,
// and what they last kept. All of it is the system's locks and one small file, so it survives kill -9.
//
// It is made of these files, of which the hash names the quota:
//   - quota-<hash>.lock: held by who is inside; what was kept stands in it.
//   - quota-<hash>.next: held by who waits next for it. Who leaves the gate and comes again queues here behind it, so
//     that processes of equal priority take turns.
//   - quota-<hash>.p<priority>: shared by who waits or is inside at that priority, so that the others see it.
//
// Its methods may be called from several goroutines, which share the gate as processes do; Keep and Leave are for the
// one that is inside.
type Quota struct {
	base     string // path without suffix
	priority int

	mu       sync.Mutex
	inside   *os.File  // the gate's lock; nil outside; under mu
	presence *os.File  // of the one inside; under mu
	seen     time.Time // when a higher priority was last seen; under mu
}

// OpenQuota opens the quota of that key in the folder dir, which must exist. The key may be any text; no file holds it.
// Those of a higher priority go first.
func OpenQuota(dir, key string, priority int) (*Quota, error) {
	hash := sha256.Sum256([]byte("omega-export quota\x00" + key))
	base, err := filepath.Abs(filepath.Join(dir, quotaPrefix+hex.EncodeToString(hash[:8])))
	if err != nil {
		return nil, fmt.Errorf("opening the quota in %s: %w", dir, err)
	}
	// Made now, so that a folder that cannot be written to is told before the first call.
	file, err := os.OpenFile(base+gateSuffix, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the quota in %s: %w", dir, err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("opening the quota in %s: %w", dir, err)
	}
	return &Quota{base: base, priority: priority}, nil
}

// Enter waits until no other process is inside the gate and none of higher priority is inside or waits, at most as long
// as ctx lasts, and gives what was last kept. If that was never, or cannot be read, lastWrite is now, so that an interval
// is waited, and the margin is zero. Processes of equal priority take turns. Times are of the wall clock.
func (q *Quota) Enter(ctx context.Context) (lastWrite time.Time, margin time.Duration, resume time.Time, err error) {
	presence, err := lockWait(ctx, q.base+presenceSuffix+strconv.Itoa(q.priority), shared)
	if err != nil {
		return lastWrite, 0, resume, fmt.Errorf("entering the quota's gate: %w", err)
	}
	gate, err := q.pass(ctx)
	if err != nil {
		return lastWrite, 0, resume, fmt.Errorf("entering the quota's gate: %w", errors.Join(err, presence.Close()))
	}
	kept, err := readKept(gate, time.Now())
	if err != nil {
		return lastWrite, 0, resume, fmt.Errorf("reading what the quota's gate keeps: %w", errors.Join(err, gate.Close(), presence.Close()))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inside, q.presence = gate, presence
	return kept.lastWrite, kept.margin, kept.resume, nil
}

// pass takes the gate's lock in turn, and gives it up again if a higher priority came meanwhile.
func (q *Quota) pass(ctx context.Context) (*os.File, error) {
	for {
		if err := q.giveWay(ctx); err != nil {
			return nil, err
		}
		next, err := lockWait(ctx, q.base+".next", exclusive)
		if err != nil {
			return nil, err
		}
		gate, err := lockWait(ctx, q.base+gateSuffix, exclusive)
		if err := errors.Join(err, next.Close()); err != nil {
			return nil, err
		}
		higher, err := q.higher()
		if err == nil && higher == "" {
			return gate, nil
		}
		if err := errors.Join(err, gate.Close()); err != nil {
			return nil, err
		}
	}
}

// Keep keeps what the next one is to know, while inside. It is one write of a few bytes: kill -9 leaves it or what was
// before. A power loss may leave garbage, which Enter takes for nothing kept.
func (q *Quota) Keep(lastWrite time.Time, margin time.Duration, resume time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.inside == nil {
		return fmt.Errorf("keeping the quota's last write: %w", errOutside)
	}
	if _, err := q.inside.WriteAt(kept{lastWrite, margin, resume}.encode(), 0); err != nil {
		return fmt.Errorf("keeping the quota's last write: %w", err)
	}
	return nil
}

// Leave lets the next one in.
func (q *Quota) Leave() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.inside == nil {
		return fmt.Errorf("leaving the quota's gate: %w", errOutside)
	}
	err := errors.Join(q.inside.Close(), q.presence.Close())
	q.inside, q.presence = nil, nil
	if err != nil {
		return fmt.Errorf("leaving the quota's gate: %w", err)
	}
	return nil
}

// Close leaves the gate if inside. No other method may be running.
func (q *Quota) Close() error {
	if q.inside == nil {
		return nil
	}
	return q.Leave()
}
