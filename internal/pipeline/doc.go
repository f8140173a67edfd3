// Package pipeline is the run itself: it plans from the lists, fetches what is due under the quota, records each
// answer in the ledger, seals answers into lots and publishes the lots as Parquet.
//
// It is the only room that knows the others: it carries things between source, ledger, omega, flatten and sink,
// which do not know one another. It knows nothing of the command line or of the terminal.
//
// What it promises: an answer is committed to the ledger before anything else is done with it; a lot is fixed in
// the ledger before any file of it is written; so a run may be killed at any moment and run again.
package pipeline
