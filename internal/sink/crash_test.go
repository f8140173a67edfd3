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
)

// errFault is what the faulty disk fails with.
var errFault = errors.New("the disk failed on purpose")

// hastyDisk does not wait for the disk, which no test of one process can tell from waiting.
type hastyDisk struct{ osDisk }

func (hastyDisk) SyncFolder(string) error { return nil }

func (d hastyDisk) CreateTemp(folder, pattern string) (diskFile, error) {
	file, err := d.osDisk.CreateTemp(folder, pattern)
	if err != nil {
		return nil, err
	}
	return hastyFile{file}, nil
}

type hastyFile struct{ diskFile }

func (hastyFile) Sync() error { return nil }

// plant makes an output of a tree's files, quicker than by publishing.
func plant(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(content, "ROOT", root)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func reopen(t *testing.T, root string) *Output {
	t.Helper()
	out, err := open(context.Background(), root, hastyDisk{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// faultyDisk counts what it is asked to do and fails once, or from then on as if the process had been killed.
type faultyDisk struct {
	hastyDisk
	at     int  // the operation that fails, from 1; 0: none
	landed bool // it is done all the same
	killed bool // nothing is done afterwards
	count  int
	failed string // the operation that failed
}

// do runs one operation, or not.
func (d *faultyDisk) do(name string, operation func() error) error {
	d.count++
	switch {
	case d.at == 0 || d.count < d.at || d.count > d.at && !d.killed:
		return operation()
	case d.count == d.at:
		d.failed = name
		if d.landed {
			_ = operation()
		}
	}
	return errFault
}

func (d *faultyDisk) Mkdir(path string) error {
	return d.do("mkdir", func() error { return d.hastyDisk.Mkdir(path) })
}

func (d *faultyDisk) CreateTemp(folder, pattern string) (diskFile, error) {
	var file diskFile
	err := d.do("create", func() (err error) {
		file, err = d.hastyDisk.CreateTemp(folder, pattern)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &faultyFile{disk: d, diskFile: file}, nil
}

func (d *faultyDisk) Rename(from, to string) error {
	return d.do("rename", func() error { return d.hastyDisk.Rename(from, to) })
}

func (d *faultyDisk) SyncFolder(path string) error {
	return d.do("sync folder", func() error { return d.hastyDisk.SyncFolder(path) })
}

func (d *faultyDisk) Remove(path string) error {
	return d.do("remove", func() error { return d.hastyDisk.Remove(path) })
}

type faultyFile struct {
	diskFile
	disk *faultyDisk
}

// Write leaves half of the bytes when it fails.
func (f *faultyFile) Write(b []byte) (int, error) {
	written := len(b) / 2
	err := f.disk.do("write", func() (err error) {
		written, err = f.diskFile.Write(b)
		return err
	})
	if err != nil && written == len(b)/2 {
		_, _ = f.diskFile.Write(b[:written])
	}
	return written, err
}

func (f *faultyFile) Sync() error { return f.disk.do("sync", f.diskFile.Sync) }

// Close always closes, as the end of a process does.
func (f *faultyFile) Close() error {
	closed := f.diskFile.Close()
	return f.disk.do("close", func() error { return closed })
}

// steps is how many operations it takes to open an output and publish a lot.
func steps(t *testing.T, root, lot string) int {
	t.Helper()
	d := &faultyDisk{}
	out, err := open(context.Background(), root, d, time.Now)
	if err == nil {
		err = publish(out, lot)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d.count
}

// Each operation on the disk fails, either undone or done all the same, or the process is killed before it; then the
// lot is published again, and all is as if nothing had happened.
func TestALotIsPublishedWholeWhateverFails(t *testing.T) {
	t.Parallel()
	before, want := tree(t, published(t, firstLot).URI()), tree(t, published(t, firstLot, secondLot).URI())
	last := steps(t, plant(t, before), secondLot)
	for at := 1; at <= last; at++ {
		for name, d := range map[string]*faultyDisk{
			"undone": {at: at}, "done all the same": {at: at, landed: true}, "killed": {at: at, killed: true},
		} {
			t.Run(fmt.Sprintf("step %d %s", at, name), func(t *testing.T) {
				t.Parallel()
				root := plant(t, before)
				out, err := open(context.Background(), root, d, time.Now)
				if err == nil {
					err = publish(out, secondLot)
				}
				if d.failed == "" {
					t.Fatal("nothing failed")
				}
				// Discarding the probe may fail without harm; everything else is told.
				if err != nil && !errors.Is(err, errFault) || err == nil && d.failed != "remove" && d.failed != "close" {
					t.Fatalf("failed %s: error %v", d.failed, err)
				}
				noHarm(t, root)
				publishAgain(t, root, want)
			})
		}
	}
}

// noHarm sees what a reader sees between a failure and the next run: nothing damaged, nothing pointed to that no
// commit record names, and the first lot as it was.
func noHarm(t *testing.T, root string) {
	t.Helper()
	report, err := Verify(context.Background(), root, VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cutShort := slices.ContainsFunc(report.Problems, func(p Problem) bool { return p.File == intentName })
	for _, left := range report.Left {
		if left.Of == firstLot {
			t.Errorf("between failure and next run: %+v", left)
		}
	}
	for _, problem := range report.Problems {
		left := cutShort && problem.Lot != firstLot && !strings.HasPrefix(problem.Problem, "damaged")
		if !left || strings.HasSuffix(problem.File, ".parquet") {
			t.Errorf("between failure and next run: %+v", problem)
		}
	}
}

func publishAgain(t *testing.T, root string, want map[string]string) {
	t.Helper()
	if err := publish(reopen(t, root), secondLot); err != nil {
		t.Fatal(err)
	}
	if found := difference(tree(t, root), want); found != nil {
		t.Errorf("published again: %v", found)
	}
}

// Within one process the lot can be tried again, unless an fsync failed.
func TestOnlyAFailedSyncEndsTheWriting(t *testing.T) {
	t.Parallel()
	before, want := tree(t, published(t, firstLot).URI()), tree(t, published(t, firstLot, secondLot).URI())
	last := steps(t, plant(t, before), secondLot)
	for at := 1; at <= last; at++ {
		d := &faultyDisk{at: at, landed: at%2 == 0}
		root := plant(t, before)
		out, err := open(context.Background(), root, d, time.Now)
		if err != nil {
			continue // no output to try again with
		}
		if err := publish(out, secondLot); err == nil {
			continue
		}
		err = publish(out, secondLot)
		if strings.HasPrefix(d.failed, "sync") {
			if !errors.Is(err, ErrOutput) || !errors.Is(err, errFault) {
				t.Errorf("step %d, %s failed: tried again, the error is %v", at, d.failed, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("step %d, %s failed: tried again, the error is %v", at, d.failed, err)
		}
		reopen(t, root) // sweeps
		if found := difference(tree(t, root), want); found != nil {
			t.Errorf("step %d, %s failed: tried again: %v", at, d.failed, found)
		}
	}
}

// A lot killed between record and pointers is pointed to before the next lot, though nobody asks for it.
func TestTheNextLotEndsWhatAKilledOneBegan(t *testing.T) {
	t.Parallel()
	want := tree(t, published(t, firstLot, secondLot).URI())
	empty := tree(t, published(t).URI())
	// Backwards from the last step, as long as the first lot is published.
	for at := steps(t, plant(t, empty), firstLot); ; at-- {
		root := plant(t, empty)
		d := &faultyDisk{at: at, killed: true}
		out, err := open(context.Background(), root, d, time.Now)
		if err == nil {
			err = publish(out, firstLot)
		}
		if _, gone := os.Stat(filepath.Join(root, recordName(firstLot))); gone != nil {
			break
		}
		if err := publish(reopen(t, root), secondLot); err != nil {
			t.Fatal(err)
		}
		if found := difference(tree(t, root), want); found != nil {
			t.Errorf("killed at step %d (%s, error %v): %v", at, d.failed, err, found)
		}
	}
}
