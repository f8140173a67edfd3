package pipeline

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"omega-export/internal/omega"
	"omega-export/internal/report"
)

func TestTheReportTellsTheNightCallByCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := func(since time.Duration) bool { return since > 20*time.Second && since < time.Hour }
		w := newWorld(t, 60, func(numero string, nth int, since time.Duration) omega.Answer {
			switch {
			case down(since):
				return status(omega.Transient, 503)
			case numero == number(0):
				return status(omega.Rejected, 404)
			case numero == number(1) && nth == 1:
				refused := status(omega.TooMany, 429)
				refused.RetryAfter = 10 * time.Second
				return refused
			}
			return documentOf(numero)
		})
		w.must(nil)
		r := w.lastReport
		all := report.Bin{}
		for _, bin := range r.Timeline.Bins {
			all = all.Plus(bin)
		}
		failed := r.Counts.Calls - 61
		if all.Calls != int64(len(w.api.calls)) || all.Documents != 59 || all.Rejects != 1 || all.Refused != 1 || all.Failed != failed {
			t.Errorf("the time line holds %+v of %d calls", all, len(w.api.calls))
		}
		if a := r.Answers; a.Document != 59 || a.Rejected != 1 || a.TooMany != 1 || a.Transient != failed {
			t.Errorf("answers %+v", a)
		}
		if got := r.RejectExamples["introuvable"]; len(got) != 1 || got[0] != number(0) {
			t.Errorf("examples %v", r.RejectExamples)
		}
		if len(r.Outages) != 1 || r.OutageCount != 1 || r.Outages[0].To.Sub(r.Outages[0].From) < 59*time.Minute || r.Outages[0].Supplier != "A" {
			t.Errorf("outages %+v", r.Outages)
		}
		if w := r.Waits; w.RetryAfter < 7 || w.RetryAfter > 11 || w.Outage < 50*60 || w.Outage > 62*60 {
			t.Errorf("waits %+v", w)
		}
		if l := r.Latency; l.Answers != r.Counts.Calls || l.Max != latency.Seconds() || l.P50 != latency.Seconds() {
			t.Errorf("latency %+v", l)
		}
		if q := r.Quota; q.Used != r.Counts.Calls || q.Slots < 3500 || q.Share > 0.1 {
			t.Errorf("quota %+v", q)
		}
		if r.Backlog.DueLeft != 0 || r.Backlog.Unknown || !r.Backlog.DoneAt.IsZero() {
			t.Errorf("backlog %+v", r.Backlog)
		}
		if len(r.PublishedLots) != 1 || r.PublishedLots[0].Answers != 60 || r.PublishedLots[0].Files != 3 || r.PublishedLots[0].Bytes == 0 || r.Tables["demande_t"].Files != 1 || r.Tables["demande_t"].Bytes == 0 {
			t.Errorf("lots %+v, table %+v", r.PublishedLots, r.Tables["demande_t"])
		}
	})
}

func TestANightWithoutTroubleUsesTheWholeQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 400, func(numero string, _ int, _ time.Duration) omega.Answer { return documentOf(numero) })
		w.must(nil)
		if q := w.lastReport.Quota; q.Share < 0.97 || q.Used != 400 {
			t.Errorf("quota %+v", q)
		}
		if waits := w.lastReport.Waits; waits.Outage+waits.RetryAfter+waits.NoToken != 0 || waits.Nothing > 1 {
			t.Errorf("waits %+v", waits)
		}
	})
}

func TestARunThatIsStoppedTellsWhatIsLeftAndHowLongItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 100, func(numero string, _ int, _ time.Duration) omega.Answer { return documentOf(numero) })
		w.config.MaxCalls = 30
		w.must(ErrStopped)
		if left := w.lastReport.Backlog; left.DueLeft != 70 || left.Seconds != 70 || left.DoneAt.Sub(w.lastReport.EndedAt).Round(time.Second) != 70*time.Second {
			t.Errorf("backlog %+v", left)
		}
	})
}

func TestARunThatGivesUpHasItsOutageInTheReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 50, func(string, int, time.Duration) omega.Answer { return status(omega.Transient, 503) })
		w.config.MaxOutage = time.Hour
		w.must(ErrOutage)
		if r := w.lastReport; len(r.Outages) != 1 || r.Outages[0].To.Sub(r.Outages[0].From) < 55*time.Minute || r.Backlog.DueLeft != 50 {
			t.Errorf("outages %+v, backlog %+v", r.Outages, r.Backlog)
		}
	})
}

func TestTheReportQuotesNoAnswerOfTheAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10, func(string, int, time.Duration) omega.Answer {
			answer := status(omega.Forbidden, 403)
			answer.Message, answer.Body = "chez Madame Canari", []byte("chez Madame Canari")
			return answer
		})
		w.must(ErrRefused)
		text, err := json.Marshal(w.lastReport)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "Canari") {
			t.Errorf("it does: %s", text)
		}
	})
}

func TestAReportIsReadAsItWasWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 20, func(numero string, _ int, _ time.Duration) omega.Answer { return documentOf(numero) })
		w.must(nil)
		written, err := json.Marshal(w.lastReport)
		if err != nil {
			t.Fatal(err)
		}
		read, err := ReadReport(strings.NewReader(string(written)))
		if err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(read)
		if err != nil || string(again) != string(written) {
			t.Errorf("%v\n%s\n%s", err, written, again)
		}
		if read.QuotaUsed() == 0 || read.QuotaUsed() != w.lastReport.QuotaUsed() {
			t.Errorf("quota used %v and %v", read.QuotaUsed(), w.lastReport.QuotaUsed())
		}
	})
}

func TestWhatIsNoRunReportIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"nothing":         {"", "no run report"},
		"another file":    {"numero_demande\nWD00APSW\n", "no run report"},
		"another JSON":    {`{"files":[]}`, "no version and no counts"},
		"a replay's":      {`{"version":1,"replay":"replay-2026","tables":{}}`, "a replay's"},
		"a newer one":     {`{"version":3,"counts":{}}`, "its version is 3, the newest known is 2"},
		"another kind":    {`{"version":2,"counts":{"calls":"many"}}`, "no run report"},
		"too many bins":   {`{"version":2,"counts":{},"timeline":{"bins":[` + strings.Repeat("{},", 360) + `{}]}}`, "360 bins"},
		"an array of one": {`[{"version":2}]`, "no run report"},
	} {
		if _, err := ReadReport(strings.NewReader(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
