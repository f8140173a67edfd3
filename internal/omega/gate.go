package omega

import (
	"context"
	"time"
)

// Gate is where the processes that share a quota agree on its slots. One Pacer uses a Gate, one call at a time. Its
// times are of the wall clock.
type Gate interface {
	// Enter waits until no other process is inside, or until ctx ends: it then fails with ctx's error or its cause. It
	// gives what was last kept: when the last request left (zero: never), what is added to the interval (zero: not
	// known), and when the next slot may be given after a refusal (zero or past: it may).
	Enter(ctx context.Context) (lastWrite time.Time, margin time.Duration, resume time.Time, err error)
	// Keep replaces what is kept, and is called inside only. What it kept, to the microsecond, outlives this process
	// however it ends, kill -9 included. A lastWrite may be earlier than the one kept before, or a second from now.
	Keep(lastWrite time.Time, margin time.Duration, resume time.Time) error
	// Leave lets the next process in. A process that ends inside is one that left.
	Leave() error
}
