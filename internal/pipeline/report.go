package pipeline

import (
	"errors"
	"time"

	"omega-export/internal/report"
)

// Counts is how a run goes.
type Counts struct {
	Calls     int64 `json:"calls"`     // requests really written
	Documents int64 `json:"documents"` // answers that are documents
	Unchanged int64 `json:"unchanged"` // of them, those equal to the number's last one
	Rejects   int64 `json:"rejects"`
	Retries   int64 `json:"retries"`
	Refused   int64 `json:"refused"` // answers 429
	Settled   int64 `json:"settled"` // numbers done with in this run
}

// ListCounts is what the lists held.
type ListCounts struct {
	Lists      int   `json:"lists"`
	Numbers    int64 `json:"numbers"`
	Duplicates int64 `json:"duplicates"`
	BadLines   int64 `json:"bad_lines"`
}

// PlannedSupplier is what one supplier's quota has to do.
type PlannedSupplier struct {
	Supplier      string `json:"supplier"` // its code_cdgf
	NeverAnswered int64  `json:"never_answered"`
	Again         int64  `json:"again"`   // answered before, and due again
	Seconds       int64  `json:"seconds"` // at its quota
}

// SupplierCounts is how one supplier's quota was used.
type SupplierCounts struct {
	Calls     int64         `json:"calls"`
	Rate      float64       `json:"rate"` // calls a second that its quota allows
	FirstCall time.Time     `json:"first_call,omitzero"`
	LastCall  time.Time     `json:"last_call,omitzero"`
	QuotaUsed float64       `json:"quota_used"` // calls over slots between the first and the last call
	Interval  time.Duration `json:"-"`          // between two slots
}

// called counts a call written at that moment.
func (s *SupplierCounts) called(at time.Time) {
	if s.Calls == 0 || at.Before(s.FirstCall) {
		s.FirstCall = at
	}
	if at.After(s.LastCall) {
		s.LastCall = at
	}
	s.Calls++
	if calling := s.LastCall.Sub(s.FirstCall); calling > 0 {
		s.QuotaUsed = float64(s.Calls-1) * s.Interval.Seconds() / calling.Seconds()
	}
}

// Report is the run report.
type Report struct {
	Version       int                       `json:"version"`
	Run           int64                     `json:"run"`
	Mode          string                    `json:"mode"`
	Refresh       string                    `json:"refresh"`
	StartedAt     time.Time                 `json:"started_at"`
	EndedAt       time.Time                 `json:"ended_at"`
	Lists         ListCounts                `json:"lists"`
	Forgotten     int64                     `json:"forgotten"` // given by the lists, and left out because they were forgotten
	Due           int64                     `json:"due"`
	Counts        Counts                    `json:"counts"`
	Plan          []PlannedSupplier         `json:"plan"`
	Suppliers     map[string]SupplierCounts `json:"suppliers"` // by code_cdgf
	Rejects       map[string]int64          `json:"rejects"`   // by motif
	Tables        map[string]*TableCounts   `json:"tables"`
	Lots          []string                  `json:"lots"`
	Waiting       int                       `json:"lots_waiting"`   // sealed and not published
	PublishedLots []PublishedLot            `json:"published_lots"` // those of lots, in the same order
	Backlog       Backlog                   `json:"backlog"`
	Output        string                    `json:"output,omitempty"` // where the tables are; whoever opened it fills it in
	DryRun        bool                      `json:"dry_run"`          // nothing was asked for
	Outcome       string                    `json:"outcome"`
	Error         string                    `json:"error,omitempty"`
	ExitCode      int                       `json:"exit_code"`
	report.Notes

	recorder *report.Recorder
}

// ReportVersion is that of the reports that this program writes.
const ReportVersion = 2

// NewReport is the report of a run that has not begun: Run makes its own, and one that cannot begin has no other.
func NewReport(config Config) Report {
	return Report{
		Version: ReportVersion, DryRun: config.DryRun, recorder: &report.Recorder{}, PublishedLots: []PublishedLot{}, Mode: config.Mode, Refresh: string(config.Refresh), StartedAt: time.Now(),
		Plan: []PlannedSupplier{}, Suppliers: map[string]SupplierCounts{}, Rejects: map[string]int64{}, Tables: map[string]*TableCounts{}, Lots: []string{},
	}
}

func (r *Report) table(name string) *TableCounts {
	if r.Tables[name] == nil {
		r.Tables[name] = &TableCounts{}
	}
	return r.Tables[name]
}

// QuotaUsed is the calls over the slots between the first and the last call, of all suppliers.
func (r *Report) QuotaUsed() float64 {
	calls, slots := 0.0, 0.0
	for _, supplier := range r.Suppliers {
		if supplier.QuotaUsed > 0 {
			calls += float64(supplier.Calls - 1)
			slots += float64(supplier.Calls-1) / supplier.QuotaUsed
		}
	}
	if slots == 0 {
		return 0
	}
	return calls / slots
}

// End closes the report of a run that ended with that error, nil or not, and that exit code.
func (r *Report) End(err error, exitCode int) {
	r.EndedAt = time.Now()
	r.Outcome = outcome(err)
	r.ExitCode = exitCode
	r.Notes = r.recorder.Notes()
	if err != nil {
		r.Error = err.Error()
	}
}

// outcome is how a run or a replay ended, in a word.
func outcome(err error) string {
	switch {
	case err == nil:
		return "complete"
	case errors.Is(err, ErrStopped):
		return "stopped"
	}
	return "failed"
}
