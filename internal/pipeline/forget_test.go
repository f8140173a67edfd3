package pipeline

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"omega-export/internal/ledger"
	"omega-export/internal/omega"
	"omega-export/internal/sink"
)

// forgetWorld is a world of documents, and of a reject of the number N0003.
func forgetWorld(t *testing.T, numbers int) *world {
	t.Helper()
	return newWorld(t, numbers, func(numero string, _ int, _ time.Duration) omega.Answer {
		if numero == number(3) {
			return status(omega.Rejected, 404)
		}
		return documentOf(numero)
	})
}

// withRooms opens the world's rooms as forget does.
func (w *world) withRooms(do func(rooms ForgetRooms)) {
	w.t.Helper()
	books, err := ledger.Open(w.t.Context(), filepath.Join(w.folder, "state"), ledger.Options{Mode: "reel"})
	if err != nil {
		w.t.Fatal(err)
	}
	defer books.Close()
	output, err := sink.Open(w.t.Context(), filepath.Join(w.folder, "out"))
	if err != nil {
		w.t.Fatal(err)
	}
	do(ForgetRooms{Ledger: books, Outputs: []*sink.Output{output}})
}

// numbersOf are the numbers of all rows of the output.
func (w *world) numbersOf() (found []string) {
	w.t.Helper()
	w.withRooms(func(rooms ForgetRooms) {
		err := rooms.Outputs[0].Heads(w.t.Context(), func(heads []sink.Head) error {
			for _, head := range heads {
				found = append(found, head.Numero)
			}
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	})
	slices.Sort(found)
	return slices.Compact(found)
}

// sealed leaves the answers of some numbers in a lot that waits, as a run does that is killed before it publishes.
func (w *world) sealed(numbers int) {
	w.t.Helper()
	w.withRooms(func(rooms ForgetRooms) {
		ctx, books, at := w.t.Context(), rooms.Ledger, time.Now()
		run, err := books.BeginRun(ctx, ledger.Due, at)
		if err != nil {
			w.t.Fatal(err)
		}
		plan, err := books.NewPlan(ctx, run, ledger.PlanOptions{})
		if err != nil {
			w.t.Fatal(err)
		}
		for i := range numbers {
			if _, err := plan.Add(ctx, number(i), "A", 0); err != nil {
				w.t.Fatal(err)
			}
		}
		if _, err := plan.Commit(ctx); err != nil {
			w.t.Fatal(err)
		}
		page, err := books.NextDue(ctx, run, 0, at, numbers)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, demande := range page {
			body := documentOf(demande.Numero).Body
			answer := ledger.Answer{
				DemandeID: demande.ID, HTTPStatus: 200, Body: body, SHA256: make([]byte, 32), Type: "CHF", Attempts: 1,
				ReceivedAt: at, Settles: true, NextDue: at.Add(1000 * time.Hour),
			}
			if err := books.Record(ctx, run, []ledger.Answer{answer}); err != nil {
				w.t.Fatal(err)
			}
		}
		if _, ok, err := books.Seal(ctx, at); err != nil || !ok {
			w.t.Fatal(ok, err)
		}
	})
}

func (w *world) forget(numbers ...string) (receipt Receipt) {
	w.t.Helper()
	w.withRooms(func(rooms ForgetRooms) {
		var err error
		receipt, err = Forget(w.t.Context(), ForgetConfig{Name: "oubli-1", Mode: "reel", Numbers: numbers}, rooms)
		if err != nil {
			w.t.Fatal(err)
		}
	})
	return receipt
}

func TestALotThatWaitsIsPublishedWithoutWhatWasForgottenInItsLedger(t *testing.T) {
	w := forgetWorld(t, 4)
	w.sealed(3)
	receipt := w.forget(number(1))
	if receipt.Ledger.Numbers != 1 || receipt.Ledger.Answers != 1 || len(receipt.Nowhere) > 0 {
		t.Errorf("receipt %+v", receipt)
	}
	w.bubble(t, func(*testing.T) { w.must(nil) })
	if got := w.numbersOf(); !slices.Equal(got, []string{number(0), number(2), number(3)}) {
		t.Errorf("numbers %q", got)
	}
	if w.api.asked(number(1)) > 0 || w.lastReport.Forgotten != 1 {
		t.Errorf("asked %d times, report %d", w.api.asked(number(1)), w.lastReport.Forgotten)
	}
}

// A ledger that was not there when its output forgot: of another host, say.
func TestALotOfAnotherLedgerBringsNothingBack(t *testing.T) {
	w := forgetWorld(t, 4)
	w.sealed(3)
	w.withRooms(func(rooms ForgetRooms) {
		rooms.Ledger = nil
		config := ForgetConfig{Name: "oubli-1", Mode: "reel", Numbers: []string{number(0), number(1), number(2)}}
		if _, err := Forget(t.Context(), config, rooms); err != nil {
			t.Fatal(err)
		}
	})
	w.bubble(t, func(*testing.T) { w.must(nil) })
	if got := w.numbersOf(); !slices.Equal(got, []string{number(3)}) {
		t.Errorf("numbers %q", got)
	}
	w.withRooms(func(rooms ForgetRooms) {
		report, err := sink.Verify(t.Context(), rooms.Outputs[0].URI(), sink.VerifyOptions{})
		if err != nil || !report.OK() || report.Lots != 2 {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

func TestForgettingIsRefusedWhileARunHasTheLedger(t *testing.T) {
	w := forgetWorld(t, 4)
	w.bubble(t, func(*testing.T) { w.must(nil) })
	w.withRooms(func(ForgetRooms) {
		w.withRooms(func(rooms ForgetRooms) {
			receipt, err := Forget(t.Context(), ForgetConfig{Name: "oubli-1", Mode: "reel", Numbers: []string{number(1)}}, rooms)
			if !errors.Is(err, ledger.ErrLocked) || receipt.Outcome != "failed" {
				t.Errorf("%v, %+v", err, receipt)
			}
		})
	})
	if got := w.numbersOf(); len(got) != 4 {
		t.Errorf("numbers %q", got)
	}
}

func TestOnlyWhatIsQuietForLongIsForgotten(t *testing.T) {
	w := forgetWorld(t, 6)
	w.bubble(t, func(*testing.T) { w.must(nil) })
	var before time.Time
	w.withRooms(func(rooms ForgetRooms) {
		at := map[string]time.Time{}
		if err := rooms.Ledger.Newest(t.Context(), func(numero string, newest time.Time) error { at[numero] = newest; return nil }); err != nil {
			t.Fatal(err)
		}
		before = at[number(4)]
		for i := range 4 {
			if !at[number(i)].Before(before) {
				t.Fatalf("answers at %v", at)
			}
		}
		// The ledger alone knows of a newer answer of one of them, and the outputs alone of the others.
		run, err := rooms.Ledger.BeginRun(t.Context(), ledger.All, before)
		if err != nil {
			t.Fatal(err)
		}
		planning, err := rooms.Ledger.NewPlan(t.Context(), run, ledger.PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := planning.Add(t.Context(), number(2), "A", 0); err != nil {
			t.Fatal(err)
		}
		if _, err := planning.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := rooms.Ledger.NextDue(t.Context(), run, 0, before, 1)
		if err != nil || len(page) != 1 {
			t.Fatal(page, err)
		}
		newer := ledger.Answer{DemandeID: page[0].ID, Motif: "erreur_serveur", ReceivedAt: before, NextDue: before.Add(time.Hour), Settles: true}
		if err := rooms.Ledger.Record(t.Context(), run, []ledger.Answer{newer}); err != nil {
			t.Fatal(err)
		}
	})
	w.withRooms(func(rooms ForgetRooms) {
		receipt, err := Forget(t.Context(), ForgetConfig{Name: "oubli-1", Mode: "reel", Before: before}, rooms)
		if want := []string{number(0), number(1), number(3)}; err != nil || !slices.Equal(receipt.Numbers, want) || len(receipt.Nowhere) > 0 {
			t.Errorf("%v: %+v", err, receipt)
		}
	})
	if got := w.numbersOf(); !slices.Equal(got, []string{number(2), number(4), number(5)}) {
		t.Errorf("numbers %q", got)
	}
}

func TestAForgettingThatIsStoppedSaysWhatToDo(t *testing.T) {
	w := forgetWorld(t, 2)
	w.bubble(t, func(*testing.T) { w.must(nil) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.withRooms(func(rooms ForgetRooms) {
		receipt, err := Forget(ctx, ForgetConfig{Name: "oubli-1", Mode: "reel", Numbers: []string{number(1)}}, rooms)
		if !errors.Is(err, ErrStopped) || receipt.Outcome != "stopped" {
			t.Errorf("%v, %+v", err, receipt)
		}
	})
	w.forget(number(1))
	if got := w.numbersOf(); !slices.Equal(got, []string{number(0)}) {
		t.Errorf("numbers %q", got)
	}
}

func TestARebuiltLedgerLeavesOutWhatWasForgotten(t *testing.T) {
	w := forgetWorld(t, 5)
	w.bubble(t, func(*testing.T) { w.must(nil) })
	// Remembered, and killed before the rows went.
	w.withRooms(func(rooms ForgetRooms) {
		stones := forSink([]ledger.Tombstone{ledger.TombstoneOf(ledger.NewSalt(), number(1))})
		if err := rooms.Outputs[0].Remember(t.Context(), "oubli-1", stones, func(string) bool { return false }); err != nil {
			t.Fatal(err)
		}
	})
	fresh := filepath.Join(t.TempDir(), "state")
	if report, err := w.rebuilt(fresh); err != nil || report.Numbers != 4 {
		t.Errorf("%+v, %v", report, err)
	}
	books, err := ledger.Open(t.Context(), fresh, ledger.Options{Mode: "reel"})
	if err != nil {
		t.Fatal(err)
	}
	defer books.Close()
	if all, err := books.Tombstones(t.Context()); err != nil || !all.Holds(number(1)) || all.Len() != 1 {
		t.Errorf("tombstones %v, %v", all, err)
	}
}
