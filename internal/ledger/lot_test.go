package ledger

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestALotIsNamedByItsTimeItsLedgerAndItsNumber(t *testing.T) {
	name := regexp.MustCompile(`^20261124T021530Z-([0-9a-f]{8})-00000([12])$`)
	identities := map[string]bool{}
	for range 2 {
		l := open(t, t.TempDir())
		planned(t, l, begin(t, l, Due, begun), "A")
		for id := int64(1); id <= 2; id++ {
			record(t, l, document(1, "a", begun))
			lot := seal(t, l, begun.In(time.FixedZone("", 3600)))
			parts := name.FindStringSubmatch(lot.Name)
			if parts == nil || parts[2] != fmt.Sprint(id) || lot.ID != id || lot.SealedAt != begun {
				t.Fatalf("lot %+v", lot)
			}
			identities[parts[1]] = true
		}
	}
	if len(identities) != 2 {
		t.Errorf("the identities of two ledgers are %v", identities)
	}
}

func TestThereIsNoEmptyLot(t *testing.T) {
	l := open(t, t.TempDir())
	planned(t, l, begin(t, l, Due, begun), "A")
	for range 2 {
		if lot, ok, err := l.Seal(t.Context(), begun); ok || err != nil {
			t.Errorf("sealed %+v (%v)", lot, err)
		}
		record(t, l, document(1, "a", begun))
		lot := seal(t, l, begun)
		if err := l.MarkPublished(t.Context(), lot, begun); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPublishedLotLeavesTheLedgerAndItsNumbersKeepWhatCounts(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	run := begin(t, l, Due, begun)
	planned(t, l, run, "A", "B")
	record(t, l, document(1, "a", begun), reject(2, 404, "introuvable", begun))
	first := seal(t, l, begun)
	record(t, l, document(2, "b", begun.Add(time.Hour)))
	second := seal(t, l, begun)
	if lots, err := l.Unpublished(t.Context()); err != nil || !reflect.DeepEqual(lots, []Lot{first, second}) {
		t.Errorf("waiting are %+v, want %+v (%v)", lots, []Lot{first, second}, err)
	}
	before := lines(t, l.EachAnswer, second)
	for range 2 { // marking again does nothing
		if err := l.MarkPublished(t.Context(), first, begun.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	if lots, err := l.Unpublished(t.Context()); err != nil || !reflect.DeepEqual(lots, []Lot{second}) {
		t.Errorf("waiting are %+v, want %+v (%v)", lots, second, err)
	}
	if after := lines(t, l.EachAnswer, second); !equal(after, before) {
		t.Errorf("the other lot is %q, was %q", after, before)
	}
	for name, err := range map[string]error{
		"EachAnswer":    l.EachAnswer(t.Context(), first, func(*Stored) error { return nil }),
		"SaveLotTables": l.SaveLotTables(t.Context(), first, nil),
	} {
		if !errors.Is(err, ErrNoLot) {
			t.Errorf("%s of a published lot: %v", name, err)
		}
	}
	var left int
	if err := l.reader.QueryRow("SELECT count(*) FROM reponses").Scan(&left); err != nil || left != 1 {
		t.Errorf("%d answers are in the ledger, want 1 (%v)", left, err)
	}
	// The number still knows its document: the same again is unchanged.
	record(t, l, document(1, "a", begun.Add(2*time.Hour)))
	if got := lines(t, ofType(l, "CHF"), seal(t, l, begun)); len(got) != 0 {
		t.Errorf("the same document again counts as changed: %q", got)
	}
}

func TestALotOfAnotherLedgerIsRefused(t *testing.T) {
	l := open(t, t.TempDir())
	planned(t, l, begin(t, l, Due, begun), "A")
	record(t, l, document(1, "a", begun))
	foreign := seal(t, l, begun)
	foreign.Name = "20261124T021530Z-00000000-000001"
	if err := l.MarkPublished(t.Context(), foreign, begun); !errors.Is(err, ErrNoLot) {
		t.Errorf("marked: %v", err)
	}
	if _, err := l.Types(t.Context(), foreign); !errors.Is(err, ErrNoLot) {
		t.Errorf("types: %v", err)
	}
}

func TestALotReadInPagesMissesNothing(t *testing.T) {
	l := open(t, t.TempDir())
	planned(t, l, begin(t, l, Due, begun), "A")
	var answers []Answer
	want := []string{}
	for i := range 2*pageAnswers + 3 {
		body := fmt.Sprint("body ", i)
		if i%100 == 7 {
			body += strings.Repeat("x", pageBytes/2+1) // two of them fill a page
		}
		answer := document(1, body, begun)
		answer.Type = []string{"MES", "CHF", "ARLV"}[i%3]
		answers, want = append(answers, answer), append(want, answer.Type+body)
	}
	record(t, l, answers...)
	lot := seal(t, l, begun)
	record(t, l, document(1, "of the next lot", begun))
	types, err := l.Types(t.Context(), lot)
	if err != nil || !equal(types, []string{"ARLV", "CHF", "MES"}) {
		t.Errorf("types are %v (%v)", types, err)
	}
	visit := func(got *[]string) func(*Stored) error {
		return func(s *Stored) error {
			*got = append(*got, s.Type+string(s.Body))
			return nil
		}
	}
	var all, one []string
	if err := l.EachAnswer(t.Context(), lot, visit(&all)); err != nil || !equal(all, want) {
		t.Errorf("%d answers, want %d (%v)", len(all), len(want), err)
	}
	if err := l.EachDocument(t.Context(), lot, "CHF", visit(&one)); err != nil {
		t.Fatal(err)
	}
	for i, got := range one {
		if got != want[3*i+1] {
			t.Fatalf("document %d is %.30q, want %.30q", i, got, want[3*i+1])
		}
	}
	if expected := (len(want) + 1) / 3; len(one) != expected {
		t.Errorf("%d documents, want %d", len(one), expected)
	}
}

func TestAVisitorMayRecordAndItsErrorEndsTheVisit(t *testing.T) {
	l := open(t, t.TempDir())
	planned(t, l, begin(t, l, Due, begun), "A")
	record(t, l, document(1, "a", begun), document(1, "b", begun))
	lot := seal(t, l, begun)
	full := errors.New("full")
	visits := 0
	err := l.EachAnswer(t.Context(), lot, func(*Stored) error {
		visits++
		record(t, l, document(1, "c", begun))
		return full
	})
	if !errors.Is(err, full) || visits != 1 {
		t.Errorf("%d visits, %v", visits, err)
	}
}

func TestALotsTablesAreThoseSavedLast(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	planned(t, l, begin(t, l, Due, begun), "A")
	record(t, l, document(1, "a", begun))
	lot := seal(t, l, begun)
	record(t, l, document(1, "b", begun))
	other := seal(t, l, begun)
	if tables, err := l.LotTables(t.Context(), lot); err != nil || tables != nil {
		t.Errorf("before: %v (%v)", tables, err)
	}
	want := map[string][]byte{"demande_chf": []byte(`[{"name":"é"}]`), "demande_mes": {0, 0xff}}
	for _, tables := range []map[string][]byte{{"demande_chf": nil, "demande_arlv": {1}}, want, want} {
		if err := l.SaveLotTables(t.Context(), lot, tables); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.SaveLotTables(t.Context(), other, nil); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	if tables, err := l.LotTables(t.Context(), lot); err != nil || !reflect.DeepEqual(tables, want) {
		t.Errorf("after: %q, want %q (%v)", tables, want, err)
	}
	if tables, err := l.LotTables(t.Context(), other); err != nil || tables == nil || len(tables) != 0 {
		t.Errorf("fixed without tables: %v (%v)", tables, err)
	}
}

func TestAPublishedLotsPagesAreUsedAgain(t *testing.T) {
	l := open(t, t.TempDir())
	planned(t, l, begin(t, l, Due, begun), "A")
	var sizes []int64
	for range 5 {
		var answers []Answer
		for i := range 500 {
			answers = append(answers, document(1, fmt.Sprint(i)+strings.Repeat("x", 2000), begun))
		}
		record(t, l, answers...)
		if err := l.MarkPublished(t.Context(), seal(t, l, begun), begun); err != nil {
			t.Fatal(err)
		}
		var pages int64
		if err := l.reader.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, pages)
	}
	if last := sizes[len(sizes)-1]; last > sizes[0]+sizes[0]/10 {
		t.Errorf("the ledger grows with each lot: pages %v", sizes)
	}
}
