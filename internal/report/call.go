package report

import "time"

// Result is what one call came to, for the time line. Each call has one.
type Result int

// The results.
const (
	Failed    Result = iota // no answer that could be used: the API failed, the connection was cut, the token was refused
	Document                // a document that is new or has changed
	Unchanged               // a document equal to the number's last one
	Reject                  // an answer that says why there is no document
	Refused                 // 429: the quota
)

// Kind is the kind of an answer, as the API's client names it.
type Kind int

// The kinds, in the order of Answers' fields.
const (
	KindDocument Kind = iota
	KindRejected
	KindForbidden
	KindUnauthorized
	KindTooMany
	KindTransient
	KindTooLarge
	KindCancelled
	kinds int = iota
)

// Call is one call whose request really left.
type Call struct {
	At      time.Time     // when the request left
	Latency time.Duration // until the last byte of the answer; 0: no answer came
	Kind    Kind
	Result  Result
}

// Answers counts calls by the kind of their answer.
type Answers struct {
	Document     int64 `json:"document"`     // 200
	Rejected     int64 `json:"rejected"`     // 400, 404, 405 and other 4xx
	Forbidden    int64 `json:"forbidden"`    // 403
	Unauthorized int64 `json:"unauthorized"` // 401
	TooMany      int64 `json:"too_many"`     // 429
	Transient    int64 `json:"transient"`    // 5xx, a cut connection, a timeout
	TooLarge     int64 `json:"too_large"`    // 200, too long to keep
	Cancelled    int64 `json:"cancelled"`    // given up because the run was told to stop
}

func answers(counts *[kinds]int64) Answers {
	return Answers{
		Document: counts[KindDocument], Rejected: counts[KindRejected], Forbidden: counts[KindForbidden], Unauthorized: counts[KindUnauthorized],
		TooMany: counts[KindTooMany], Transient: counts[KindTransient], TooLarge: counts[KindTooLarge], Cancelled: counts[KindCancelled],
	}
}
