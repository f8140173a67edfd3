package ledger

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func restoredNumbers(count int) iter.Seq2[Restored, error] {
	return func(yield func(Restored, error) bool) {
		for i := range count {
			number := Restored{Numero: fmt.Sprintf("N%07d", i), CodeCDGF: "CODE"}
			if i%10 != 0 {
				number.SettledAt, number.NextDue, number.HTTPStatus, number.Attempts = begun, begun.Add(time.Duration(i)*time.Second), 200, 1
				number.SHA256, number.Type, number.Statut, number.ChangedAt = make([]byte, 32), "CHF", "EN_COURS", begun.Add(-time.Hour)
			}
			if i%10 == 1 {
				number.Motif, number.HTTPStatus, number.Rejects, number.FailedRuns = motifServerError, 0, 3, 2
			}
			if !yield(number, nil) {
				return
			}
		}
	}
}

func TestARebuiltLedgerHandsOutWhatIsDue(t *testing.T) {
	l := open(t, t.TempDir())
	const count = 3*rebuildRows + 5
	if rebuilt, err := l.Rebuild(t.Context(), time.Time{}, restoredNumbers(count)); err != nil || rebuilt != count {
		t.Fatalf("%d rebuilt, %v", rebuilt, err)
	}
	run := begin(t, l, Due, begun)
	planned(t, l, run, "N0000000", "N0000001", "N0000002", "N0000050", "unknown")
	got := due(t, l, run, begun.Add(2*time.Second))
	if want := []string{"N0000000", "N0000050", "unknown", "N0000001", "N0000002"}; !slices.Equal(numeros(got), want) {
		t.Fatalf("handed out %v, want %v", numeros(got), want)
	}
	want := Demande{
		ID: got[3].ID, Numero: "N0000001", CodeCDGF: "CODE", DernierSHA256: make([]byte, 32), Statut: "EN_COURS", ChangedAt: begun.Add(-time.Hour),
		SettledAt: begun, Motif: motifServerError, Rejects: 3, FailedRuns: 2,
	}
	if fmt.Sprintf("%+v", got[3]) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", got[3], want)
	}
	if status := status(t, l, begun); status.Known != count+1 || status.Documents != 80 || status.NeverAnswered != 12 || status.Rejects[motifServerError] != 10 {
		t.Errorf("%+v", status)
	}
}

func TestOnlyAnEmptyLedgerIsRebuilt(t *testing.T) {
	l := open(t, t.TempDir())
	begin(t, l, Due, begun)
	if err := l.Empty(t.Context()); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("a run was begun: %v", err)
	}
	if _, err := l.Rebuild(t.Context(), time.Time{}, restoredNumbers(1)); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("a run was begun: %v", err)
	}
}

func TestARebuildThatFailsLeavesAnEmptyLedger(t *testing.T) {
	l := open(t, t.TempDir())
	broken := errors.New("broken")
	_, err := l.Rebuild(t.Context(), time.Time{}, func(yield func(Restored, error) bool) {
		for number := range restoredNumbers(500) {
			if !yield(number, nil) {
				return
			}
		}
		yield(Restored{}, broken)
	})
	if !errors.Is(err, broken) || l.Empty(t.Context()) != nil {
		t.Errorf("%v, then %v", err, l.Empty(t.Context()))
	}
}

func TestACampaignGoesOnInARebuiltLedger(t *testing.T) {
	l := open(t, t.TempDir())
	if _, err := l.Rebuild(t.Context(), begun.Add(-time.Minute), restoredNumbers(20)); err != nil {
		t.Fatal(err)
	}
	run := begin(t, l, All, begun.Add(time.Hour))
	if !run.Since.Equal(begun.Add(-time.Minute)) {
		t.Errorf("the campaign began %s", run.Since)
	}
	planned(t, l, run, "N0000010", "N0000011")
	if got := numeros(due(t, l, run, begun.Add(time.Hour))); !slices.Equal(got, []string{"N0000010"}) {
		t.Errorf("%v are asked for, of which one was since the campaign began", got)
	}
}

func BenchmarkRebuild(b *testing.B) {
	for i := range b.N {
		l := open(b, filepath.Join(b.TempDir(), fmt.Sprint(i)))
		if _, err := l.Rebuild(b.Context(), time.Time{}, restoredNumbers(100_000)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*100_000/b.Elapsed().Seconds(), "numbers/s")
}
