// Package privacy decides what becomes of values that tell of a person, by the mark that they have: kept, dropped, or
// replaced by a code.
//
// A code (HMAC-SHA-256 under a key that only the operator has) is the same for the same person's value however it is
// written, so that rows can still be joined and counted, and says nothing of the value to whoever lacks the key. It
// promises that the same text under two marks, or under two keys, gives two codes, and that neither a value nor a key
// stands in an error.
//
// It does not hide how often a value comes; whoever has the key can try values one after another. So the key is kept
// elsewhere than the tables.
//
// It knows nothing of documents, of columns, or of where the marks come from.
package privacy
