package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTheStatusOfAFreshLedgerIsEmpty(t *testing.T) {
	got := status(t, open(t, t.TempDir()), begun)
	if got.FileBytes == 0 {
		t.Error("the file has no size")
	}
	got.FileBytes = 0
	if want := (Status{Mode: "reel", Rejects: map[string]int64{}, Types: map[string]int64{}, Suppliers: map[string]Part{}, ByType: map[string]Part{}, Runs: []RunStatus{}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTheStatusCountsWhatTheLedgerHolds(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	run := begin(t, l, Due, begun)
	planned(t, l, run, "A", "B", "C", "D", "E")
	mes := document(2, "b", begun.Add(time.Minute))
	mes.Type = "MES"
	record(t, l, document(1, "a", begun), mes)
	if err := l.MarkPublished(t.Context(), seal(t, l, begun), begun.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	record(t, l, reject(3, 404, "introuvable", begun.Add(2*time.Minute)))
	seal(t, l, begun)
	rejected := reject(2, 403, "acces_refuse", begun.Add(3*time.Minute))
	rejected.NextDue = begun.Add(time.Hour)
	record(t, l, rejected)
	for i, key := range []string{"one", "other"} { // the one that wrote last counts
		quota := openQuota(t, dir, key, 0)
		enter(t, quota)
		if err := errors.Join(quota.Keep(begun.Add(time.Duration(i)*time.Second), time.Duration(10*(i+1))*time.Millisecond, time.Time{}), quota.Leave()); err != nil {
			t.Fatal(err)
		}
	}

	got := status(t, l, begun.Add(time.Hour))
	got.FileBytes = 0
	want := Status{
		Mode: "reel", Known: 5, NeverAnswered: 2, Documents: 1, Due: 3, OldestAnswer: begun,
		Rejects:   map[string]int64{"introuvable": 1, "acces_refuse": 1},
		Types:     map[string]int64{"CHF": 1, "MES": 1},
		Suppliers: map[string]Part{"CODE": {Known: 5, NeverAnswered: 2, Documents: 1, Rejects: 2, Due: 3, Unpublished: 2}},
		ByType: map[string]Part{
			"": {Known: 3, NeverAnswered: 2, Rejects: 1, Due: 2, Unpublished: 1}, "CHF": {Known: 1, Documents: 1}, "MES": {Known: 1, Rejects: 1, Due: 1, Unpublished: 1},
		},
		Plan: PlanStatus{Run: run.ID, Listed: 5, Left: 2},
		Lots: LotsStatus{
			UnsealedAnswers: 1, Waiting: 1, WaitingAnswers: 1, OldestWaiting: begun.Add(2 * time.Minute),
			Published: 1, PublishedAnswers: 2, LastPublished: begun.Add(time.Hour),
		},
		Runs: []RunStatus{{ID: run.ID, Refresh: Due, BegunAt: begun, Live: true, Answers: 4, Documents: 2, Rejects: 2}},
		Pace: PaceStatus{LastWrite: begun.Add(time.Second), MarginSeconds: 0.02},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	text, err := json.Marshal(got)
	if err != nil || !strings.Contains(string(text), `"never_answered":2`) || strings.Contains(string(text), "0001-01-01") {
		t.Errorf("as JSON: %s (%v)", text, err)
	}
}

func TestTheStatusTellsOfTheLastRunsOnly(t *testing.T) {
	l := open(t, t.TempDir())
	for range statusRuns + 5 {
		begin(t, l, Missing, begun)
	}
	runs := status(t, l, begun).Runs
	if len(runs) != statusRuns || runs[0].ID != statusRuns+5 || runs[0].Refresh != Missing {
		t.Errorf("runs are %+v", runs)
	}
}

// Each answer adds to the number's row, to the answers and to the run, so a snapshot has as many of each.
func TestTheStatusIsOneMomentWhileARunWrites(t *testing.T) {
	const total = 60
	dir := t.TempDir()
	l := open(t, dir)
	run := begin(t, l, Due, begun)
	var names []string
	for i := range total {
		names = append(names, fmt.Sprint("N", i))
	}
	planned(t, l, run, names...)
	beside, err := Open(t.Context(), dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()

	var writing sync.WaitGroup
	writing.Go(func() {
		for id := range int64(total) {
			if err := l.Record(t.Context(), run, []Answer{document(id+1, "x", begun)}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	var last int64
	for last < total && !t.Failed() {
		s := status(t, beside, begun)
		if s.Documents != s.Lots.UnsealedAnswers || s.Documents != s.Runs[0].Answers || s.Documents+s.Plan.Left != total || s.Documents < last {
			t.Fatalf("not of one moment: %+v, before %d documents", s, last)
		}
		last = s.Documents
	}
	writing.Wait()
}

func TestAReaderThatLingersDoesNotHinderTheRun(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	planned(t, l, begin(t, l, Due, begun), "A")
	beside, err := Open(t.Context(), dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	tx, err := beside.reader.Begin()
	if err != nil {
		t.Fatal(err)
	}
	var answers int
	if err := tx.QueryRow("SELECT count(*) FROM reponses").Scan(&answers); err != nil {
		t.Fatal(err)
	}
	record(t, l, document(1, "a", begun))
	if err := l.MarkPublished(t.Context(), seal(t, l, begun), begun); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}

func TestThePulseIsThatOfTheStatusAndRemembersTheLastSuccess(t *testing.T) {
	l := open(t, t.TempDir())
	pulse := func() Pulse {
		t.Helper()
		pulse, err := l.Pulse(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return pulse
	}
	if got := pulse(); got.FileBytes == 0 || !got.LastSuccess.IsZero() || got.Lots != (LotsStatus{}) {
		t.Errorf("of a fresh ledger the pulse is %+v", got)
	}
	run := begin(t, l, Due, begun)
	planned(t, l, run, "A", "B")
	record(t, l, document(1, "a", begun))
	seal(t, l, begun)
	for _, end := range []struct {
		complete bool
		exit     int
		at       time.Time
	}{{true, 0, begun.Add(time.Hour)}, {false, 75, begun.Add(2 * time.Hour)}, {false, 0, begun.Add(3 * time.Hour)}} {
		if err := l.EndRun(t.Context(), begin(t, l, Due, begun).ID, end.at, end.complete, end.exit); err != nil {
			t.Fatal(err)
		}
	}
	got := pulse()
	if want := status(t, l, begun).Lots; got.Lots != want || want.Waiting != 1 {
		t.Errorf("the lots are %+v, want %+v", got.Lots, want)
	}
	if !got.LastSuccess.Equal(begun.Add(time.Hour)) {
		t.Errorf("the last success is %s", got.LastSuccess)
	}
}
