package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"omega-export/internal/sink"
)

// TestAKillBetweenTheArchiveAndTheTablesLosesAndDoublesNothing kills the program when the archive has a lot and the output
// has not, which it is kept from; with encryption, the archive's files would have other bytes if they were written again.
func TestAKillBetweenTheArchiveAndTheTablesLosesAndDoublesNothing(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	p := newCanaryPlace(t)
	file := filepath.Join(p.folder, "identity")
	if err := os.WriteFile(file, []byte(identity.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--archive", p.archive, "--archive-recipient", identity.Recipient().String()}

	output, err := sink.Open(t.Context(), p.out)
	if err != nil {
		t.Fatal(err)
	}
	held, err := output.Begin(t.Context(), sink.LotInfo{Name: "held", DateExport: "2026-11-25", Mode: "reel"})
	if err != nil {
		t.Fatal(err)
	}
	run := p.command(p.runArgs(flags...)...)
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); len(lotsOf(t, p.archive)) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			_ = run.Process.Kill()
			t.Fatalf("no lot came into the archive: %s", p.told.String())
		}
	}
	if err := run.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = run.Wait()
	held.Abort()
	if there := lotsOf(t, p.out); len(there) > 0 {
		t.Fatalf("the output has %v already", there)
	}
	// A replay meanwhile takes nothing for published that is not.
	if err := p.command("replay", "--out", p.out, "--archive", p.archive, "--identity-file", file, "--progress", "none").Run(); err != nil {
		t.Logf("a replay of nothing: %v", err)
	}
	p.does(p.runArgs(flags...)...)
	if !strings.Contains(p.told.String(), "calls      0 ") {
		t.Errorf("answers were asked for again: %s", p.told.String())
	}
	for table, want := range map[string]int64{p.archive + " reponses": 18, p.archive + " rejets": 4, p.out + " rejets": 4, p.out + " demande_chf": 8} {
		place, name, _ := strings.Cut(table, " ")
		if rows := pointed(t, place, name); rows != want {
			t.Errorf("%s has %d rows, want %d", table, rows, want)
		}
	}
	p.does("verify", "--deep", "--out", p.out, "--archive", p.archive, "--identity-file", file)
	p.does("replay", "--out", p.out, "--archive", p.archive, "--identity-file", file, "--progress", "none")
	if rows := pointed(t, p.out, "demande_chf"); rows != 8 {
		t.Errorf("after a replay there are %d rows", rows)
	}
}

// lotsOf are an output's commit records.
func lotsOf(t *testing.T, out string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(out, "_lots", "2*.json"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}
