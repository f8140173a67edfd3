// Package simulator is the distributor's API as its guide tells it, served on loopback: the token service (§1.4,
// Annexe B), the consultation of a demande (§2.2) with its error texts (Annexe A), and the quota (§1.3). It is for
// the simulate subcommand, for run --simulate, and for tests.
//
// What it promises:
//   - The quota is counted by a rule chosen among those that a gateway may use, since the guide does not tell which
//     it is; and each call is stamped in the order in which the calls are counted.
//   - A document is the corpus's, byte for byte; asked for a number that is not in the corpus, it is the bytes of
//     a corpus document with only the number replaced, always the same document for the same number.
//   - The same seed and the same order of arrival give the same faults.
//   - Memory is bounded, however long it serves: see [Stats].
//
// It stands for one supplier: all calls count against one quota, whatever their token.
//
// It knows nothing of the program that calls it, not even of its client, and nothing of the real API beyond the guide.
// Where the guide is silent (the body of an error, the text of a refusal) the choice is said beside the code.
package simulator
