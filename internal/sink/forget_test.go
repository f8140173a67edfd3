package sink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
)

// someOf are numbers of an output: every nth of those that its tables have.
func someOf(t testing.TB, out *Output, nth int) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	at := 0
	for _, text := range rowTexts(t, out, archiveTable) {
		if at++; at%nth == 0 {
			found[numberIn(text)] = true
		}
	}
	return found
}

// numberIn is the number of a row as rowTexts writes it.
func numberIn(text string) string {
	_, after, _ := strings.Cut(text, columnNumero+"=")
	number, _, _ := strings.Cut(after, ";")
	return strings.Trim(number, `"`)
}

func without(rows []string, numbers map[string]bool) []string {
	return slices.DeleteFunc(slices.Clone(rows), func(row string) bool { return numbers[numberIn(row)] })
}

func forgetIn(ctx context.Context, out *Output, name string, grace time.Duration, numbers map[string]bool) (ForgetReport, error) {
	holds := func(numero string) bool { return numbers[numero] }
	stone := Tombstone{Salt: []byte("salt"), Sum: []byte("sum")}
	if err := out.Remember(ctx, name, []Tombstone{stone}, holds); err != nil {
		return ForgetReport{}, err
	}
	return out.Forget(ctx, ForgetOptions{Name: name, Mode: "reel", Holds: holds, Grace: grace})
}

// rowsOfFiles is every row of each live file, in order, by the file's day and table.
func rowsOfFiles(t testing.TB, out *Output) map[string][]string {
	t.Helper()
	all, err := readRecords(t.Context(), out.storage)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, file := range all.live() {
		key := file.Table + " " + file.day() + fmt.Sprint(file.isCompact(), file.Schema)
		err := eachRecord(t.Context(), out.storage, file.recordFile, func(record arrow.Record) error {
			for row := range int(record.NumRows()) {
				var text strings.Builder
				for i, column := range record.Columns() {
					fmt.Fprintf(&text, "%s=%s;", record.ColumnName(i), exactText(column, row))
				}
				found[key] = append(found[key], text.String())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func compactAs(t testing.TB, out *Output, name string, grace time.Duration) {
	t.Helper()
	if _, err := out.Compact(t.Context(), CompactOptions{Name: name, Mode: "reel", Grace: grace}); err != nil {
		t.Fatal(err)
	}
}

// nowhere sees that no data file that stands, pointed to or not, has one of the numbers.
func nowhere(t testing.TB, out *Output, numbers map[string]bool) {
	t.Helper()
	f := &forgetting{output: out, options: ForgetOptions{Holds: func(numero string) bool { return numbers[numero] }}}
	files, err := dataFiles(t.Context(), out.storage, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		found, _, err := f.numbersOf(t.Context(), file)
		if err != nil || len(found) > 0 {
			t.Errorf("%s has %v (%v)", file, found, err)
		}
	}
}

func TestForgettingTakesTheRowsOfSomeNumbersAndNoOthers(t *testing.T) {
	t.Parallel()
	for _, compacted := range []bool{false, true} {
		t.Run(fmt.Sprint("compacted ", compacted), func(t *testing.T) {
			t.Parallel()
			out := nightsOutput(t, 5, 40)
			if compacted {
				compactAs(t, out, "c1", 0)
			}
			numbers := someOf(t, out, 17)
			before := rowsOfFiles(t, out)
			untouched := map[string]bool{}
			for key, rows := range before {
				if len(without(rows, numbers)) == len(rows) {
					untouched[key] = true
				}
			}
			report, err := forgetIn(t.Context(), out, "oubli-1", 0, numbers)
			if err != nil {
				t.Fatal(err)
			}
			after := rowsOfFiles(t, out)
			dropped := 0
			for key, rows := range before {
				dropped += len(rows) - len(after[key])
				if want := without(rows, numbers); !slices.Equal(after[key], want) {
					t.Errorf("%s: %d rows, want %d in their order", key, len(after[key]), len(want))
				}
			}
			if reported := int64(0); true {
				for _, table := range report.Tables {
					reported += table.Rows
				}
				if reported != int64(dropped) || dropped < len(numbers) || len(report.Waiting) > 0 || len(report.Rows) != len(numbers) {
					t.Errorf("%d rows gone, report %+v", dropped, report)
				}
			}
			nowhere(t, out, numbers)
			sound(t, out)
			// Again it finds nothing; and compacting afterwards loses nothing.
			if again, err := forgetIn(t.Context(), out, "oubli-2", 0, numbers); err != nil || len(again.Tables)+again.Removed+len(again.Rows) > 0 {
				t.Errorf("again: %+v, %v", again, err)
			}
			publishNight(t, out, 5, 40)
			rows := sorted(rowTexts(t, out, "demande_chf"))
			compactAs(t, out, "c2", 0)
			if got := sorted(rowTexts(t, out, "demande_chf")); !slices.Equal(got, rows) {
				t.Error("compacting afterwards changes rows")
			}
			sound(t, out)
		})
	}
}

func sorted(texts []string) []string {
	slices.Sort(texts)
	return texts
}

func TestFilesWithoutTheNumbersStay(t *testing.T) {
	t.Parallel()
	out := nightsOutput(t, 4, 20)
	before := pathsOf(tableOf(t, out, archiveTable))
	first := numberIn(rowTexts(t, out, archiveTable)[0])
	if _, err := forgetIn(t.Context(), out, "oubli-1", 0, map[string]bool{first: true}); err != nil {
		t.Fatal(err)
	}
	after := pathsOf(tableOf(t, out, archiveTable))
	if slices.Contains(after, before[0]) || !slices.Equal(after[1:], before[1:]) {
		t.Errorf("before %q\nafter %q", before, after)
	}
}

func TestATableThatHasNoOtherRowsIsNoTableAnyMore(t *testing.T) {
	t.Parallel()
	out := nightsOutput(t, 2, 3)
	compactAs(t, out, "c1", time.Hour)
	all := someOf(t, out, 1)
	for _, text := range rowTexts(t, out, "demande_chf") {
		all[numberIn(text)] = true
	}
	if _, err := forgetIn(t.Context(), out, "oubli-1", 0, all); err != nil {
		t.Fatal(err)
	}
	if names, err := out.Tables(); err != nil || len(names) > 0 {
		t.Errorf("tables %q, %v", names, err)
	}
	nowhere(t, out, all)
	sound(t, out)
	publishNight(t, out, 2, 3)
	sound(t, out)
	if rows := tableOf(t, out, "demande_chf").Rows; rows != 3 {
		t.Errorf("%d rows", rows)
	}
}

func TestReplacedFilesWithTheNumbersGoNoLaterThanTheGrace(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	out := nightsOutput(t, 5, 20)
	out.now = func() time.Time { return now }
	numbers := someOf(t, out, 9)
	compactAs(t, out, "c1", 100*time.Hour)
	report, err := forgetIn(t.Context(), out, "oubli-1", 24*time.Hour, numbers)
	if err != nil || len(report.Waiting) < 3 {
		t.Fatalf("%+v, %v", report, err)
	}
	for _, file := range report.Waiting {
		if !file.RemoveAfter.Equal(now.Add(24 * time.Hour)) {
			t.Errorf("%s goes after %v", file.Path, file.RemoveAfter)
		}
	}
	sound(t, out)
	// Asked again before the time, it says the same, and with no grace it removes them; the rest waits for its own time.
	again, err := forgetIn(t.Context(), out, "oubli-2", 24*time.Hour, numbers)
	if err != nil || !slices.Equal(again.Waiting, report.Waiting) {
		t.Errorf("again: %+v, %v", again, err)
	}
	now = now.Add(25 * time.Hour)
	if err := out.tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	nowhere(t, out, numbers)
	compactAs(t, out, "c2", 100*time.Hour)
	more := someOf(t, out, 7)
	if report, err = forgetIn(t.Context(), out, "oubli-3", 0, more); err != nil || len(report.Waiting) > 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	nowhere(t, out, more)
	sound(t, out)
}

// A replay that goes on may have read the rows: it ends first, and what it has written is then looked at too.
func TestAReplacementUnderWayKeepsForgettingOff(t *testing.T) {
	t.Parallel()
	out := nightsOutput(t, 3, 20)
	numbers := someOf(t, out, 9)
	other := reopen(t, out.URI())
	replay, err := other.Replace(t.Context(), replacementInfo("replay-1", 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := forgetIn(t.Context(), out, "oubli-1", 0, numbers); !errors.Is(err, ErrReplacing) {
		t.Fatalf("error %v", err)
	}
	replay.Abort()
	// And forgetting that goes on keeps a replay off.
	begun := make(chan error, 1)
	holds := func(numero string) bool {
		select {
		case begun <- func() error { _, err := other.Replace(t.Context(), replacementInfo("replay-2", 0)); return err }():
		default:
		}
		return numbers[numero]
	}
	if _, err := out.Forget(t.Context(), ForgetOptions{Name: "oubli-2", Mode: "reel", Holds: holds}); err != nil {
		t.Fatal(err)
	}
	if err := <-begun; !errors.Is(err, ErrReplacing) {
		t.Errorf("a replay beside it: %v", err)
	}
	nowhere(t, out, numbers)
	sound(t, out)
}

func TestALotPublishedMeanwhileIsLookedAtToo(t *testing.T) {
	t.Parallel()
	out := nightsOutput(t, 2, 20)
	numbers := someOf(t, nightsOutput(t, 3, 20), 13)
	done := false
	report, err := out.Forget(t.Context(), ForgetOptions{
		Name: "oubli-1", Mode: "reel", Holds: func(numero string) bool { return numbers[numero] },
		Progress: func(int, int) {
			if !done {
				done = true
				publishNight(t, reopen(t, out.URI()), 2, 20)
			}
		},
	})
	if err != nil || !done || len(report.Rows) == 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	nowhere(t, out, numbers)
	sound(t, out)
}

func TestHalfPublishedFilesWithTheNumbersGo(t *testing.T) {
	t.Parallel()
	out := halfPublished(t)
	files, err := dataFiles(t.Context(), out.storage, "")
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]bool{}
	for _, file := range files {
		_, _, err := (&forgetting{output: out, options: ForgetOptions{Holds: func(numero string) bool { numbers[numero] = true; return true }}}).numbersOf(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(files) == 0 || len(numbers) == 0 {
		t.Fatalf("files %q, numbers %v", files, numbers)
	}
	if _, err := forgetIn(t.Context(), out, "oubli-1", 24*time.Hour, numbers); err != nil {
		t.Fatal(err)
	}
	nowhere(t, out, numbers)
}

func TestTombstonesAreKeptOnceAndTakenBack(t *testing.T) {
	t.Parallel()
	out := published(t)
	none := func(string) bool { return false }
	stone := func(text string) Tombstone { return Tombstone{Salt: []byte{1}, Sum: []byte(text)} }
	for i, stones := range [][]Tombstone{{stone("a"), stone("b")}, {stone("b"), stone("c")}, {stone("c")}} {
		if err := out.Remember(t.Context(), fmt.Sprint("oubli-", i), stones, none); err != nil {
			t.Fatal(err)
		}
	}
	texts := func() string {
		all, err := reopen(t, out.URI()).Tombstones(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, one := range all {
			text += string(one.Sum)
		}
		return text
	}
	files, _ := filepath.Glob(filepath.Join(out.URI(), forgottenFolder, "*"))
	if got := texts(); got != "abc" || len(files) != 1 {
		t.Errorf("%q in %q", got, files)
	}
	if err := out.Unforget(t.Context(), "oubli-3", []Tombstone{stone("b"), stone("z")}); err != nil || texts() != "ac" {
		t.Errorf("%q, %v", texts(), err)
	}
	if err := out.Unforget(t.Context(), "oubli-4", []Tombstone{stone("a"), stone("c")}); err != nil || texts() != "" {
		t.Errorf("%q, %v", texts(), err)
	}
	if err := os.WriteFile(filepath.Join(out.URI(), forgottenFolder, "x.json"), []byte(`{"version":1,"sets":[{"salt":"zz","sums":["00"]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Tombstones(t.Context()); err == nil || !strings.Contains(err.Error(), "x.json") {
		t.Errorf("a damaged file: %v", err)
	}
}

// Each operation on the disk fails, or the process is killed at it. The rows are then all there or all gone; forgetting
// again ends it, and no other row is touched.
func TestForgettingHappensWholeOrNotAtAllWhateverFails(t *testing.T) {
	t.Parallel()
	first := nightsOutput(t, 3, 12)
	compactAs(t, first, "c1", 100*time.Hour)
	numbers := someOf(t, first, 11)
	planted := tree(t, first.URI())
	before := map[string][]string{}
	for _, table := range []string{"demande_chf", archiveTable} {
		before[table] = sorted(rowTexts(t, first, table))
	}
	forget := func(root string, d disk, name string) error {
		out, err := open(context.Background(), root, d, time.Now)
		if err != nil {
			return err
		}
		_, err = forgetIn(context.Background(), out, name, 0, numbers)
		return err
	}
	count := &faultyDisk{}
	if err := forget(plant(t, planted), count, "oubli-1"); err != nil {
		t.Fatal(err)
	}
	for at := 1; at <= count.count; at += 2 { // a replacement's own test has them all
		t.Run(fmt.Sprint("step ", at), func(t *testing.T) {
			t.Parallel()
			root := plant(t, planted)
			_ = forget(root, &faultyDisk{at: at, killed: at%3 > 0, landed: at%5 == 0}, "oubli-1") // it may have come far enough
			out := reopen(t, root)
			for table, rows := range before {
				got := sorted(rowTexts(t, out, table))
				if !slices.Equal(got, rows) && !slices.Equal(got, without(rows, numbers)) {
					t.Errorf("%s: %d rows of %d, neither all nor those that stay", table, len(got), len(rows))
				}
			}
			if err := forget(root, &faultyDisk{}, "oubli-2"); err != nil {
				t.Fatal(err)
			}
			out = reopen(t, root)
			for table, rows := range before {
				if got := sorted(rowTexts(t, out, table)); !slices.Equal(got, without(rows, numbers)) {
					t.Errorf("%s in the end: %d rows", table, len(got))
				}
			}
			nowhere(t, out, numbers)
			sound(t, out)
		})
	}
}

func TestADamagedFileKeepsForgettingFromBeingSaidDone(t *testing.T) {
	t.Parallel()
	out := nightsOutput(t, 2, 20)
	path := filepath.Join(out.URI(), pathsOf(tableOf(t, out, archiveTable))[0])
	content, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, content[:len(content)/2], 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := forgetIn(t.Context(), out, "oubli-1", 0, map[string]bool{"NIX": true}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
}

func FuzzForgottenRecordsStayInBounds(f *testing.F) {
	f.Add([]byte(`{"version":1,"oubli":"a","sets":[{"salt":"00","sums":["00","01"]}]}`))
	f.Add([]byte(`{"version":1,"sets":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, content []byte) {
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, forgottenFolder), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, forgottenFolder, "a.json"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		out := &Output{storage: &local{root: root}, now: time.Now}
		all, err := out.Tombstones(t.Context())
		if err != nil {
			return
		}
		var again []Tombstone
		for _, set := range setsOf(all) {
			for range set.Sums {
				again = append(again, Tombstone{})
			}
		}
		if len(again) > len(all) {
			t.Errorf("%d tombstones of %d", len(again), len(all))
		}
	})
}
