package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAFullDiskEndsTheRunPlainlyAndLosesNothing fills the disk of the state, or of the output, before the run or in the
// midst of it. The same command must complete once there is room again.
func TestAFullDiskEndsTheRunPlainlyAndLosesNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		disk  func(*place) *string // what lies on the small disk
		after int64                // calls, until the disk is full
		codes []int
		most  int64 // calls beyond one each
	}{
		{"state, from the start", func(p *place) *string { return &p.state }, 0, []int{73, 74}, 0},
		{"state, while the run goes on", func(p *place) *string { return &p.state }, 100, []int{74}, ordealInFlight},
		{"output, from the start", func(p *place) *string { return &p.out }, 0, []int{73, 74}, 0},
		{"output, while the run goes on", func(p *place) *string { return &p.out }, 100, []int{74}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			disk := mounted(t, "-t", "tmpfs", "-o", "size=32m", "tmpfs")
			o := newOrdeal(t, 5)
			*test.disk(o.place) = filepath.Join(disk, "folder")
			var run *running
			if test.after > 0 {
				run = o.start()
				if _, err := o.place.awaitArrivals(test.after, 2*time.Millisecond, run.ended); err != nil {
					t.Fatal(err)
				}
			}
			free := besiege(t, disk)
			if run == nil {
				run = o.start()
			}
			o.endsPlainly(run, test.codes, disk)
			before := o.place.calls()
			free()
			o.completes(1)
			calls := o.place.calls()
			t.Logf("%d calls when the disk was full, %d in all, for %d numbers", before, calls, o.numbers)
			if calls > int64(o.numbers)+test.most {
				t.Errorf("%d calls were spent on %d numbers, want %d more at most", calls, o.numbers, test.most)
			}
			if strings.HasPrefix(test.name, "state, from") && before > 0 {
				t.Errorf("%d calls were made whose answers could not be kept", before)
			}
		})
	}
}

// endsPlainly checks how a run ends for which there is no room.
func (o *ordeal) endsPlainly(run *running, codes []int, disk string) {
	o.t.Helper()
	select {
	case <-run.ended:
	case <-time.After(time.Minute):
		_ = run.command.Process.Kill()
		o.t.Fatalf("the run goes on though its disk is full\n%s", run.log())
	}
	if code := run.command.ProcessState.ExitCode(); !slices.Contains(codes, code) {
		o.t.Errorf("exit %d (%s), want one of %d\n%s", code, run.command.ProcessState, codes, run.log())
	}
	lines := strings.Split(strings.TrimSpace(run.log()), "\n")
	last := lines[len(lines)-1]
	o.t.Logf("the run's last line: %s", last)
	if !regexp.MustCompile(`(?i)no space left|disk is full|disk full`).MatchString(last) {
		o.t.Errorf("the last line does not say that the disk is full: %s", last)
	}
	if !strings.Contains(last, disk) {
		o.t.Errorf("the last line does not say which disk (%s): %s\n%s", disk, last, run.log())
	}
	if text := run.log(); strings.Contains(text, "panic") || strings.Contains(text, "goroutine ") {
		o.t.Errorf("the run broke down: %s", text)
	}
}

func (p *place) calls() int64 {
	p.t.Helper()
	stats, err := p.gateway()
	if err != nil {
		p.t.Fatal(err)
	}
	return stats.Arrivals
}

// mounted mounts something, as the arguments of mount say, and gives where. It takes root, and skips the test without.
func mounted(t *testing.T, arguments ...string) string {
	t.Helper()
	folder := t.TempDir()
	if text, err := exec.Command("mount", append(arguments, folder)...).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a small disk, which takes root (user %d): %v: %s", os.Geteuid(), err, bytes.TrimSpace(text))
	}
	t.Cleanup(func() { unmount(t, "--lazy", folder) })
	return folder
}

// unmount is umount with those arguments. At a test's end it must be lazy: DuckDB opens files in such a way that
// a process which another test starts meanwhile keeps them open.
func unmount(t *testing.T, arguments ...string) {
	t.Helper()
	if text, err := exec.Command("umount", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("umount: %v: %s", err, text)
	}
}

// besiege fills a disk and keeps it full, whatever is freed on it, until it is told to free it.
func besiege(t *testing.T, disk string) (free func()) {
	t.Helper()
	ballast, err := os.Create(filepath.Join(disk, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	if err := fill(ballast); err != nil {
		t.Fatal(err)
	}
	stop, ended := make(chan struct{}), make(chan error)
	go func() {
		for {
			select {
			case <-stop:
				ended <- nil
				return
			case <-time.After(time.Millisecond):
			}
			if err := fill(ballast); err != nil {
				ended <- err
				return
			}
		}
	}()
	return func() {
		close(stop)
		if err := errors.Join(<-ended, ballast.Close(), os.Remove(ballast.Name())); err != nil {
			t.Fatal(fmt.Errorf("filling the disk: %w", err))
		}
	}
}

// fill writes until nothing more fits, not even a page.
func fill(file *os.File) error {
	for size := 1 << 20; size >= 1<<12; {
		_, err := file.Write(make([]byte, size))
		switch {
		case errors.Is(err, syscall.ENOSPC):
			size /= 2
		case err != nil:
			return err
		}
	}
	return nil
}
