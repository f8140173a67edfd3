package telemetry

import "time"

// Snapshot is how a run stands at a moment, for the metrics and the pings.
type Snapshot struct {
	Export    string // the label that tells several exports of a host apart; "" for none
	RunID     string
	Version   string
	Simulated bool
	DryRun    bool // no call was made by wish, so it is no success

	WrittenAt   time.Time
	StartedAt   time.Time
	EndedAt     time.Time // zero: it goes on
	LastSuccess time.Time // when the last run ended with all done, this one or an earlier; zero: not known
	Outcome     string    // complete, stopped or failed; "" while it goes on
	ExitCode    int

	Listed     int64 // numbers
	BadLines   int64
	Due        int64
	Settled    int64
	Documents  int64
	Unchanged  int64
	Retries    int64
	Rejects    map[string]int64 // by motif
	Suppliers  []Supplier
	Tables     []Table
	Published  int // lots, by this run
	Stored     Stored
	OutageFrom time.Time // the API has been down since; zero: it is not
}

// Supplier is one supplier's part.
type Supplier struct {
	Code    string
	Answers map[string]int64 // calls, by what came of them
	Slots   float64          // that the quota had between the first call and the last
	Used    float64          // share of the slots that was used, between 0 and 1; 0: not known yet
	Due     int64
	Left    int64
	Rate    float64 // calls a second, the quota
}

// Table is what was written in one table.
type Table struct {
	Name       string
	Rows       int64
	NewColumns int64
	DriftRows  int64            // rows with something that has no column
	Misfits    map[string]int64 // values without a place in a column, by reason
}

// Stored is what the ledger holds.
type Stored struct {
	Bytes             int64
	LotsWaiting       int64     // sealed and not published
	AnswersWaiting    int64     // not published, in a lot or in none yet
	OldestUnpublished time.Time // when the oldest of them came; zero: there is none
}
