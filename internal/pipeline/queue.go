package pipeline

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"omega-export/internal/ledger"
)

// job is one number to ask for in this run.
type job struct {
	demande  ledger.Demande
	failures int // calls that got no answer of the API's own
	odd      int // answers 200 that were no document of the number
	after    time.Time
}

// tries is how many calls have been spent in vain.
func (j *job) tries() int { return j.failures + j.odd }

// queue holds the run's work: what is to be asked again at once, what is due by the ledger's order, and what is to
// be tried again later, behind the others.
type queue struct {
	next func(ctx context.Context) ([]ledger.Demande, error) // the ledger's next page; empty when nothing is left that no other run asks for

	mutex    sync.Mutex // guards all below
	first    []*job
	page     []ledger.Demande
	later    laterHeap
	inFlight int
	changed  chan struct{} // closed and replaced when work comes back
}

func newQueue(next func(context.Context) ([]ledger.Demande, error)) *queue {
	return &queue{next: next, changed: make(chan struct{})}
}

// take waits for the next job. It gives nil when no work is left, in flight neither.
func (q *queue) take(ctx context.Context) (*job, error) {
	for {
		taken, wait, changed, err := q.tryTake(ctx, time.Now())
		if taken != nil || err != nil || wait == 0 {
			return taken, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		case <-changed:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// tryTake gives a job, or how long to wait unless something changes, or neither when all is done.
func (q *queue) tryTake(ctx context.Context, now time.Time) (*job, time.Duration, chan struct{}, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if err := q.fill(ctx); err != nil {
		return nil, 0, nil, err
	}
	var taken *job
	switch {
	case len(q.first) > 0:
		taken, q.first = q.first[0], q.first[1:]
	case len(q.page) > 0:
		taken, q.page = &job{demande: q.page[0]}, q.page[1:]
	case len(q.later) > 0 && !q.later[0].after.After(now):
		taken = heap.Pop(&q.later).(*job)
	case len(q.later) > 0:
		return nil, q.later[0].after.Sub(now), q.changed, nil
	case q.inFlight > 0:
		return nil, time.Hour, q.changed, nil
	}
	if taken != nil {
		q.inFlight++
	}
	return taken, 0, nil, nil
}

func (q *queue) fill(ctx context.Context) error {
	if len(q.page) > 0 {
		return nil
	}
	page, err := q.next(ctx)
	q.page = page
	return err
}

// exchange gives what should be asked for now, in place of a job taken some time ago: a number that was refused
// meanwhile goes before it.
func (q *queue) exchange(taken *job) *job {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if len(q.first) > 0 {
		taken, q.first[0] = q.first[0], taken
	}
	return taken
}

// drained says whether nothing is left to ask for, once no call is in flight.
func (q *queue) drained(ctx context.Context) (bool, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	err := q.fill(ctx)
	return len(q.first)+len(q.page)+len(q.later)+q.inFlight == 0, err
}

// surrender empties the queue, and gives the ids of the numbers that stood in it.
func (q *queue) surrender() []int64 {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	var ids []int64
	for _, j := range append(q.first, q.later...) {
		ids = append(ids, j.demande.ID)
	}
	for _, demande := range q.page {
		ids = append(ids, demande.ID)
	}
	q.first, q.page, q.later = nil, nil, nil
	return ids
}

// done says that a job taken is over.
func (q *queue) done() { q.back(func() {}) }

// again puts a job taken before all others.
func (q *queue) again(j *job) { q.back(func() { q.first = append(q.first, j) }) }

// retry puts a job taken behind the others, not before after.
func (q *queue) retry(j *job, after time.Time) {
	q.back(func() {
		j.after = after
		heap.Push(&q.later, j)
	})
}

func (q *queue) back(put func()) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	put()
	q.inFlight--
	close(q.changed)
	q.changed = make(chan struct{})
}

type laterHeap []*job

func (h laterHeap) Len() int           { return len(h) }
func (h laterHeap) Less(i, j int) bool { return h[i].after.Before(h[j].after) }
func (h laterHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *laterHeap) Push(x any)        { *h = append(*h, x.(*job)) }
func (h *laterHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
