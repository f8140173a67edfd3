package pipeline

import (
	"context"
	"sync"
	"time"
)

const (
	// outageAfter is how many numbers that fail at their first call, in a row, mean that the API itself is down. A
	// number that failed before proves nothing: it may be one that always fails.
	outageAfter = 10
	firstProbe  = 5 * time.Second
	slowestWait = time.Minute
)

// outage watches for many failures in a row, with no answer between.
type outage struct {
	mutex    sync.Mutex // guards all below
	failures int        // of numbers at their first call
	since    time.Time  // the first failure of the row
	probes   int
}

// failed counts a failure and says whether the API is down.
func (o *outage) failed(now time.Time, firstCall bool) bool {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.failures == 0 {
		o.since = now
	}
	if firstCall {
		o.failures++
	}
	return o.failures >= outageAfter
}

// worked ends an outage, and says how long it was if there was one.
func (o *outage) worked(now time.Time) (lasted time.Duration) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.failures >= outageAfter {
		lasted = now.Sub(o.since)
	}
	o.failures, o.probes = 0, 0
	return lasted
}

// begun is when the row of failures began.
func (o *outage) begun() time.Time {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.since
}

// state says whether the API is down, since when, and how long to wait before the next probe.
func (o *outage) state() (down bool, since time.Time, wait time.Duration) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.failures < outageAfter {
		return false, time.Time{}, 0
	}
	wait = min(firstProbe<<min(o.probes, 10), slowestWait)
	o.probes++
	return true, o.since, wait
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
