package pipeline

import (
	"strings"
	"time"

	"omega-export/internal/omega"
)

// Watcher is shown how a run goes while it does, for those who look at it from outside. Its methods may be called at the
// same time, must return quickly, and must not keep the maps, which change once they have returned.
type Watcher interface {
	// Planned gives what the lists held and what is due, once, before the first call.
	Planned(Report)
	// Recorded gives the counts after each commit of answers, and the suppliers' in the order of Rooms.Suppliers.
	Recorded(counts Counts, rejects map[string]int64, suppliers []SupplierStanding)
	// Published gives what was published so far, after each lot.
	Published(lots int, tables map[string]*TableCounts)
	// Down says since when a supplier's API has given no answer of its own; the zero time: it answers again.
	Down(supplier string, since time.Time)
}

// SupplierStanding is how one supplier's part of a run stands.
type SupplierStanding struct {
	Code string
	SupplierCounts
	Settled int64            // numbers done with
	Answers map[string]int64 // calls by what came of them: the names of omega's kinds, with _ for a space
}

// unwatched is the Watcher of a run at which nobody looks.
type unwatched struct{}

func (unwatched) Planned(Report)                                        {}
func (unwatched) Recorded(Counts, map[string]int64, []SupplierStanding) {}
func (unwatched) Published(int, map[string]*TableCounts)                {}
func (unwatched) Down(string, time.Time)                                {}

// standing is what a lane counts for the Watcher and the traces. It belongs to the recorder's goroutine.
type standing struct {
	settled int64
	answers map[string]int64
	down    bool // it was told that the API is down
}

// answered counts a call that was really written.
func (s *standing) answered(kind omega.Kind) {
	if s.answers == nil {
		s.answers = map[string]int64{}
	}
	s.answers[strings.ReplaceAll(kind.String(), " ", "_")]++
}

// show shows the Watcher how the run stands.
func (r *recorder) show() {
	suppliers := make([]SupplierStanding, len(r.lanes))
	for i, l := range r.lanes {
		suppliers[i] = SupplierStanding{Code: l.supplier.Code, SupplierCounts: l.counts, Settled: l.standing.settled, Answers: l.standing.answers}
	}
	r.rooms.Watcher.Recorded(r.report.Counts, r.report.Rejects, suppliers)
}
