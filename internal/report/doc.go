// Package report notes what happens during a run, call by call, in memory of bounded size: a time line whose bins widen as
// the run grows longer, a histogram of latencies, the waits, the outages, and some numbers for each kind of reject.
//
// Noting a call costs a mutex and some additions, and allocates nothing once the time line stands. What was noted can be
// taken at any moment, and its types are those of the run report's JSON.
//
// It knows nothing of the API, the ledger or the output: whoever makes the calls says what became of them.
package report
