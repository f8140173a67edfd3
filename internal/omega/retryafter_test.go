package omega

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	now := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	cases := []struct {
		name, value, date string
		want              time.Duration
	}{
		{"missing", "", "", 0},
		{"seconds", "120", "", 2 * time.Minute},
		{"seconds with space", " 3 ", "", 3 * time.Second},
		{"a part of a second", "1.5", "", 1500 * time.Millisecond},
		{"zero", "0", "", 0},
		{"negative", "-5", "", 0},
		{"far beyond what can be counted", "99999999999999999999", "", longestRetryAfter},
		{"beyond a float", "1e999", "", longestRetryAfter},
		{"a word that floats know", "Infinity", "", 0},
		{"a word", "later", "", 0},
		{"a date", "Mon, 23 Nov 2026 02:01:30 GMT", "", 90 * time.Second},
		{"a date, counted from the server's clock", "Mon, 23 Nov 2026 05:00:10 GMT", "Mon, 23 Nov 2026 05:00:00 GMT", 10 * time.Second},
		{"a date beside an unreadable one", "Mon, 23 Nov 2026 02:00:10 GMT", "yesterday", 10 * time.Second},
		{"a past date", "Mon, 23 Nov 2026 01:00:00 GMT", "", 0},
		{"an old form of date", "Monday, 23-Nov-26 02:00:07 GMT", "", 7 * time.Second},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			header := http.Header{"Retry-After": {c.value}, "Date": {c.date}}
			check(t, "the wait", retryAfter(header, now), c.want)
		})
	}
}

func FuzzRetryAfterIsNeverNegativeNorEndless(f *testing.F) {
	f.Add("120", "")
	f.Add("1e999", "Mon, 23 Nov 2026 05:00:00 GMT")
	f.Add("Mon, 23 Nov 9999 05:00:00 GMT", "Mon, 23 Nov 0001 05:00:00 GMT")
	f.Fuzz(func(t *testing.T, value, date string) {
		header := http.Header{"Retry-After": {value}, "Date": {date}}
		wait := retryAfter(header, time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC))
		if wait < 0 || wait > longestRetryAfter {
			t.Errorf("%q asks to wait %s", value, wait)
		}
	})
}
