//go:build unix

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The keys of these tests, and of nothing else.
const (
	vaultRecipient = "age1fz6aytrj5qwlmsuqu6d8suk9klte2vyn72a3lxgprcl4avu6hydsp2mk7k"
	vaultIdentity  = "AGE-SECRET-KEY-1EVGEXFT03XTS2ZXSH4UJJQKLM4LVWX4ZYCWK86WN4WJLCRRP04ZQVGGWC5"
)

// vault is an output whose answers are elsewhere: those of two nights are not, those of three are and can be read, and
// those of the others are encrypted.
type vault struct {
	*place
	archive, identity string
}

func newVault(t *testing.T, sealedNights int) *vault {
	t.Helper()
	folder := t.TempDir()
	v := &vault{
		place:   &place{t: t, out: filepath.Join(folder, "out"), state: filepath.Join(folder, "state")},
		archive: filepath.Join(folder, "archive"), identity: filepath.Join(folder, "identity"),
	}
	if err := os.WriteFile(v.identity, []byte(vaultIdentity), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{
		{"-nights", "2"},
		{"-first", "2", "-nights", "3", "-archive", v.archive},
		{"-first", "5", "-nights", fmt.Sprint(sealedNights), "-archive", v.archive, "-recipient", vaultRecipient},
	} {
		if text, err := nights(t, v.out, flags...).CombinedOutput(); err != nil {
			t.Fatalf("nights: %v\n%s", err, text)
		}
	}
	return v
}

// with is a command on the output and its archive.
func (v *vault) with(args ...string) []string {
	return append(args, "--out", v.out, "--archive", v.archive)
}

// deep verifies every row against its answer, and gives how many there are.
func (v *vault) deep() string {
	v.t.Helper()
	return firstGroup(`(\d+) rows compared with`, []byte(does(v.t, v.with("verify", "--deep", "--identity-file", v.identity)...)))
}

// rebuilt makes a ledger of the output and its archive, and gives how many numbers it knows.
func (v *vault) rebuilt(state string) string {
	v.t.Helper()
	return firstGroup(`numbers +(\d+)\n`, []byte(does(v.t, v.with("state", "rebuild", "--state", state, "--progress", "none")...)))
}

// found is where numbers stand in the output, the archive or the ledger, in what is not encrypted.
func (v *vault) found(numbers []string) []string {
	v.t.Helper()
	return append(v.foundAnywhere(numbers), (&place{t: v.t, out: v.archive, state: v.state}).foundAnywhere(numbers)...)
}

func TestAnArchiveElsewhereIsCompactedReplayedAndForgottenIn(t *testing.T) {
	t.Parallel()
	v := newVault(t, 5)
	rows, deep := typedRows(t, v.out), v.deep()
	numbers := v.rebuilt(v.state)
	if numbers != fmt.Sprint(23*nightDemandes) {
		t.Fatalf("the ledger has %s numbers", numbers)
	}
	same := func(after string) {
		t.Helper()
		if now := typedRows(t, v.out); now != rows {
			t.Fatalf("after %s: %s", after, firstDifference(now, rows))
		}
		if now := v.deep(); now != deep {
			t.Errorf("after %s %s rows are compared, there were %s", after, now, deep)
		}
	}
	// Compacting needs no key, and of the archive nothing but the answers.
	if text := does(t, v.with("compact", "--grace", "0s", "--progress", "none")...); strings.Count(text, "tables are compacted") != 2 {
		t.Errorf("compact: %s", text)
	}
	same("compact")
	does(t, v.with("replay", "--grace", "0s", "--progress", "none", "--identity-file", v.identity)...)
	same("replay")
	if now := v.rebuilt(v.state + "-compact"); now != numbers {
		t.Errorf("a ledger that is made anew has %s numbers, not %s", now, numbers)
	}

	gone := []string{"N-CHF-00000", "N-CHF-00007", "N-MES-00019"}
	before := v.snapshot()
	text := does(t, v.with("forget", "--state", v.state, "--grace", "0s", "--progress", "none", gone[0], gone[1], gone[2])...)
	if strings.Count(text, "\nIn ") != 2 || strings.Contains(text, "found nowhere") {
		t.Errorf("forget: %s", text)
	}
	if found := v.found(gone); len(found) > 0 {
		t.Errorf("they stand in:\n%s", strings.Join(found, "\n"))
	}
	v.rowsBut(before, gone)
	rows, deep = typedRows(t, v.out), v.deep()
	if now := v.rebuilt(v.state + "-after"); now != fmt.Sprint(23*nightDemandes-3) {
		t.Errorf("a ledger that is made anew has %s numbers", now)
	}
	for range 2 {
		does(t, v.with("replay", "--grace", "0s", "--progress", "none", "--identity-file", v.identity)...)
		same("forget and replay")
		does(t, v.with("compact", "--grace", "0s", "--progress", "none")...)
		same("forget and compact")
	}
	if found := v.found(gone); len(found) > 0 {
		t.Errorf("they came back in:\n%s", strings.Join(found, "\n"))
	}
}

// TestForgettingKilledBetweenTheArchiveAndTheTablesIsEnded kills it when the archive has forgotten and the tables, which it
// is kept from, have not.
func TestForgettingKilledBetweenTheArchiveAndTheTablesIsEnded(t *testing.T) {
	t.Parallel()
	v := newVault(t, 3)
	v.rebuilt(v.state)
	before := v.snapshot()
	gone := []string{"N-CHF-00001", "N-MES-00002"}
	forget := v.with("forget", "--state", v.state, "--grace", "0s", "--progress", "none", gone[0], gone[1])
	command := exec.Command(binary, forget...)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	until := func(what, pattern string) {
		t.Helper()
		for begun := time.Now(); ; time.Sleep(time.Millisecond) {
			if found, _ := filepath.Glob(pattern); len(found) > 0 {
				return
			}
			if time.Since(begun) > time.Minute {
				_ = command.Process.Kill()
				t.Fatalf("%s does not come", what)
			}
		}
	}
	until("what is remembered", filepath.Join(v.out, "_oublis", "*"))
	lock := locked(t, filepath.Join(v.out, "_lots", ".lock"))
	until("the archive's record", filepath.Join(v.archive, "_replacements", "oubli-*.json"))
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	_ = lock.Close()
	if found, _ := filepath.Glob(filepath.Join(v.out, "_replacements", "oubli-*.json")); len(found) > 0 {
		t.Fatalf("the tables have forgotten already: %q", found)
	}

	// Until it is run again, the tables have rows whose answers are gone, and no replay takes them for too many.
	text, err := exec.Command(binary, v.with("verify", "--deep", "--identity-file", v.identity)...).CombinedOutput()
	if code := exitOf(t, err); code != 65 || !strings.Contains(string(text), "have no raw answer in the archive") {
		t.Errorf("verify exits %d: %s", code, text)
	}
	text, err = exec.Command(binary, v.with("replay", "--progress", "none", "--identity-file", v.identity)...).CombinedOutput()
	if code := exitOf(t, err); code != 65 || !strings.Contains(string(text), "nothing was replaced") {
		t.Errorf("replay exits %d: %s", code, text)
	}
	does(t, forget...)
	if found := v.found(gone); len(found) > 0 {
		t.Errorf("they stand in:\n%s", strings.Join(found, "\n"))
	}
	v.rowsBut(before, gone)
	v.deep()
	if text := does(t, forget...); !strings.Contains(text, "Nothing was found of these numbers") {
		t.Errorf("again: %s", text)
	}
}

// locked holds an output's lock of publications.
func locked(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return file
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			t.Fatal(err)
		}
	}
}
