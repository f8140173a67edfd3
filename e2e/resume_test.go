package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestARunKilledInTheMiddleGoesOnAndEndsWithTheSameTables(t *testing.T) {
	t.Parallel()
	// One call at a time, so that a kill can lose one answer at most and the lots are the same; small lots, so that a kill
	// also falls into publishing.
	flags := []string{"--list", "../testdata/numeros.txt", "--max-in-flight", "1", "--lot-answers", "40"}
	whole := served(t, "--rate", "200", "--latency", "10ms")
	whole.run(0, append(flags, "--rate", "200")...)
	want := contents(t, views(t, whole.out))

	p := served(t, "--rate", "100", "--latency", "10ms")
	random := rand.New(rand.NewPCG(1, 2))
	const kills = 6
	for range kills {
		command := p.command(append(flags, "--rate", "100")...)
		var text bytes.Buffer
		command.Stderr = &text
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		before := p.stats().Arrivals
		wanted := before + 5 + random.Int64N(80)
		for tries := 0; p.stats().Arrivals < wanted; tries++ {
			time.Sleep(5 * time.Millisecond) // waits for the other process's work, which no fake clock drives
			if tries > 4000 {
				t.Fatalf("the run makes no calls\n%s", text.String())
			}
		}
		if err := command.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatalf("the run ended before it was killed: %v\n%s", err, text.String())
		}
		_ = command.Wait()
	}
	p.run(0, append(flags, "--rate", "100")...)
	p.verify()
	if got := contents(t, views(t, p.out)); got != want {
		t.Error("the tables differ from those of a run that was not killed")
	}
	stats := p.stats()
	if stats.Distinct != 460 || stats.Documents > 460+kills {
		t.Errorf("%d documents were given for %d numbers, with %d kills", stats.Documents, stats.Distinct, kills)
	}
	if stats.Refused > 0 {
		t.Errorf("%d calls were refused", stats.Refused)
	}
	t.Logf("%d documents asked for %d numbers over %d kills", stats.Documents, stats.Distinct, kills)
}

func TestAMillionNumbersArePlannedInLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("a million numbers")
	}
	list := filepath.Join(t.TempDir(), "list.gz")
	file, err := os.Create(list)
	if err != nil {
		t.Fatal(err)
	}
	zipped := gzip.NewWriter(file)
	for i := range 1_000_000 {
		fmt.Fprintf(zipped, "WD%07d\n", i)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	p := served(t, "--latency", "1ms")
	for _, what := range []string{"first plan", "planned again"} {
		command := p.command("--list", list, "--max-calls", "1")
		var text bytes.Buffer
		command.Stdout, command.Stderr = &text, &text
		begun := time.Now()
		if code := exitOf(t, command.Run()); code != 75 {
			t.Fatalf("exit %d\n%s", code, text.String())
		}
		peak := command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
		t.Logf("%s: %s to the end of the first call, %d MiB at most", what, time.Since(begun).Round(time.Millisecond), peak)
		if peak >= 200 {
			t.Errorf("%s: the run took %d MiB", what, peak)
		}
	}
	if arrivals := p.stats().Arrivals; arrivals != 2 {
		t.Errorf("%d calls arrived", arrivals)
	}
}

func TestASignalEndsTheRunCleanly(t *testing.T) {
	t.Parallel()
	p := served(t, "--rate", "50", "--latency", "300ms")
	command := p.command("--list", "../testdata/numeros.txt", "--rate", "50")
	var text bytes.Buffer
	command.Stdout, command.Stderr = &text, &text
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for p.stats().Arrivals < 60 {
		time.Sleep(5 * time.Millisecond) // waits for the other process's work
	}
	begun := time.Now()
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := exitOf(t, command.Wait()); code != 75 {
		t.Fatalf("exit %d\n%s", code, text.String())
	}
	t.Logf("ended %s after SIGTERM", time.Since(begun).Round(time.Millisecond))
	p.verify()
	stats := p.stats()
	if got := count(t, views(t, p.out), "SELECT count(*) FROM reponses"); got != stats.Documents || got < 50 {
		t.Errorf("%d answers are published of %d given", got, stats.Documents)
	}
	p.run(0, "--list", "../testdata/numeros.txt", "--rate", "50")
	if stats := p.stats(); stats.Documents != 460 || stats.Distinct != 460 {
		t.Errorf("%d documents were asked for %d numbers", stats.Documents, stats.Distinct)
	}
}
