package pipeline

import (
	"errors"
	"time"
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

// TableCounts is what a run published in one table.
type TableCounts struct {
	Rows       int64    `json:"rows"`
	NewColumns []string `json:"new_columns,omitempty"`
	DriftRows  int64    `json:"drift_rows"` // rows with something in _champs_inconnus
	DriftFirst string   `json:"drift_example,omitempty"`
}

// Report is the run report.
type Report struct {
	Version   int                     `json:"version"`
	Run       int64                   `json:"run"`
	Mode      string                  `json:"mode"`
	Refresh   string                  `json:"refresh"`
	StartedAt time.Time               `json:"started_at"`
	EndedAt   time.Time               `json:"ended_at"`
	Lists     ListCounts              `json:"lists"`
	Due       int64                   `json:"due"`
	Counts    Counts                  `json:"counts"`
	FirstCall time.Time               `json:"first_call,omitzero"`
	LastCall  time.Time               `json:"last_call,omitzero"`
	QuotaUsed float64                 `json:"quota_used"` // calls over slots between the first and the last call
	Rejects   map[string]int64        `json:"rejects"`    // by motif
	Tables    map[string]*TableCounts `json:"tables"`
	Lots      []string                `json:"lots"`
	Waiting   int                     `json:"lots_waiting"` // sealed and not published
	Outcome   string                  `json:"outcome"`
	Error     string                  `json:"error,omitempty"`
	ExitCode  int                     `json:"exit_code"`
}

// add counts what one more lot published in the table.
func (t *TableCounts) add(more *TableCounts) {
	t.Rows += more.Rows
	t.DriftRows += more.DriftRows
	t.NewColumns = append(t.NewColumns, more.NewColumns...)
	if t.DriftFirst == "" {
		t.DriftFirst = more.DriftFirst
	}
}

func newReport(config Config) Report {
	return Report{
		Version: 1, Mode: config.Mode, Refresh: string(config.Refresh), StartedAt: time.Now(),
		Rejects: map[string]int64{}, Tables: map[string]*TableCounts{}, Lots: []string{},
	}
}

func (r *Report) table(name string) *TableCounts {
	if r.Tables[name] == nil {
		r.Tables[name] = &TableCounts{}
	}
	return r.Tables[name]
}

// end closes the report. interval is the time between two slots.
func (r *Report) end(begun time.Time, interval time.Duration, err error) {
	r.StartedAt, r.EndedAt = begun, time.Now()
	if calling := r.LastCall.Sub(r.FirstCall); calling > 0 {
		r.QuotaUsed = float64(r.Counts.Calls-1) * interval.Seconds() / calling.Seconds()
	}
	switch {
	case err == nil:
		r.Outcome = "complete"
	case errors.Is(err, ErrStopped):
		r.Outcome = "stopped"
	default:
		r.Outcome = "failed"
	}
	if err != nil {
		r.Error = err.Error()
	}
}
