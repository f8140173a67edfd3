package sink

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// leftOf are the problems and what is left of an output, as seen some time from now.
func leftOf(t *testing.T, root string, later time.Duration) (problems, left []string) {
	t.Helper()
	report, err := verifyAt(t.Context(), root, VerifyOptions{}, time.Now().Add(later))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range report.Problems {
		problems = append(problems, problem.File+": "+problem.Problem)
	}
	for _, file := range report.Left {
		left = append(left, file.File+" of "+file.Of)
		if ends := time.Until(file.RemovedAfter); file.File != intentName && (ends > abandonedAfter || ends < abandonedAfter-time.Minute) {
			t.Errorf("%s is removed after %v", file.File, ends)
		}
	}
	return problems, left
}

func TestWhatAKilledPublicationLeftIsNoDamageForADay(t *testing.T) {
	out := published(t, firstLot)
	l, err := out.Begin(t.Context(), infoOf(secondLot))
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range contentsOf(secondLot) {
		if err := content.write(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	l.Abort()
	data := dataName("demande_chf", "2026-11-24", secondLot)
	problems, left := leftOf(t, out.URI(), 23*time.Hour)
	if len(problems) > 0 || len(left) != 3 || !slices.Contains(left, data+" of "+secondLot) || !slices.Contains(left, intentName+" of "+secondLot) {
		t.Errorf("after 23 hours: problems %q, left %q", problems, left)
	}
	problems, left = leftOf(t, out.URI(), 25*time.Hour)
	if len(problems) != 2 || !strings.HasPrefix(problems[0], data+": foreign: its publication was cut short more than 24h") || len(left) != 1 {
		t.Errorf("after 25 hours: problems %q, left %q", problems, left)
	}
	if err := publish(out, secondLot); err != nil {
		t.Fatal(err)
	}
	sound(t, out)
}

// Of a file that stands without a record, it is damage if it was published, or if no publication of ours made it.
func TestOnlyWhatWasNeverPublishedIsLeft(t *testing.T) {
	of := func(name string) func(string) error {
		return func(root string) error {
			path := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				return err
			}
			return os.WriteFile(path, []byte("PAR1"), 0o600)
		}
	}
	gone := func(name string) func(string) error {
		return func(root string) error { return os.Remove(filepath.Join(root, name)) }
	}
	data := dataName("demande_chf", "2026-11-23", firstLot)
	tests := map[string]struct {
		change func(root string) error
		file   string
		left   bool
	}{
		"a lot's whose host was killed":     {of(dataName("demande_chf", "2026-11-23", "dead")), dataName("demande_chf", "2026-11-23", "dead"), true},
		"a replacement's that was given up": {of(replacementDataName("demande_chf", "2026-11-23", "r9", 1)), replacementDataName("demande_chf", "2026-11-23", "r9", 1), true},
		"a compaction's that was given up":  {of(compactDataName("demande_chf", "c9", 1)), compactDataName("demande_chf", "c9", 1), true},
		"a published lot's on another day":  {of(dataName("demande_chf", "2026-11-29", firstLot)), dataName("demande_chf", "2026-11-29", firstLot), false},
		"somebody's copy":                   {of("demande_chf/copy.parquet"), "demande_chf/copy.parquet", false},
		"somebody's folder":                 {of("Ventes/2026.parquet"), "Ventes/2026.parquet", false},
		"one whose record was lost":         {gone(recordName(firstLot)), data, false},
		"one whose record cannot be read": {func(root string) error {
			return os.WriteFile(filepath.Join(root, recordName(firstLot)), []byte("["), 0o600)
		}, data, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := published(t, firstLot, secondLot).URI()
			if err := test.change(root); err != nil {
				t.Fatal(err)
			}
			problems, left := leftOf(t, root, 0)
			is := func(told string) bool { return strings.HasPrefix(told, test.file+" of ") }
			foreign := func(told string) bool { return strings.HasPrefix(told, test.file+": foreign") }
			if slices.ContainsFunc(left, is) != test.left || slices.ContainsFunc(problems, foreign) == test.left || test.left && len(problems) > 0 {
				t.Errorf("problems %q, left %q", problems, left)
			}
		})
	}
}
