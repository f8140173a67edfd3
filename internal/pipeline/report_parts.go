package pipeline

import (
	"context"
	"time"

	"omega-export/internal/ledger"
	"omega-export/internal/report"
	"omega-export/internal/sink"
)

// PublishedLot is a lot that the run has published, be it an earlier run's.
type PublishedLot struct {
	Name        string    `json:"name"`
	Answers     int64     `json:"answers"`
	Files       int64     `json:"files"` // written by this run; none of a lot whose commit record stood already
	Bytes       int64     `json:"bytes"` // of those files
	SealedAt    time.Time `json:"sealed_at"`
	PublishedAt time.Time `json:"published_at"`
}

// Backlog is what the run leaves to the next one.
type Backlog struct {
	DueLeft int64     `json:"due_left"`          // numbers of the lists that are still due
	Seconds int64     `json:"seconds"`           // that they take at the quota, each supplier at its own; retries not counted
	DoneAt  time.Time `json:"done_at,omitzero"`  // when they would be done without a stop; zero: nothing is left
	Unknown bool      `json:"unknown,omitempty"` // the run ended before it could be counted
}

// published notes a lot that stands in the output, with the files that this run wrote for it.
func (r *Report) published(lot ledger.Lot, files []sink.LotFile) {
	told := PublishedLot{Name: lot.Name, Answers: lot.Answers, Files: int64(len(files)), SealedAt: lot.SealedAt, PublishedAt: time.Now()}
	for _, file := range files {
		told.Bytes += file.Bytes
		table := r.table(file.Table)
		table.Files++
		table.Bytes += file.Bytes
	}
	r.Lots = append(r.Lots, lot.Name)
	r.PublishedLots = append(r.PublishedLots, told)
}

// left counts what is still due at the run's end. A ledger that cannot tell leaves it unknown: the run's own error says more.
func (r *Report) left(ctx context.Context, rooms Rooms, run ledger.Run) {
	now := time.Now()
	ctx = context.WithoutCancel(ctx)
	mine, others, err := rooms.Ledger.Left(ctx, run, now)
	lanes, laneErr := rooms.Ledger.CountDueByLane(ctx, run, now)
	if err != nil || laneErr != nil {
		r.Backlog.Unknown = true
		return
	}
	r.Backlog.DueLeft = mine + others
	claimed, longest := r.Backlog.DueLeft, time.Duration(0)
	for _, lane := range lanes {
		numbers := lane.Never + lane.Again
		claimed -= numbers
		longest = max(longest, time.Duration(numbers)*rooms.Suppliers[lane.Lane].Pacer.Interval())
	}
	// Of what is claimed, as by a run that goes on, the lane is not told: few, unless the API is down.
	longest += time.Duration(claimed) * rooms.Suppliers[0].Pacer.Interval()
	r.Backlog.Seconds = int64(longest.Seconds())
	if r.Backlog.DueLeft > 0 {
		r.Backlog.DoneAt = now.Add(longest)
	}
}

// noteOutage notes an outage that has not ended.
func (l *lane) noteOutage() {
	if down, since, _ := l.outage.state(); down {
		l.recorder.Down(report.Down{From: since, To: time.Now(), Supplier: l.supplier.Code})
	}
}
