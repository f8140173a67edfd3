// Package lease keeps two hosts apart that have nothing in common but a bucket: one object, lease.json, says who holds
// the lease and until when. Whoever holds it renews it; who finds one that is no longer renewed takes it over.
//
// What it promises:
//   - Every write names the object's generation that it goes upon, so of two that take it at once one gets it.
//   - A lease that could not be renewed ends for its holder (Context) before anybody else may take it, by the holder's
//     own monotonic clock and a margin.
//   - Each holder's fencing number is greater than those of all before it.
//   - A holder that is alive is told of (ErrHeld) within a third of the lease's duration; one that is dead is waited for
//     no longer than the duration and its margin.
//
// What it cannot promise: that a holder whose process was stopped and goes on later (a suspended machine) does nothing
// between its waking and its next look at the clock; what it writes must be safe by itself, as lots are, whose names no
// other ledger shares. Nor that the hosts' clocks agree: they are trusted within a quarter of the duration only where a
// lease has ended before anybody looked; else its going unrenewed is watched, by one clock.
//
// It knows nothing of ledgers, of runs or of the output: what a holder leaves to the next is bytes to it.
package lease
