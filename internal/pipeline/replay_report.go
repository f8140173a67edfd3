package pipeline

import "time"

// ReplayReport is what a replay did.
type ReplayReport struct {
	Version   int                     `json:"version"`
	Name      string                  `json:"replay"`
	Mode      string                  `json:"mode"`
	StartedAt time.Time               `json:"started_at"`
	EndedAt   time.Time               `json:"ended_at"`
	Answers   int64                   `json:"answers"`   // read from the archive
	Documents int64                   `json:"documents"` // of them, those that are rows of the selected tables
	Tables    map[string]*TableCounts `json:"tables"`
	Outcome   string                  `json:"outcome"`
	Error     string                  `json:"error,omitempty"`
}

func (r *ReplayReport) table(name string) *TableCounts {
	if r.Tables[name] == nil {
		r.Tables[name] = &TableCounts{}
	}
	return r.Tables[name]
}

// end closes the report.
func (r *ReplayReport) end(err error) {
	r.EndedAt = time.Now()
	r.Outcome = outcome(err)
	if err != nil {
		r.Error = err.Error()
	}
}
