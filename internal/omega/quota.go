package omega

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// QuotaField is what an answer's RateLimit fields say of the quota. The zero value: none was sent that can be read.
type QuotaField struct {
	Remaining int64         // calls left until Reset
	Limit     int64         // calls from one reset to the next; 0: not told
	Reset     time.Duration // from the answer's receipt until calls are given again; 0: not told
}

// quota reads the fields that tell of the quota, in the forms that gateways send:
//
//	RateLimit: "default";r=0;t=30           with RateLimit-Policy: "default";q=1;w=1 (the IETF draft, from its 8th on)
//	RateLimit: limit=1, remaining=0, reset=30                                        (its 7th)
//	RateLimit-Limit, -Remaining, -Reset                                              (before)
//	X-RateLimit-Limit, -Remaining, -Reset, and X-Rate-Limit-...                      (never written down)
//
// Of several quotas, the one that holds up longest counts: with none remaining the last to be reset, else the one with
// the least remaining. A field without a count of what remains tells nothing.
func quota(header http.Header, now time.Time) QuotaField {
	var found []QuotaField
	found = appendItems(found, header)
	if listed, ok := fromDictionary(header); ok {
		found = append(found, listed)
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date // what an epoch counts from is the server's clock
	}
	for _, prefix := range []string{"RateLimit-", "X-RateLimit-", "X-Rate-Limit-"} {
		if told, ok := fromTriple(header, prefix, now); ok {
			found = append(found, told)
		}
	}
	var counts QuotaField
	for i, one := range found {
		if i == 0 || one.holdsUpLonger(counts) {
			counts = one
		}
	}
	return counts
}

func (q QuotaField) holdsUpLonger(than QuotaField) bool {
	if q.Remaining == 0 && than.Remaining == 0 {
		return q.Reset > than.Reset
	}
	return q.Remaining < than.Remaining
}

// appendItems adds the quotas of the draft's lists of items with parameters (RFC 9651 §3.1). A limit stands in the
// policy of the same name.
func appendItems(to []QuotaField, header http.Header) []QuotaField {
	limits := map[string]int64{}
	for _, item := range split(strings.Join(header.Values("RateLimit-Policy"), ","), ',') {
		name, parameters := parseItem(item)
		if limit, ok := count(parameters["q"]); ok {
			limits[name] = limit
		}
	}
	for _, item := range split(strings.Join(header.Values("RateLimit"), ","), ',') {
		name, parameters := parseItem(item)
		if remaining, ok := count(parameters["r"]); ok {
			to = append(to, QuotaField{Remaining: remaining, Limit: limits[name], Reset: seconds(parameters["t"])})
		}
	}
	return to
}

// fromDictionary reads limit=1, remaining=0, reset=30.
func fromDictionary(header http.Header) (told QuotaField, ok bool) {
	for _, member := range split(strings.Join(header.Values("RateLimit"), ","), ',') {
		key, value, _ := strings.Cut(split(member, ';')[0], "=")
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "limit":
			told.Limit, _ = count(value)
		case "remaining":
			told.Remaining, ok = count(value)
		case "reset":
			told.Reset = seconds(value)
		}
	}
	return told, ok
}

// fromTriple reads three fields of the same beginning.
func fromTriple(header http.Header, prefix string, now time.Time) (told QuotaField, ok bool) {
	told.Remaining, ok = count(header.Get(prefix + "Remaining"))
	if !ok {
		return QuotaField{}, false
	}
	// A limit may be followed by policies: 10, 10;w=1, 1000;w=3600.
	told.Limit, _ = count(split(split(header.Get(prefix+"Limit"), ',')[0], ';')[0])
	told.Reset = untilReset(header.Get(prefix+"Reset"), now)
	return told, true
}

// untilReset reads seconds from now, or where that would be decades, a moment in seconds or milliseconds since 1970.
func untilReset(text string, now time.Time) time.Duration {
	const earliest = 1_000_000_000 // 2001, or 31 years
	number, ok := positive(text)
	switch {
	case !ok:
		return 0
	case number >= earliest*1000:
		number -= float64(now.UnixMilli())
		number /= 1000
	case number >= earliest:
		number -= float64(now.UnixMilli()) / 1000
	}
	return asWait(number)
}

func seconds(text string) time.Duration {
	number, _ := positive(text)
	return asWait(number)
}

// asWait is within 0 and longestRetryAfter.
func asWait(seconds float64) time.Duration {
	return time.Duration(max(0, min(seconds, longestRetryAfter.Seconds())) * float64(time.Second))
}

// positive reads a decimal number without sign or exponent.
func positive(text string) (float64, bool) {
	text = strings.TrimSpace(text)
	if strings.Trim(text, "0123456789.") != "" {
		return 0, false
	}
	number, err := strconv.ParseFloat(text, 64)
	return number, err == nil
}

// count reads a whole number that is not negative.
func count(text string) (int64, bool) {
	number, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return number, err == nil && number >= 0
}

// parseItem parts "default";r=0;t=30 into its name and its parameters.
func parseItem(item string) (name string, parameters map[string]string) {
	parts := split(item, ';')
	parameters = map[string]string{}
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, "=")
		parameters[strings.ToLower(strings.TrimSpace(key))] = value
	}
	return strings.TrimSpace(parts[0]), parameters
}

// split cuts at each separator that stands in no quoted text. It gives one part at least.
func split(text string, separator byte) (parts []string) {
	quoted, begin := false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			parts = append(parts, text[begin:i])
			begin = i + 1
		}
	}
	return append(parts, text[begin:])
}
