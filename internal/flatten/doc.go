// Package flatten turns one raw answer into one row of its type's Arrow record.
//
// It promises that no value is lost and none is changed: what a column cannot hold exactly leaves the column NULL
// and stands, as it came, in the column _champs_inconnus under its own path. It learns the columns of the
// blocks from the answers (Learner), since the contract that details them is not public, and never changes a
// column that exists.
//
// A body is parsed once (Document, over tape and scan), walked along the tree of its table's columns (Builder, over
// place and siblings), and written into Arrow's own layout (vector). What found no column is told by Drift.
// DuckDBSelect lets DuckDB flatten the same answers by itself, to be compared.
//
// It knows nothing of the API, of the ledger, or of Parquet; schemas gives it the root fields.
package flatten
