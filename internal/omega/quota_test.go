package omega

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheQuotaIsReadInEachOfItsForms(t *testing.T) {
	now := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	cases := []struct {
		name   string
		header http.Header
		want   QuotaField
	}{
		{"none", http.Header{}, QuotaField{}},
		{"the draft", http.Header{
			"Ratelimit": {`"default";r=0;t=30`}, "Ratelimit-Policy": {`"default";q=1;w=1`},
		}, QuotaField{0, 1, 30 * time.Second}},
		{"the draft, without its policy", http.Header{"Ratelimit": {` "default" ; r=7 ; t=30`}}, QuotaField{7, 0, 30 * time.Second}},
		{"the draft, of several quotas", http.Header{
			"Ratelimit": {`"second";r=0;t=1, "day";r=0;t=3600`, `"month";r=12;t=86400`}, "Ratelimit-Policy": {`"second";q=1, "day";q=50000`, `"month";q=9`},
		}, QuotaField{0, 50000, time.Hour}},
		{"the draft, nothing spent yet", http.Header{"Ratelimit": {`"second";r=3;t=1, "day";r=2;t=3600`}}, QuotaField{2, 0, time.Hour}},
		{"a name with separators in it", http.Header{"Ratelimit": {`"a;r=9,b\";t=1";r=0;t=5`}}, QuotaField{0, 0, 5 * time.Second}},
		{"the draft's dictionary", http.Header{"Ratelimit": {"limit=100, remaining=0, reset=50"}}, QuotaField{0, 100, 50 * time.Second}},
		{"a dictionary over several lines", http.Header{"Ratelimit": {"limit=100;w=60", "remaining=4"}}, QuotaField{4, 100, 0}},
		{"three fields", http.Header{
			"Ratelimit-Limit": {"10, 10;w=1, 1000;w=3600"}, "Ratelimit-Remaining": {"0"}, "Ratelimit-Reset": {"90"},
		}, QuotaField{0, 10, 90 * time.Second}},
		{"three X- fields", http.Header{
			"X-Ratelimit-Limit": {"1"}, "X-Ratelimit-Remaining": {" 0 "}, "X-Ratelimit-Reset": {"0.5"},
		}, QuotaField{0, 1, 500 * time.Millisecond}},
		{"the other X- fields", http.Header{"X-Rate-Limit-Remaining": {"0"}, "X-Rate-Limit-Reset": {"8"}}, QuotaField{0, 0, 8 * time.Second}},
		{"a reset that is a moment", http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"1795399260"}}, QuotaField{0, 0, time.Minute}},
		{"a moment in milliseconds", http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"1795399201500"}}, QuotaField{0, 0, 1500 * time.Millisecond}},
		{"a moment by the server's clock", http.Header{
			"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"1795399260"}, "Date": {"Mon, 23 Nov 2026 02:00:50 GMT"},
		}, QuotaField{0, 0, 10 * time.Second}},
		{"a moment that is past", http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"1795399140"}}, QuotaField{}},
		{"a reset beyond what can be counted", http.Header{"Ratelimit-Remaining": {"0"}, "Ratelimit-Reset": {"999999999999999999999999"}}, QuotaField{0, 0, longestRetryAfter}},
		{"two families, the longer wait", http.Header{
			"Ratelimit-Remaining": {"0"}, "Ratelimit-Reset": {"1"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"60"},
		}, QuotaField{0, 0, time.Minute}},
		{"what remains is not told", http.Header{"Ratelimit-Limit": {"10"}, "Ratelimit-Reset": {"90"}, "Ratelimit": {`"default";t=9`}}, QuotaField{}},
		{"numbers that are none", http.Header{
			"Ratelimit": {`"default";r=-1;t=9, "x";r=1e3, limit=1, remaining=none`}, "Ratelimit-Remaining": {"many"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"-3"},
		}, QuotaField{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { check(t, "the quota", quota(c.header, now), c.want) })
	}
}

func FuzzAQuotaIsNeverNegativeNorEndless(f *testing.F) {
	f.Add(`"default";r=0;t=30`, `"default";q=1;w=1`, "0", "1795399260", "Mon, 23 Nov 2026 02:00:50 GMT")
	f.Add("limit=100, remaining=0, reset=50", "", "-1", "1e999", "")
	f.Add(`"\`, `;=,`, "99999999999999999999", ".", "yesterday")
	f.Fuzz(func(t *testing.T, items, policy, remaining, reset, date string) {
		header := http.Header{
			"Ratelimit": {items}, "Ratelimit-Policy": {policy}, "Date": {date},
			"Ratelimit-Remaining": {remaining}, "Ratelimit-Reset": {reset}, "Ratelimit-Limit": {policy},
			"X-Ratelimit-Remaining": {remaining}, "X-Ratelimit-Reset": {reset}, "X-Ratelimit-Limit": {items},
		}
		told := quota(header, time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC))
		if told.Remaining < 0 || told.Limit < 0 || told.Reset < 0 || told.Reset > longestRetryAfter {
			t.Errorf("the quota is %+v", told)
		}
	})
}

func TestEachKindOfAnswerTellsItsQuota(t *testing.T) {
	for _, status := range []int{200, 404, 429, 500} {
		client := serve(t, nil, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("RateLimit", `"default";r=0;t=30`)
			w.WriteHeader(status)
		})
		answer, _ := ask(t.Context(), client)
		check(t, "the quota", answer.Quota, QuotaField{0, 0, 30 * time.Second})
	}
}

func TestASpentQuotaIsWaitedForAndOneByTheSecondIsNot(t *testing.T) {
	for _, c := range []struct {
		name  string
		told  QuotaField
		least time.Duration // from the answer to the next slot
		most  time.Duration
	}{
		{"a second's quota, spent by each call", QuotaField{0, 1, time.Second}, 0, 1020 * time.Millisecond},
		{"the same, rounded up", QuotaField{0, 1, 2 * time.Second}, 0, 1020 * time.Millisecond},
		{"a day's quota, spent", QuotaField{0, 50000, time.Hour}, time.Hour, time.Hour + 20*time.Millisecond},
		{"a day's quota, not spent", QuotaField{1, 50000, time.Hour}, 0, 1020 * time.Millisecond},
		{"no reset told", QuotaField{0, 1, 0}, 0, 1020 * time.Millisecond},
		{"nothing told", QuotaField{}, 0, 1020 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pacer := newTestPacer(t, PacerOptions{})
				write(t, pacer, 0)
				told := time.Now()
				pacer.Quota(c.told)
				if wait := write(t, pacer, 0).Sub(told); wait < c.least || wait > c.most {
					t.Errorf("the next slot came after %s, want %s to %s", wait, c.least, c.most)
				}
			})
		})
	}
}

func TestAQuotaToldWithEachAnswerSlowsNothingDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls = 2000
		pacer := newTestPacer(t, PacerOptions{})
		began := time.Now()
		for range calls {
			write(t, pacer, 0)
			pacer.Quota(QuotaField{Remaining: 0, Limit: 1, Reset: time.Second})
			pacer.Accepted()
		}
		if rate := float64(calls-1) / time.Since(began).Seconds(); rate < 0.99 {
			t.Errorf("%.4f calls a second", rate)
		}
	})
}
