package pipeline

import (
	"context"
	"fmt"
	"time"

	"omega-export/internal/flatten"
	"omega-export/internal/ledger"
)

// recordAtOnce is how many answers one commit takes at most.
const recordAtOnce = 256

// recorder judges each call's end and commits it to the ledger. All its fields belong to its goroutine, and so do the
// lanes' access and counts.
type recorder struct {
	config     Config
	rooms      Rooms
	run        ledger.Run
	lanes      []*lane
	publisher  *publisher
	report     *Report
	due        duePolicy
	identifier flatten.Identifier

	batch    []ledger.Answer
	settled  []func() // what to tell the queues once the batch is committed
	unsealed int64    // answers in no lot yet

	noted time.Time // when the lanes' counts were last put on their spans
}

func newRecorder(config Config, rooms Rooms, run ledger.Run, lanes []*lane, publisher *publisher, report *Report, unsealed int64) *recorder {
	return &recorder{
		config: config, rooms: rooms, run: run, lanes: lanes, publisher: publisher, report: report, unsealed: unsealed,
		due: duePolicy{atLeast: config.DueAfter, atMost: config.DueAtMost},
	}
}

// record records until the results end. An error means that the ledger cannot be written; the fetch is then stopped.
func (r *recorder) record(ctx context.Context, results <-chan result) error {
	var failed error
	for first := range results {
		r.judge(first)
		r.drain(results)
		if failed != nil {
			continue // keep the dispatchers from blocking; what cannot be recorded stays due
		}
		if failed = r.commit(ctx); failed != nil {
			for _, l := range r.lanes {
				l.stop(failed)
			}
		}
	}
	if failed != nil {
		return failed
	}
	for _, l := range r.lanes {
		r.endAccess(l)
	}
	return r.commit(ctx)
}

// drain judges what else has arrived, so that one commit serves many answers at high rates; but no more than the open lot
// takes.
func (r *recorder) drain(results <-chan result) {
	most := min(recordAtOnce, r.config.LotAnswers-r.unsealed)
	for int64(len(r.batch)) < most {
		select {
		case more, open := <-results:
			if !open {
				return
			}
			r.judge(more)
		default:
			return
		}
	}
}

// commit writes the batch, then lets the queues know: an answer is on disk before its number counts as done.
func (r *recorder) commit(ctx context.Context) error {
	if len(r.batch) > 0 {
		if err := r.rooms.Ledger.Record(ctx, r.run, r.batch); err != nil {
			return fmt.Errorf("%w: %w", ErrState, err)
		}
	}
	r.unsealed += int64(len(r.batch))
	r.batch = r.batch[:0]
	for _, tell := range r.settled {
		tell()
	}
	r.settled = r.settled[:0]
	r.rooms.Progress.Advanced(r.report.Counts)
	r.show()
	r.traceNow()
	if r.unsealed >= r.config.LotAnswers {
		r.unsealed = 0
		return r.publisher.sealAndPublish()
	}
	return nil
}
