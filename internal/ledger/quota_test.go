package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func openQuota(t testing.TB, dir, key string, priority int) *Quota {
	t.Helper()
	quota, err := OpenQuota(dir, key, priority)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = quota.Close() })
	return quota
}

func enter(t testing.TB, quota *Quota) kept {
	t.Helper()
	lastWrite, margin, resume, err := quota.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return kept{lastWrite, margin, resume}
}

func leave(t testing.TB, quota *Quota) {
	t.Helper()
	if err := quota.Leave(); err != nil {
		t.Fatal(err)
	}
}

// gateFile is the file that keeps, of the only quota of a folder.
func gateFile(t testing.TB, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, quotaPrefix+"*"+gateSuffix))
	if err != nil || len(paths) != 1 {
		t.Fatal(paths, err)
	}
	return paths[0]
}

func TestWhatAGateKeepsIsGivenToTheNext(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "état [1] *")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for name, k := range map[string]kept{
		"all":             {now.Add(-time.Second).Round(0), 2345678, now.Add(5 * time.Minute).Round(0)},
		"nothing to wait": {now.Round(0), 0, time.Time{}},
		"a minute ahead":  {now.Add(clockSlack - time.Second).Round(0), time.Hour, time.Time{}},
		"long ago":        {time.Unix(1, 1), 1, time.Unix(2, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			first, next := openQuota(t, dir, "client", 0), openQuota(t, dir, "client", 3)
			enter(t, first)
			if err := first.Keep(k.lastWrite, k.margin, k.resume); err != nil {
				t.Fatal(err)
			}
			leave(t, first)
			if got := enter(t, next); got != k {
				t.Errorf("got %v, want %v", got, k)
			}
			leave(t, next)
		})
	}
}

func TestWhatCannotBeReadCountsAsACallJustMade(t *testing.T) {
	good := string(kept{time.Now().Add(-time.Hour), time.Second, time.Now().Add(time.Hour)}.encode())
	ahead := string(kept{time.Now().Add(clockSlack + time.Hour), 7, time.Now().Add(24 * time.Hour)}.encode())
	flipped := strings.Replace(good, "1", "2", 3)
	for name, test := range map[string]struct {
		content string
		want    kept // but for the last write
	}{
		"never written":               {"", kept{}},
		"torn":                        {good[:50], kept{}},
		"torn at its end":             {good[:keptLength-2] + "\x00\x00", kept{}},
		"garbage":                     {strings.Repeat("\xa5", 4096), kept{}},
		"zeros":                       {strings.Repeat("\x00", keptLength), kept{}},
		"another number":              {flipped, kept{}},
		"from a wrong clock":          {ahead, kept{margin: 7}},
		"no write, but a Retry-After": {string(kept{resume: time.Unix(5, 0)}.encode()), kept{resume: time.Unix(5, 0)}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			quota := openQuota(t, dir, "client", 0)
			if err := os.WriteFile(gateFile(t, dir), []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			before := time.Now().Round(0)
			got := enter(t, quota)
			if got.lastWrite.Before(before) || got.lastWrite.After(time.Now()) {
				t.Errorf("the last write was %s, want now", got.lastWrite)
			}
			got.lastWrite = time.Time{}
			if got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func FuzzAGateFileIsReadBackOrRefused(f *testing.F) {
	f.Add(kept{time.Unix(1764000000, 5), time.Second, time.Unix(1764000001, 0)}.encode())
	f.Add([]byte("omega-quota 1 -00000000000000001 +1"))
	f.Fuzz(func(t *testing.T, line []byte) {
		k, err := decodeKept(line)
		if err == nil && string(k.encode()) != string(line) {
			t.Errorf("%q is read as %v", line, k)
		}
		if k.margin < 0 {
			t.Errorf("%q has a margin of %s", line, k.margin)
		}
	})
}

func TestNoFileNamesTheKeyAndOnlyItsOwnerReadsThem(t *testing.T) {
	dir := t.TempDir()
	const key = "0oa1secretclient"
	quota := openQuota(t, dir, key, -2)
	enter(t, quota)
	if err := quota.Keep(time.Now(), time.Second, time.Time{}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Fatal(entries, err)
	}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil || strings.Contains(entry.Name()+string(content), key) {
			t.Errorf("%s holds %q (%v)", entry.Name(), content, err)
		}
		if info, err := entry.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v (%v)", entry.Name(), info.Mode(), err)
		}
	}
}

func TestTheQuotasOfTwoKeysDoNotHinderEachOther(t *testing.T) {
	dir := t.TempDir()
	enter(t, openQuota(t, dir, "one", 0))
	enter(t, openQuota(t, dir, "other", 0))
}

func TestOutsideTheGateNothingIsKept(t *testing.T) {
	quota := openQuota(t, t.TempDir(), "client", 0)
	if err := quota.Keep(time.Now(), 0, time.Time{}); !errors.Is(err, errOutside) {
		t.Errorf("kept: %v", err)
	}
	if err := quota.Leave(); !errors.Is(err, errOutside) {
		t.Errorf("left: %v", err)
	}
}

func TestWaitingEndsWithItsContextAndLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	for name, priorities := range map[string][2]int{"for an equal": {0, 0}, "for a higher": {5, 0}, "for a lower": {0, 5}} {
		t.Run(name, func(t *testing.T) {
			inside, waiting := openQuota(t, dir, "client", priorities[0]), openQuota(t, dir, "client", priorities[1])
			enter(t, inside)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, _, _, err := waiting.Enter(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("entered: %v", err)
			}
			leave(t, inside)
			within, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			for _, quota := range []*Quota{inside, waiting} {
				if _, _, _, err := quota.Enter(within); err != nil {
					t.Fatalf("the gate is shut: %v", err)
				}
				leave(t, quota)
			}
		})
	}
}

// enterForEver goes through the gate for ever, and tells what it does: see visitor.
func enterForEver(ctx context.Context, dir string) error {
	var priority, holdMillis int
	if _, err := fmt.Sscan(os.Getenv(quotaHow), &priority, &holdMillis); err != nil {
		return err
	}
	quota, err := OpenQuota(dir, "client", priority)
	if err != nil {
		return err
	}
	for {
		last, _, _, err := quota.Enter(ctx)
		if err != nil {
			return err
		}
		entered := time.Now()
		// Kept at once, so that a kill inside leaves the mark of the one that was killed.
		if err := quota.Keep(entered, time.Duration(os.Getpid()), time.Time{}); err != nil {
			return err
		}
		fmt.Println(entered.UnixNano(), last.UnixNano())
		time.Sleep(time.Duration(holdMillis) * time.Millisecond)
		fmt.Println(time.Now().UnixNano(), 0)
		if err := quota.Leave(); err != nil {
			return err
		}
	}
}

// quotaHow names the variable that holds a visitor's priority and how many milliseconds it stays inside.
const quotaHow = "LEDGER_QUOTA_HOW"

// visitor is another process that goes through the gate.
type visitor struct {
	command *exec.Cmd
	output  *bufio.Reader
}

// stay is a time that a visitor was inside.
type stay struct{ from, to, last time.Time }

func visit(t *testing.T, dir string, priority, holdMillis int) *visitor {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{command: exec.Command(binary)}
	v.command.Env = append(os.Environ(), quotaDir+"="+dir, fmt.Sprintf("%s=%d %d", quotaHow, priority, holdMillis))
	output, err := v.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	v.output = bufio.NewReader(output)
	if err := v.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.kill() })
	return v
}

// enters waits until the visitor is inside.
func (v *visitor) enters(t *testing.T) {
	t.Helper()
	if line, err := v.output.ReadString('\n'); err != nil || strings.HasPrefix(line, "failed") {
		t.Fatal(line, err)
	}
}

// kill ends the visitor, wherever it is, and gives the stays that it told of since. One that the kill cut ends then.
func (v *visitor) kill() []stay {
	if v.command.ProcessState != nil {
		return nil
	}
	_ = v.command.Process.Kill()
	killed := time.Now()
	var stays []stay
	for {
		var stamp, last int64
		line, err := v.output.ReadString('\n')
		if err != nil {
			break
		}
		if _, err := fmt.Sscan(line, &stamp, &last); err != nil {
			break
		}
		switch {
		case last > 0:
			stays = append(stays, stay{from: time.Unix(0, stamp), to: killed, last: time.Unix(0, last)})
		case len(stays) > 0:
			stays[len(stays)-1].to = time.Unix(0, stamp)
		}
	}
	_ = v.command.Wait() // it was killed
	return stays
}

func apart(t *testing.T, one, other []stay) {
	t.Helper()
	for _, a := range one {
		for _, b := range other {
			if a.from.Before(b.to) && b.from.Before(a.to) {
				t.Fatalf("two are inside at once: %v and %v", a, b)
			}
		}
	}
}

func TestTwoProcessesTakeTurns(t *testing.T) {
	dir := t.TempDir()
	a, b := visit(t, dir, 0, 10), visit(t, dir, 0, 10)
	a.enters(t)
	b.enters(t)
	time.Sleep(time.Second)
	aStays, bStays := a.kill(), b.kill()
	apart(t, aStays, bStays)
	all := len(aStays) + len(bStays)
	share := float64(len(aStays)) / float64(all)
	t.Logf("%d and %d stays of 10 ms in a second", len(aStays), len(bStays))
	if share < 0.4 || share > 0.6 || all < 20 {
		t.Errorf("one got %.2f of %d stays", share, all)
	}
}

func TestAHigherPriorityGoesFirstAndTheLowerFollowsSoon(t *testing.T) {
	dir := t.TempDir()
	lower := visit(t, dir, 0, 10)
	lower.enters(t)
	higher := visit(t, dir, 10, 10)
	higher.enters(t)
	came := time.Now()
	time.Sleep(500 * time.Millisecond)
	gone := time.Now()
	higherStays := higher.kill()
	time.Sleep(500 * time.Millisecond)
	lowerStays := lower.kill()
	apart(t, lowerStays, higherStays)
	between, follows := 0, time.Time{}
	for _, stay := range lowerStays {
		switch {
		case stay.from.After(gone):
			if follows.IsZero() {
				follows = stay.from
			}
		case stay.from.After(came):
			between++
		}
	}
	t.Logf("the higher had %d stays, the lower %d beside it and the next %s after it", len(higherStays), between, follows.Sub(gone))
	// A turn that the lower had begun to take counts as one.
	if between > 1 || len(higherStays) < 20 {
		t.Errorf("the lower had %d stays while the higher had %d", between, len(higherStays))
	}
	// 100 ms on a quiet machine.
	if follows.IsZero() || follows.Sub(gone) > 300*time.Millisecond {
		t.Errorf("the lower goes on after %s", follows.Sub(gone))
	}
}

func TestAKillInsideTheGateOpensItAndLeavesWhatWasKept(t *testing.T) {
	dir := t.TempDir()
	next := openQuota(t, dir, "client", 0)
	for range 5 {
		killed := visit(t, dir, 0, 60_000)
		killed.enters(t)
		pid := killed.command.Process.Pid
		entered := make(chan kept, 1)
		go func() {
			lastWrite, margin, resume, err := next.Enter(t.Context())
			if err != nil {
				t.Error(err)
			}
			entered <- kept{lastWrite, margin, resume}
		}()
		select {
		case <-entered:
			t.Fatal("two are inside")
		case <-time.After(20 * time.Millisecond):
		}
		killed.kill()
		select {
		case got := <-entered:
			if got.margin != time.Duration(pid) || time.Since(got.lastWrite) > 10*time.Second {
				t.Errorf("got %v, want what process %d kept", got, pid)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("the gate stays shut")
		}
		leave(t, next)
	}
}
