// Package ledger is the checkpoint of the export: which demande numbers are known, what was asked and answered, what
// is due, and which lots of answers are sealed and published. It is one SQLite file in the state folder, beside the
// locks of those who work on it.
//
// What it promises:
//   - An answer for which Record has returned is on the disk: neither kill -9 nor a power loss takes it away.
//   - A transaction that fails (full disk, ended context) leaves the ledger as it was, and usable.
//   - A file that is damaged, foreign or written by a newer version is refused, never replaced by a fresh one.
//   - Any number of runs, in as many processes, work on it at once. None is handed a number that another live run has
//     claimed or has settled; what a run that died had claimed is free again at once.
//   - The processes that share a quota pass its slots on at one gate (Quota), in turns and by priority.
//   - A lot is fixed once sealed: whatever is recorded later, reading it again gives the same answers in the same order.
//   - Within a run no number is handed out twice, unless it was given back, whatever is recorded meanwhile.
//
// What it cannot promise: that the disk keeps what it acknowledged, or that flock works on the file system (some
// network file systems do not honour it).
//
// It knows nothing of lists, of the API, of JSON, of Parquet or of the pipeline: bodies, types and motifs are opaque to it.
package ledger
