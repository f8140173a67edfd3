package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// bytesAnywhere says in which files of a folder a text stands.
func bytesAnywhere(t *testing.T, dir, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			found = append(found, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// busyLedger has numbers in all states: of a published lot, of one that is sealed, open, in a plan, claimed, never asked.
func busyLedger(t *testing.T, dir string) (l *Ledger, waits Lot) {
	t.Helper()
	l = open(t, dir)
	run := begin(t, l, Due, begun)
	all := []string{}
	for i := range 60 {
		all = append(all, fmt.Sprintf("NUMERO-%02d", i))
	}
	planned(t, l, run, all...)
	demandes := page(t, l, run, 0, begun, 55)
	body := func(i int) string { return fmt.Sprintf(`{"numero":"%s","nom":"PERSONNE-%02d"}`, all[i], i) }
	for i := range 20 {
		record(t, l, document(demandes[i].ID, body(i), begun))
	}
	if err := l.MarkPublished(t.Context(), seal(t, l, begun), begun); err != nil {
		t.Fatal(err)
	}
	for i := 20; i < 40; i++ {
		answer := document(demandes[i].ID, body(i), begun)
		if i%3 == 0 {
			answer = reject(demandes[i].ID, 404, "introuvable", begun)
			answer.Body, answer.Message = []byte(body(i)), "PERSONNE-"+all[i]
		}
		record(t, l, answer)
	}
	waits = seal(t, l, begun.Add(time.Hour))
	for i := 40; i < 50; i++ {
		record(t, l, document(demandes[i].ID, body(i), begun))
	}
	return l, waits
}

func tombstones(salt string, numbers ...string) (all []Tombstone) {
	for _, numero := range numbers {
		all = append(all, TombstoneOf(salt, numero))
	}
	return all
}

func TestAForgottenNumberLeavesNoByteInTheLedgersFiles(t *testing.T) {
	dir := t.TempDir()
	l, waits := busyLedger(t, dir)
	before := lines(t, l.EachAnswer, waits)
	gone := []string{"NUMERO-03", "NUMERO-21", "NUMERO-25", "NUMERO-44", "NUMERO-52", "NUMERO-59"}
	if len(bytesAnywhere(t, dir, "PERSONNE-21")) == 0 {
		t.Fatal("the number is nowhere before")
	}
	salt := NewSalt()
	if err := l.Alone(); err != nil {
		t.Fatal(err)
	}
	would, err := l.WouldForget(t.Context(), append(gone, "INCONNU"))
	if err != nil {
		t.Fatal(err)
	}
	found, err := l.Forget(t.Context(), append(gone, "INCONNU"), tombstones(salt, append(gone, "INCONNU")...))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Forgotten{Numbers: gone, Answers: 3, Plans: 6}); !reflect.DeepEqual(found, want) || !reflect.DeepEqual(would, want) {
		t.Errorf("found %+v, would %+v, want %+v", found, would, want)
	}
	for _, numero := range gone {
		for _, text := range []string{numero, "PERSONNE-" + numero[7:]} {
			if files := bytesAnywhere(t, dir, text); len(files) > 0 {
				t.Errorf("%s stands in %q", text, files)
			}
		}
	}
	// The published ones' bodies had left, and their free pages now too; the others' numbers are all there.
	if len(bytesAnywhere(t, dir, "PERSONNE-03")) > 0 || len(bytesAnywhere(t, dir, "NUMERO-04")) == 0 {
		t.Error("others are not as they were")
	}
	// The lot that waits is published without them, and else as it was.
	want := slices.DeleteFunc(before, func(line string) bool {
		return strings.HasPrefix(line, "NUMERO-21") || strings.HasPrefix(line, "NUMERO-25")
	})
	if got := lines(t, l.EachAnswer, waits); !slices.Equal(got, want) {
		t.Errorf("the lot has %d answers, want %d", len(got), len(want))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	run := begin(t, l, All, begun.Add(1000*time.Hour))
	counts := planned(t, l, run, "NUMERO-03", "NUMERO-04", "INCONNU", "NUMERO-59", "NUMERO-03")
	if counts.Listed != 1 || counts.Forgotten != 4 {
		t.Errorf("planned %+v", counts)
	}
	if got := numeros(due(t, l, run, begun.Add(1000*time.Hour))); !slices.Equal(got, []string{"NUMERO-04"}) {
		t.Errorf("due %q", got)
	}
	if s := status(t, l, begun); s.Forgotten != 7 || s.Known != 54 {
		t.Errorf("status: %d forgotten, %d known", s.Forgotten, s.Known)
	}
	// Found again nowhere; and taken back, it is asked for again.
	if removed, err := l.Unforget(t.Context(), tombstones(salt, "NUMERO-03", "NUMERO-04")); err != nil || removed != 1 {
		t.Errorf("unforgotten %d, %v", removed, err)
	}
	if counts := planned(t, l, run, "NUMERO-03", "NUMERO-59"); counts.Listed != 1 || counts.New != 1 {
		t.Errorf("planned %+v", counts)
	}
}

func TestNothingIsForgottenWhileARunHasTheLedger(t *testing.T) {
	dir := t.TempDir()
	begin(t, open(t, dir), Due, begun)
	second := open(t, dir)
	if err := second.Alone(); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "run 1 goes on") {
		t.Fatalf("error %v", err)
	}
}

func TestNoRunBeginsWhileNumbersAreForgotten(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	if err := l.Alone(); err != nil {
		t.Fatal(err)
	}
	late := &Ledger{path: filepath.Join(dir, fileName)}
	if _, err := late.join(t.Context(), "reel", 50*time.Millisecond); !errors.Is(err, ErrLocked) {
		t.Fatalf("error %v", err)
	}
	if _, err := Open(t.Context(), dir, Options{ReadOnly: true}); err != nil {
		t.Errorf("status: %v", err)
	}
}

func TestTheNewestAnswerCountsWhetherPublishedOrNot(t *testing.T) {
	l := open(t, t.TempDir())
	run := begin(t, l, Due, begun)
	planned(t, l, run, "A", "B", "C")
	demandes := page(t, l, run, 0, begun, 3)
	kept := document(demandes[1].ID, "{}", begun.Add(time.Hour))
	kept.Settles = false
	record(t, l, document(demandes[0].ID, "{}", begun), reject(demandes[1].ID, 404, "introuvable", begun), kept)
	got := map[string]time.Time{}
	err := l.Newest(t.Context(), func(numero string, at time.Time) error { got[numero] = at; return nil })
	if want := map[string]time.Time{"A": begun, "B": begun.Add(time.Hour)}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
}

func BenchmarkTombstonesHold(b *testing.B) {
	all := &Tombstones{}
	salt := NewSalt()
	for i := range 100_000 {
		all.Add(TombstoneOf(salt, fmt.Sprint(i)))
	}
	for b.Loop() {
		if all.Holds("WD00APSW") {
			b.Fatal("it holds what was not added")
		}
	}
}
