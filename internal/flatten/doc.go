// Package flatten turns one raw answer into one row of its type's Arrow record.
//
// It promises that no value is lost and none is changed: what a column cannot hold exactly leaves the column NULL
// and stands, as it came, in the column _champs_inconnus under its own path. It learns the columns of the
// blocks from the answers (Learner), since the contract that details them is not public, and never changes a
// column that exists.
//
// It knows nothing of the API, of the ledger, or of Parquet; schemas gives it the root fields.
package flatten
