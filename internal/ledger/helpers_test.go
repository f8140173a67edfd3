package ledger

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"
)

// begun is when the tests' first run begins.
var begun = time.Date(2026, 11, 24, 2, 15, 30, 123456000, time.UTC)

func open(t testing.TB, dir string) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), dir, Options{Mode: "reel"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func begin(t testing.TB, l *Ledger, refresh Refresh, at time.Time) Run {
	t.Helper()
	run, err := l.BeginRun(t.Context(), refresh, at)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func planned(t testing.TB, l *Ledger, run Run, numeros ...string) Planned {
	t.Helper()
	plan, err := l.NewPlan(t.Context(), run, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, numero := range numeros {
		if _, err := plan.Add(t.Context(), numero, "CODE", 0); err != nil {
			t.Fatal(err)
		}
	}
	counts, err := plan.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

func page(t testing.TB, l *Ledger, run Run, lane int, now time.Time, limit int) []Demande {
	t.Helper()
	page, err := l.NextDue(t.Context(), run, lane, now, limit)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// due is all that a run is handed in lane 0, in pages of three.
func due(t testing.TB, l *Ledger, run Run, now time.Time) []Demande {
	t.Helper()
	var all []Demande
	for {
		page := page(t, l, run, 0, now, 3)
		if len(page) == 0 {
			return all
		}
		if all = append(all, page...); len(all) > 10_000 {
			t.Fatal("the pages have no end")
		}
	}
}

func numeros(demandes []Demande) []string {
	names := []string{}
	for _, demande := range demandes {
		names = append(names, demande.Numero)
	}
	return names
}

func document(id int64, body string, at time.Time) Answer {
	sum := sha256.Sum256([]byte(body))
	return Answer{
		DemandeID: id, HTTPStatus: 200, Body: []byte(body), SHA256: sum[:], Type: "CHF", Statut: "EN_COURS", Attempts: 1,
		ReceivedAt: at, Settles: true, NextDue: at.Add(20 * time.Hour), Every: 20 * time.Hour,
	}
}

func reject(id int64, status int, motif string, at time.Time) Answer {
	answer := document(id, `{"code":"INTROUVABLE"}`, at)
	answer.HTTPStatus, answer.Motif, answer.Type, answer.Message = status, motif, "", "inconnue"
	return answer
}

// record records in the run that began last.
func record(t testing.TB, l *Ledger, answers ...Answer) {
	t.Helper()
	if err := l.Record(t.Context(), lastRun(t, l), answers); err != nil {
		t.Fatal(err)
	}
}

func lastRun(t testing.TB, l *Ledger) (run Run) {
	t.Helper()
	if err := l.reader.QueryRow("SELECT coalesce(max(id), 0) FROM runs").Scan(&run.ID); err != nil {
		t.Fatal(err)
	}
	return run
}

func seal(t testing.TB, l *Ledger, at time.Time) Lot {
	t.Helper()
	lot, ok, err := l.Seal(t.Context(), at)
	if err != nil || !ok {
		t.Fatalf("sealed: %v, %v", ok, err)
	}
	return lot
}

// line is an answer of a lot in one line.
func line(s *Stored) string {
	body := "-"
	if s.Body != nil {
		body = string(s.Body)
	}
	return fmt.Sprintf("%s %s %d %s %x %s %q %q %d %s", s.Numero, s.CodeCDGF, s.HTTPStatus, body, s.SHA256, s.Type, s.Motif, s.Message,
		s.Attempts, s.ReceivedAt.Format(time.RFC3339Nano))
}

func lines(t testing.TB, each func(context.Context, Lot, func(*Stored) error) error, lot Lot) []string {
	t.Helper()
	all := []string{}
	err := each(t.Context(), lot, func(s *Stored) error {
		all = append(all, line(s))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// ofType is EachDocument of one type.
func ofType(l *Ledger, typ string) func(context.Context, Lot, func(*Stored) error) error {
	return func(ctx context.Context, lot Lot, visit func(*Stored) error) error {
		return l.EachDocument(ctx, lot, typ, visit)
	}
}

func status(t testing.TB, l *Ledger, now time.Time) Status {
	t.Helper()
	s, err := l.Status(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
