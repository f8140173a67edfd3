package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestANightlyRunGoesBeforeABackfill starts a backfill, then a run of higher priority on the same ledger.
func TestANightlyRunGoesBeforeABackfill(t *testing.T) {
	t.Parallel()
	p := served(t, "--gateway", "bucket", "--rate", "20", "--burst", "5", "--latency", "20ms")
	list := func(name string, from, to int) string {
		var text bytes.Buffer
		for i := from; i < to; i++ {
			fmt.Fprintf(&text, "N%05d\n", i)
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	backfill := p.command("--list", list("backfill.txt", 0, 400), "--rate", "20")
	var told bytes.Buffer
	backfill.Stdout, backfill.Stderr = &told, &told
	if err := backfill.Start(); err != nil {
		t.Fatal(err)
	}
	for p.stats().Arrivals < 40 {
		time.Sleep(5 * time.Millisecond) // waits for the other process's work
	}
	before := p.stats().Documents
	p.run(0, "--list", list("nightly.txt", 390, 490), "--rate", "20", "--priority", "1") // ten numbers of both lists
	between := p.stats().Documents - before
	if code := exitOf(t, backfill.Wait()); code != 0 {
		t.Fatalf("the backfill ends with %d\n%s", code, told.String())
	}
	// Its own hundred, and what the backfill had in flight or got in before the nightly run was there.
	t.Logf("%d documents came while the nightly run of 100 went on", between)
	if between > 140 {
		t.Errorf("the backfill went on beside the nightly run: %d documents came", between)
	}
	if stats := p.stats(); stats.Documents != 490 || stats.Distinct != 490 {
		t.Errorf("%d documents for %d numbers, want each of 490 once", stats.Documents, stats.Distinct)
	}
	p.verify()
}
