// Package omega is the client of the distributor's API: the token, the pace of calls under the quota, one call, and
// what each answer means.
//
// What it promises:
//   - one Call is at most one request on the wire: nothing is retried, replayed by the transport, or redirected;
//   - the Pacer gives no slot earlier than one interval and a margin after the last request really left, whichever of the
//     processes that share a Gate sent it, and however that process ended;
//   - a request that was prepared for leaves at its slot: its connection is open;
//   - the bearer token and the credentials go to their two addresses only, over TLS or to a loopback host, and stand
//     in no error and no message; nor does the body of a document or of a token answer.
//
// A Call that an ended context or a dead connection cuts short may still have reached the API: WrittenAt tells
// whether the request left. What the package cannot see is how long the network then carries it; the Pacer's margin
// is there for that.
//
// It knows nothing of lists, of the ledger, of retries, of what stands in a document, or of how many calls are in
// flight. The guide that its comments cite is the distributor's "API REST OMEGA - Suivi demande", V0.
package omega
