package ledger

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func equal(a, b []string) bool { return slices.Equal(a, b) }

func TestADuplicateKeepsItsFirstPlaceAndCode(t *testing.T) {
	l := open(t, t.TempDir())
	run := begin(t, l, Due, begun)
	plan, err := l.NewPlan(t.Context(), run, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range []struct {
		numero, code string
		duplicate    bool
	}{
		{"B", "X", false},
		{"A", "X", false},
		{"B", "Y", true},
		{"b", "X", false}, // numbers that differ by case are two
		{"A", "X", true},
	} {
		duplicate, err := plan.Add(t.Context(), entry.numero, entry.code, 0)
		if err != nil || duplicate != entry.duplicate {
			t.Errorf("%s: duplicate %v, %v", entry.numero, duplicate, err)
		}
	}
	counts, err := plan.Commit(t.Context())
	if want := (Planned{Listed: 3, New: 3}); err != nil || counts != want {
		t.Errorf("planned %+v, want %+v (%v)", counts, want, err)
	}
	var got []string
	for _, demande := range due(t, l, run, begun) {
		got = append(got, demande.Numero+demande.CodeCDGF)
	}
	if want := []string{"BX", "AX", "bX"}; !equal(got, want) {
		t.Errorf("asked for %v, want %v", got, want)
	}
}

func TestADuplicateIsSeenOverTransactions(t *testing.T) {
	l := open(t, t.TempDir())
	run := begin(t, l, Due, begun)
	plan, err := l.NewPlan(t.Context(), run, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	plan.size = 3
	for i, numero := range strings.Fields("A B C D E F G A C D G H") {
		duplicate, err := plan.Add(t.Context(), numero, "CODE", 0)
		if want := i >= 7 && numero != "H"; err != nil || duplicate != want {
			t.Errorf("%s, place %d: duplicate %v (%v)", numero, i, duplicate, err)
		}
	}
	if counts, err := plan.Commit(t.Context()); err != nil || counts.Listed != 8 || counts.New != 8 {
		t.Errorf("planned %+v (%v)", counts, err)
	}
	if got := strings.Join(numeros(due(t, l, run, begun)), ""); got != "ABCDEFGH" {
		t.Errorf("asked for %s", got)
	}
}

func TestANewCodeReplacesTheOneKnown(t *testing.T) {
	l := open(t, t.TempDir())
	planned(t, l, begin(t, l, Due, begun), "A", "B")
	run := begin(t, l, Due, begun)
	plan, err := l.NewPlan(t.Context(), run, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Add(t.Context(), "B", "OTHER", 0); err != nil {
		t.Fatal(err)
	}
	counts, err := plan.Commit(t.Context())
	if err != nil || counts.Listed != 1 || counts.New != 0 {
		t.Fatal(counts, err)
	}
	all := due(t, l, run, begun)
	if len(all) != 1 || all[0].Numero != "B" || all[0].CodeCDGF != "OTHER" {
		t.Errorf("asked for %+v", all)
	}
}

func TestAPlanNotCommittedIsNoList(t *testing.T) {
	l := open(t, t.TempDir())
	old := begin(t, l, Due, begun)
	planned(t, l, old, "A")
	if err := l.EndRun(t.Context(), old.ID, begun, true, 0); err != nil {
		t.Fatal(err)
	}
	run := begin(t, l, Due, begun)
	plan, err := l.NewPlan(t.Context(), run, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Add(t.Context(), "B", "CODE", 0); err != nil {
		t.Fatal(err)
	}
	plan.Abandon()
	plan.Abandon()
	if _, err := plan.Add(t.Context(), "C", "CODE", 0); err == nil {
		t.Error("added to an abandoned plan")
	}
	if _, err := plan.Commit(t.Context()); err == nil {
		t.Error("committed an abandoned plan")
	}
	for _, run := range []Run{old, run} {
		if _, err := l.NextDue(t.Context(), run, 0, begun, 10); !errors.Is(err, ErrNoPlan) {
			t.Errorf("run %d: %v, want %v", run.ID, err, ErrNoPlan)
		}
		if _, err := l.CountDue(t.Context(), run, begun); !errors.Is(err, ErrNoPlan) {
			t.Errorf("run %d: %v, want %v", run.ID, err, ErrNoPlan)
		}
	}
	begin(t, l, Due, begun) // the writing connection is free again
}

func TestAnEndedContextEndsThePlanAndFreesTheLedger(t *testing.T) {
	l := open(t, t.TempDir())
	plan, err := l.NewPlan(t.Context(), begin(t, l, Due, begun), PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Add(t.Context(), "A", "CODE", 0); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := plan.Add(ended, "B", "CODE", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("added: %v", err)
	}
	if _, err := plan.Commit(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("committed: %v", err)
	}
	within, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := l.BeginRun(within, Due, begun); err != nil {
		t.Errorf("the ledger is not free: %v", err)
	}
}
