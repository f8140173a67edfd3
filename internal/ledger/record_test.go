package ledger

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestAnAnswerIsKeptAsWhatItIs(t *testing.T) {
	l := open(t, t.TempDir())
	planned(t, l, begin(t, l, Due, begun), "A", "B", "C")
	at := func(minutes int) time.Time { return begun.Add(time.Duration(minutes) * time.Minute) }
	odd := document(2, "<html>", at(3))
	odd.Settles, odd.Motif, odd.Type = false, "reponse_illisible", ""
	empty := reject(2, 200, "reponse_illisible", at(4))
	empty.Body, empty.Attempts = []byte{}, 2
	unreached := reject(3, 0, "erreur_serveur", at(5))
	unreached.Body, unreached.SHA256 = nil, nil
	record(t, l,
		document(1, "one", at(0)),
		document(1, "one", at(1)), // unchanged, within one transaction
		document(1, "two", at(2)),
		odd, empty, unreached,
		reject(1, 404, "introuvable", at(6)),
		document(1, "two", at(7)), // unchanged: a reject between does not count
		document(1, "one", at(8)), // changed back
	)
	lot := seal(t, l, at(9))
	if lot.Answers != 9 {
		t.Errorf("the lot has %d answers, want 9", lot.Answers)
	}
	want := map[string][]string{
		"answers": {"A 200 one", "A 200 nil", "A 200 two", "B 200 <html>", "B 200 nil", "A 404 {\"code\":\"INTROUVABLE\"}", "A 200 nil", "A 200 one"},
		"CHF":     {"A 200 one", "A 200 two", "A 200 one"},
		"rejects": {"B 200 nil", "C 0 nil", "A 404 {\"code\":\"INTROUVABLE\"}"},
		"none":    {},
	}
	for name, each := range map[string]func(context.Context, Lot, func(*Stored) error) error{
		"answers": l.EachAnswer, "CHF": ofType(l, "CHF"), "rejects": l.EachReject, "none": ofType(l, "chf"),
	} {
		got := []string{}
		err := each(t.Context(), lot, func(s *Stored) error {
			got = append(got, short(s))
			return nil
		})
		if err != nil || !equal(got, want[name]) {
			t.Errorf("%s: %q, want %q (%v)", name, got, want[name], err)
		}
	}
}

func short(s *Stored) string {
	body := "nil"
	if s.Body != nil {
		body = string(s.Body)
	}
	return s.Numero + " " + map[int]string{0: "0", 200: "200", 404: "404"}[s.HTTPStatus] + " " + body
}

func TestAStoredAnswerHasAllThatWasRecorded(t *testing.T) {
	l := open(t, t.TempDir())
	planned(t, l, begin(t, l, Due, begun), "A")
	answer := reject(1, 400, "requete_invalide", begun.Add(time.Nanosecond))
	answer.Body, answer.Message, answer.Attempts = []byte{0, 0xff, '\n'}, "ça va ? \x00 '", 3
	record(t, l, answer)
	// The code is the one asked with at the time, not the one that a later list gives.
	plan, err := l.NewPlan(t.Context(), begin(t, l, Due, begun), PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Add(t.Context(), "A", "LATER", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := Stored{
		Numero: "A", CodeCDGF: "CODE", HTTPStatus: 400, Body: answer.Body, SHA256: answer.SHA256, Motif: "requete_invalide",
		Message: answer.Message, Attempts: 3, ReceivedAt: begun,
	}
	if got := lines(t, l.EachReject, seal(t, l, begun)); !equal(got, []string{line(&want)}) {
		t.Errorf("got  %q\nwant %q", got, line(&want))
	}
}

func TestABatchThatFailsLeavesNothing(t *testing.T) {
	l := open(t, t.TempDir())
	run := begin(t, l, Due, begun)
	planned(t, l, run, "A", "B")
	if err := l.Record(t.Context(), run, []Answer{document(1, "a", begun), document(99, "z", begun)}); err == nil {
		t.Fatal("recorded an answer to a number that is not known")
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := l.Record(ended, run, []Answer{document(1, "a", begun)}); !errors.Is(err, context.Canceled) {
		t.Fatalf("recorded: %v", err)
	}
	if err := l.Record(t.Context(), Run{ID: 99}, []Answer{document(1, "a", begun)}); !errors.Is(err, errNoRun) {
		t.Fatalf("recorded in a run that is not there: %v", err)
	}
	if got := numeros(due(t, l, run, begun)); !equal(got, []string{"A", "B"}) {
		t.Errorf("due are %v", got)
	}
	// The ids of the failed answers are used again: a lot is a range without a gap.
	record(t, l, document(2, "b", begun))
	record(t, l, document(1, "a", begun))
	if lot := seal(t, l, begun); lot.Answers != 2 || len(lines(t, l.EachAnswer, lot)) != 2 {
		t.Errorf("the lot has %d answers, want 2", lot.Answers)
	}
}

func TestARunCountsItsAnswers(t *testing.T) {
	l := open(t, t.TempDir())
	run := begin(t, l, Due, begun)
	planned(t, l, run, "A", "B")
	odd := document(2, "odd", begun)
	odd.Settles, odd.Motif = false, "reponse_illisible"
	record(t, l, document(1, "a", begun), odd)
	record(t, l, document(1, "a", begun), reject(2, 404, "introuvable", begun))
	if err := l.EndRun(t.Context(), run.ID, begun.Add(time.Hour), true, 0); err != nil {
		t.Fatal(err)
	}
	record(t, l, document(1, "b", begun)) // a straggler
	want := RunStatus{ID: run.ID, Refresh: Due, BegunAt: begun, EndedAt: begun.Add(time.Hour), Complete: true, Answers: 5, Documents: 3, Unchanged: 1, Rejects: 1}
	if got := status(t, l, begun).Runs; len(got) != 1 || got[0] != want {
		t.Errorf("runs are %+v, want %+v", got, want)
	}
}
