package omega

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// longestRetryAfter keeps what a header says within what can be added to a time.
const longestRetryAfter = 365 * 24 * time.Hour

// retryAfter is how long the header Retry-After asks to wait, in either of its forms (RFC 9110 §10.2.3); 0 if it is
// missing, past or unreadable. A date counts from the answer's own Date, since the two clocks may differ.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	// The first byte is looked at because ParseFloat would read "infinity" too.
	if value != "" && value[0] >= '0' && value[0] <= '9' {
		if seconds, err := strconv.ParseFloat(value, 64); err == nil || errors.Is(err, strconv.ErrRange) {
			return time.Duration(min(seconds, longestRetryAfter.Seconds()) * float64(time.Second))
		}
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return max(0, min(until.Sub(now), longestRetryAfter))
}
