// Package sink writes Arrow records as Parquet files and publishes them, a lot at a time, into an output: a local
// folder, or a Google Cloud Storage bucket (see storage for what the two have in common, and lease for what a bucket's
// lock is worth).
//
// What it promises:
//   - A lot appears whole or not at all to a reader that goes through the tables' pointers. Its files are written and
//     made durable first, its commit record next, the pointers last; a process killed anywhere in between leaves an
//     output in which the same lot can be published again, with exactly the same outcome.
//   - Whole tables are replaced at once: until a replacement's record stands all tables are the old ones, afterwards all
//     are the new ones, in which what was published meanwhile is not missing. Old files stay for a while, for readers
//     that have begun, and go by themselves.
//   - The archive is read back as it was written, or the error says that it is damaged.
//   - A file's bytes follow from its rows and its schema alone, not from the records they came in nor from the hour.
//   - A file that a commit record names is never changed, and one that appears under its final name is whole.
//   - No value is changed: -0.0, an empty list and a NULL list, and every nesting come back as they went in.
//   - What was said to be written is on disk. After a failed fsync nothing more is written, since what the disk then
//     holds cannot be known.
//   - Answers of the simulator and of the real API never stand in one output.
//
// What it cannot promise: that a disk which lies about fsync keeps anything, or that two machines which share a folder
// over a network file system without working flock keep off each other.
//
// It knows nothing of the API, of the ledger, or of how the rows were made.
package sink
