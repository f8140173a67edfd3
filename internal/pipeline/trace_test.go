package pipeline

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"omega-export/internal/omega"
)

func TestARunIsTracedByItsStagesAndNotByItsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1000, func(numero string, _ int, _ time.Duration) omega.Answer {
			if numero == number(7) {
				return omega.Answer{Kind: omega.Rejected, HTTPStatus: 404, Body: []byte("canary"), Message: "canary"}
			}
			return documentOf(numero)
		})
		spans := tracetest.NewSpanRecorder()
		w.tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("")
		w.config.LotAnswers = 600
		w.must(nil)

		byID := map[string]string{}
		for _, span := range spans.Ended() {
			byID[span.SpanContext().SpanID().String()] = span.Name()
		}
		parents := map[string]int{} // "parent > name": how often
		var text strings.Builder
		for _, span := range spans.Ended() {
			parents[byID[span.Parent().SpanID().String()]+" > "+span.Name()]++
			fmt.Fprintf(&text, "%s %+v %+v %+v\n", span.Name(), span.Attributes(), span.Status(), span.Events())
			if span.Name() == "supplier" && len(span.Events()) != 1 { // 1,000 seconds
				t.Errorf("the supplier's span has %d events", len(span.Events()))
			}
		}
		want := map[string]int{
			" > run": 1, "run > plan": 1, "run > fetch": 1, "fetch > supplier": 1, "run > seal": 2, "run > publish": 2,
			"publish > table": 2 * 3, // the type, the answers and the rejects
		}
		if !maps.Equal(parents, want) {
			t.Errorf("got  %v\nwant %v", parents, want)
		}
		for _, told := range []string{"Key:omega.run ", "omega.answers.document", "demande_t", "rejets"} {
			if !strings.Contains(text.String(), told) {
				t.Errorf("the spans have no %q", told)
			}
		}
		for _, untold := range []string{"canary", "N00", "N0999"} {
			if strings.Contains(text.String(), untold) {
				t.Errorf("the spans hold %q:\n%s", untold, text.String())
			}
		}
	})
}

func TestAFailedRunsSpanSaysWhatFailedAndNotMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10, func(string, int, time.Duration) omega.Answer {
			return omega.Answer{Kind: omega.Forbidden, HTTPStatus: 403, Message: "canary"}
		})
		spans := tracetest.NewSpanRecorder()
		w.tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("")
		w.must(ErrRefused)
		failed := map[string]string{}
		for _, span := range spans.Ended() {
			if span.Status().Code == codes.Error {
				failed[span.Name()] = span.Status().Description
			}
		}
		if want := map[string]string{"run": ErrRefused.Error(), "fetch": ErrRefused.Error(), "supplier": ErrRefused.Error()}; !maps.Equal(failed, want) {
			t.Errorf("got %v, want %v", failed, want)
		}
	})
}

// seen is a Watcher that keeps the last of what it was shown.
type seen struct {
	mutex     sync.Mutex
	planned   Report
	counts    Counts
	rejects   map[string]int64
	suppliers []SupplierStanding
	lots      int
	rows      int64
	downs     []bool
}

func (s *seen) Planned(report Report) { s.planned = report }

func (s *seen) Recorded(counts Counts, rejects map[string]int64, suppliers []SupplierStanding) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.counts, s.rejects, s.suppliers = counts, maps.Clone(rejects), suppliers
}

func (s *seen) Published(lots int, tables map[string]*TableCounts) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.lots, s.rows = lots, tables["demande_t"].Rows
}

func (s *seen) Down(_ string, since time.Time) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.downs = append(s.downs, !since.IsZero())
}

func TestAWatcherSeesWhatTheReportTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 200, func(numero string, nth int, since time.Duration) omega.Answer {
			switch {
			case since > time.Minute && since < 2*time.Hour:
				return status(omega.Transient, 503)
			case numero == number(3):
				return status(omega.Rejected, 404)
			case numero == number(5) && nth == 1:
				return status(omega.TooMany, 429)
			}
			return documentOf(numero)
		})
		w.config.LotAnswers = 50
		watcher := &seen{}
		w.watcher = watcher
		w.must(nil)
		r := w.lastReport
		if watcher.planned.Due != 200 || watcher.counts != r.Counts || !maps.Equal(watcher.rejects, r.Rejects) || watcher.lots != len(r.Lots) || watcher.rows != 199 {
			t.Errorf("got %+v, want %+v", watcher, r)
		}
		supplier := watcher.suppliers[0]
		total := int64(0)
		for _, calls := range supplier.Answers {
			total += calls
		}
		if supplier.Code != "A" || supplier.Settled != 200 || total != r.Counts.Calls || supplier.Answers["too_many"] != 1 || supplier.Answers["rejected"] != 1 {
			t.Errorf("got %+v", supplier)
		}
		if !slices.Equal(watcher.downs, []bool{true, false}) {
			t.Errorf("the outage was told as %v", watcher.downs)
		}
	})
}

// lines counts log lines by message.
type lines struct {
	mutex  sync.Mutex
	counts map[string]int
}

func (l *lines) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	_, rest, _ := strings.Cut(string(line), `msg="`)
	message, _, _ := strings.Cut(rest, `"`)
	l.counts[message]++
	return len(line), nil
}

func TestAnOutageOfThreeHoursIsADozenLines(t *testing.T) {
	for what, world := range map[string]func(*world){
		"the API is down, probing slowly": func(w *world) {
			w.api.answer = func(numero string, _ int, since time.Duration) omega.Answer {
				if since < 3*time.Hour-time.Minute {
					return status(omega.Transient, 503)
				}
				return documentOf(numero)
			}
		},
		"no token yet, asking again every few seconds": func(w *world) {
			w.api.token = func(int) error {
				if time.Since(w.api.begun) < 3*time.Hour-time.Minute {
					return &omega.TokenError{HTTPStatus: 503}
				}
				return nil
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 400, func(numero string, _ int, _ time.Duration) omega.Answer { return documentOf(numero) })
			world(w)
			log := &lines{counts: map[string]int{}}
			w.log = slog.New(slog.NewTextHandler(log, nil))
			w.must(nil)
			if got := log.counts[what]; got < 11 || got > 13 {
				t.Errorf("%d lines say %q; all: %v", got, what, log.counts)
			}
		})
	}
}
