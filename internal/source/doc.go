// Package source reads demande numbers from lists: files, globs, standard input and, through a door that the caller
// brings, buckets.
//
// A list is text (one number a line), CSV or TSV with a header, NDJSON, or Parquet, each plain, gzip or zstd. Which
// it is, is seen from its bytes, never from its name.
//
// What it promises: numbers come in the order of the lists, streamed, so that ten million take no more memory than
// ten; every number that is visited is 1 to 64 ASCII letters, digits, '-' or '_'; a line that cannot be one is told
// of and left out, never changed into another; a list that ends too early is an error, and its last, perhaps cut,
// line is not taken for a number.
//
// It knows nothing of what the numbers are for: it neither removes duplicates nor remembers anything.
package source
