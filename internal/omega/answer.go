package omega

import (
	"fmt"
	"net/http"
	"time"
)

// Kind is what an answer means for its demande, and for the run.
type Kind int

// The kinds. A status other than 200 decides by itself, whatever becomes of the body.
const (
	Document     Kind = iota + 1 // 200, body whole; what stands in it is for others to judge
	Rejected                     // the API says no: 400, 404, 405, other 4xx; and 2xx other than 200
	Forbidden                    // 403
	Unauthorized                 // 401: the token is no longer good
	TooMany                      // 429: the quota
	Transient                    // no answer of the API's own: 5xx, 407, 408, 425, a redirect, a cut connection, a timeout
	TooLarge                     // 200, body longer than Settings.MaxBody
	Cancelled                    // the caller's ctx ended before there was an answer
)

// String is the kind's name.
func (k Kind) String() string {
	switch k {
	case Document:
		return "document"
	case Rejected:
		return "rejected"
	case Forbidden:
		return "forbidden"
	case Unauthorized:
		return "unauthorized"
	case TooMany:
		return "too many"
	case Transient:
		return "transient"
	case TooLarge:
		return "too large"
	case Cancelled:
		return "cancelled"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Answer is how one call ended.
type Answer struct {
	Kind       Kind
	HTTPStatus int // 0: none came

	// Body is what came of the body, decompressed, at most Settings.MaxBody bytes of it; it is whole for a Document.
	Body []byte
	// Message is the API's own text of an answer that is no document, one line of at most 200 characters; "" if the
	// answer has no text. It never holds the token that was sent.
	Message string
	// RetryAfter is what a 429 or a 503 asks for; 0 if it asks for nothing.
	RetryAfter time.Duration
	// Quota is what the answer, of whatever kind, tells of the quota.
	Quota QuotaField

	WrittenAt       time.Time // when the request left; zero: it never did, and the call cost nothing
	ReceivedAt      time.Time // when the last byte of the answer came; zero: no status came
	TokenGeneration uint64    // of the token that was sent

	// Err is why there is no whole answer, or why it is Transient or TooLarge. It quotes no body.
	Err error
}

// kindOf is what a status means once its answer is whole.
func kindOf(status int) Kind {
	switch status {
	case http.StatusOK:
		return Document
	case http.StatusUnauthorized:
		return Unauthorized
	case http.StatusForbidden:
		return Forbidden
	case http.StatusTooManyRequests:
		return TooMany
	case http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusTooEarly:
		return Transient // said by what stands in between: nothing about the demande
	}
	if status >= 200 && status < 300 || status >= 400 && status < 500 {
		return Rejected
	}
	return Transient
}

// transientError says what a status that is no answer of the API's own was.
func transientError(status int) error {
	if status >= 300 && status < 400 {
		return fmt.Errorf("the API answered %d, a redirect, which is not followed: the token must go nowhere else", status)
	}
	text := http.StatusText(status)
	if text == "" {
		text = "a status of no known meaning"
	}
	return fmt.Errorf("the API answered %d (%s)", status, text)
}
