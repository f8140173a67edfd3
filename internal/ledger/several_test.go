package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWhatADeadRunHadClaimedIsHandedToTheOthers(t *testing.T) {
	dir := t.TempDir()
	dying, living := open(t, dir), open(t, dir)
	dead := begin(t, dying, Due, begun)
	planned(t, dying, dead, "A", "B", "C")
	run := begin(t, living, Due, begun)
	planned(t, living, run, "A", "B", "C")
	page(t, dying, dead, 0, begun, 2)
	if mine, others, err := living.Left(t.Context(), run, begun); mine != 1 || others != 2 || err != nil {
		t.Errorf("left are %d and %d (%v)", mine, others, err)
	}
	if got := numeros(page(t, living, run, 0, begun, 10)); !equal(got, []string{"C"}) {
		t.Errorf("beside a live run it was handed %v", got)
	}
	if err := dying.Close(); err != nil {
		t.Fatal(err)
	}
	if mine, others, err := living.Left(t.Context(), run, begun); mine != 3 || others != 0 || err != nil {
		t.Errorf("left are %d and %d (%v)", mine, others, err)
	}
	if got := numeros(page(t, living, run, 0, begun, 10)); !equal(got, []string{"A", "B"}) {
		t.Errorf("after the death it was handed %v", got)
	}
}

func TestDeadRunsAreSweptAwayByTheNext(t *testing.T) {
	dir := t.TempDir()
	living := open(t, dir)
	run := begin(t, living, Due, begun)
	planned(t, living, run, "A")
	for range 2 {
		dying := open(t, dir)
		dead := begin(t, dying, Due, begun)
		planned(t, dying, dead, "A", "B")
		page(t, dying, dead, 0, begun, 1)
		if err := dying.Close(); err != nil {
			t.Fatal(err)
		}
	}
	next := open(t, dir)
	last := begin(t, next, Due, begun)
	var plans, places, claims int
	err := next.reader.QueryRow("SELECT (SELECT count(*) FROM plans), (SELECT count(*) FROM plan), (SELECT count(*) FROM claims)").Scan(&plans, &places, &claims)
	if err != nil || plans != 1 || places != 1 || claims != 0 {
		t.Errorf("%d plans of %d places and %d claims (%v)", plans, places, claims, err)
	}
	locks, err := next.runLocks()
	if err != nil || len(locks) != 2 {
		t.Errorf("locks %v (%v)", locks, err)
	}
	for _, ended := range []struct {
		ledger *Ledger
		run    Run
	}{{living, run}, {next, last}} {
		if err := ended.ledger.EndRun(t.Context(), ended.run.ID, begun, true, 0); err != nil {
			t.Fatal(err)
		}
	}
	if locks, err = next.runLocks(); err != nil || len(locks) != 0 {
		t.Errorf("after all, locks %v (%v)", locks, err)
	}
}

func TestAListThatStallsDoesNotKeepOtherRunsFromRecording(t *testing.T) {
	dir := t.TempDir()
	l, beside := open(t, dir), open(t, dir)
	planned(t, beside, begin(t, beside, Due, begun), "A")
	plan, err := l.NewPlan(t.Context(), begin(t, l, Due, begun), PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Abandon()
	if _, err := plan.Add(t.Context(), "B", "CODE", 0); err != nil {
		t.Fatal(err)
	}
	record(t, beside, document(1, "a", begun)) // waits for the plan's transaction, and not for its list
	for numero, duplicate := range map[string]bool{"B": true, "C": false} {
		if got, err := plan.Add(t.Context(), numero, "CODE", 0); got != duplicate || err != nil {
			t.Errorf("%s: duplicate %v (%v)", numero, got, err)
		}
	}
}

func TestALaneOutOfRangeIsRefused(t *testing.T) {
	l := open(t, t.TempDir())
	run := begin(t, l, Due, begun)
	for _, lane := range []int{-1, Lanes} {
		plan, err := l.NewPlan(t.Context(), run, PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Add(t.Context(), "A", "CODE", lane); err == nil {
			t.Errorf("lane %d was taken", lane)
		}
	}
}

func TestTwoRunsSealAndPublishTheSameLotsWithoutHarm(t *testing.T) {
	dir := t.TempDir()
	one, other := open(t, dir), open(t, dir)
	planned(t, one, begin(t, one, Due, begun), "A")
	record(t, one, document(1, "a", begun))
	lot := seal(t, one, begun)
	if again, ok, err := other.Seal(t.Context(), begun); ok || err != nil {
		t.Errorf("sealed again: %+v (%v)", again, err)
	}
	for _, l := range []*Ledger{one, other, one} {
		if err := l.MarkPublished(t.Context(), lot, begun); err != nil {
			t.Error(err)
		}
	}
	if err := other.EachAnswer(t.Context(), lot, func(*Stored) error { return nil }); !errors.Is(err, ErrNoLot) {
		t.Errorf("read after it was published: %v", err)
	}
}

// A kill between the mark and the removal leaves the rows of a published lot.
func TestThePublishedAnswersThatAKillLeftGoWithTheNextRun(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	planned(t, l, begin(t, l, Due, begun), "A", "B")
	var answers []Answer
	for i := range 3 * firstChunk {
		answers = append(answers, document(1, fmt.Sprint(i), begun))
	}
	record(t, l, answers...)
	published := seal(t, l, begun)
	record(t, l, document(2, "b", begun.Add(time.Hour)))
	waiting := seal(t, l, begun)
	if _, err := l.writer.Exec("UPDATE lots SET published_at = 1 WHERE id = ?", published.ID); err != nil {
		t.Fatal(err)
	}
	if got := status(t, l, begun).Lots; got.Waiting != 1 || got.WaitingAnswers != 1 || !got.OldestWaiting.Equal(begun.Add(time.Hour)) {
		t.Errorf("with its rows still there, lots are %+v", got)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	var left int
	if err := l.reader.QueryRow("SELECT count(*) FROM reponses").Scan(&left); err != nil || left != 1 {
		t.Errorf("%d answers are left, want 1 (%v)", left, err)
	}
	if got := lines(t, l.EachAnswer, waiting); len(got) != 1 || !strings.Contains(got[0], "B CODE 200 b") {
		t.Errorf("the lot that waits has %v", got)
	}
}

func TestAClosedLedgerLeavesTheLogToTheOthers(t *testing.T) {
	dir := t.TempDir()
	one, other := open(t, dir), open(t, dir)
	planned(t, one, begin(t, one, Due, begun), "A")
	record(t, one, document(1, "a", begun))
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	third := open(t, dir) // beside a live one, whatever log there is
	if documents := status(t, third, begun).Documents; documents != 1 {
		t.Errorf("%d documents", documents)
	}
	for _, l := range []*Ledger{third, other} {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(other.path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the last one left the log: %v", err)
	}
}

func TestRecordingGoesOnWhileABigLotLeavesTheLedger(t *testing.T) {
	dir := t.TempDir()
	l, beside := open(t, dir), open(t, dir)
	planned(t, l, begin(t, l, Due, begun), "A")
	body := strings.Repeat("x", 2000)
	for batch := range 2 {
		var answers []Answer
		for i := range 1000 {
			answers = append(answers, document(1, fmt.Sprint(batch, i, body), begun))
		}
		record(t, l, answers...)
	}
	lot := seal(t, l, begun)
	emptied := make(chan error, 1)
	go func() { emptied <- l.MarkPublished(t.Context(), lot, begun) }()
	var waits []time.Duration
	for {
		select {
		case err := <-emptied:
			slices.Sort(waits)
			if err != nil || len(waits) < 3 {
				t.Fatalf("%d answers were recorded meanwhile (%v)", len(waits), err)
			}
			median, longest := waits[len(waits)/2], waits[len(waits)-1]
			t.Logf("%d answers were recorded meanwhile, in %s, 99 of 100 in %s, at most %s", len(waits), median, waits[len(waits)*99/100], longest)
			// Some 50 ms at most on a quiet machine; half a second is what the whole lot at once takes on a busy one.
			if median > 200*time.Millisecond {
				t.Errorf("an answer took %s, at most %s", median, longest)
			}
			return
		default:
		}
		began := time.Now()
		record(t, beside, document(1, fmt.Sprint(len(waits)), begun))
		waits = append(waits, time.Since(began))
	}
}
