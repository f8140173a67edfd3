package ledger

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// limitFiles lets no file of this process grow beyond so many bytes, as on a full disk; it gives what lifts the limit.
func limitFiles(t *testing.T, bytes uint64) (lift func()) {
	t.Helper()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ) // so that the write fails instead
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
			t.Fatal(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	}
}

func TestAFullDiskIsAnErrorAndTheLedgerGoesOnOnceThereIsSpace(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	run := begin(t, l, Due, begun)
	planned(t, l, run, "A", "B")
	record(t, l, document(1, "before", begun))
	size, err := fileBytes(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}

	lift := limitFiles(t, uint64(size)+256<<10)
	recorded := int64(1)
	for failed := false; !failed; {
		answer := document(1, fmt.Sprint(recorded)+strings.Repeat("x", 50_000), begun)
		if err := l.Record(t.Context(), run, []Answer{answer}); err != nil {
			failed = true
		} else if recorded++; recorded > 1000 {
			lift()
			t.Fatal("the disk is never full")
		}
	}
	// What is there can still be read, and the next write fails as well.
	held, err := l.Status(t.Context(), begun)
	_, _, sealErr := l.Seal(t.Context(), begun)
	again := l.Record(t.Context(), run, []Answer{document(2, strings.Repeat("y", 500_000), begun)})
	lift()
	if err != nil || held.Lots.UnsealedAnswers != recorded {
		t.Errorf("%d answers, want %d (%v)", held.Lots.UnsealedAnswers, recorded, err)
	}
	if again == nil {
		t.Error("recorded on a full disk")
	}
	t.Logf("sealing on the full disk: %v", sealErr) // it needs little, so it may or may not succeed

	record(t, l, document(2, "after", begun))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	held = status(t, l, begun)
	if held.Lots.UnsealedAnswers+held.Lots.WaitingAnswers != recorded+1 || held.NeverAnswered != 0 {
		t.Errorf("after all: %+v, want %d answers", held, recorded+1)
	}
	var verdict string
	if err := l.reader.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity: %s (%v)", verdict, err)
	}
}

// tinyDisk is a folder on a disk of its own, of so many KiB, and what gives the disk more room.
func tinyDisk(t *testing.T, kib int) (dir string, grow func()) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dk", kib)); err != nil {
		t.Skipf("a disk of its own wants root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir, func() {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=50m"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALedgerThatFoundNoRoomIsMadeOnceThereIsSpace(t *testing.T) {
	// Of no room for a page, for the log, for the file beside its log, for the shared memory, and enough for all.
	for _, kib := range []int{8, 60, 124, 140, 160, 200, 216, 240, 400} {
		t.Run(fmt.Sprintf("%dKiB", kib), func(t *testing.T) {
			disk, grow := tinyDisk(t, kib)
			dir := filepath.Join(disk, "state")
			l, err := Open(t.Context(), dir, Options{Mode: "reel"})
			if err == nil {
				_ = l.Close()
			} else if !strings.Contains(err.Error(), "the disk is full") || !strings.Contains(err.Error(), "free space") {
				t.Errorf("it does not say what to do: %v", err)
			}
			grow()
			if l, err = Open(t.Context(), dir, Options{Mode: "reel"}); err != nil {
				t.Fatalf("with space: %v", err)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			for _, left := range []string{".new", ".new-wal", ".new-shm"} {
				if _, err := os.Stat(filepath.Join(dir, fileName+left)); err == nil {
					t.Errorf("%s is left", left)
				}
			}
		})
	}
}
