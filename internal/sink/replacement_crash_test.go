package sink

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// replaceOn replaces the tables of an output on a disk; a lot is published meanwhile, by a process whose disk is good.
func replaceOn(t *testing.T, root string, d disk, name string) error {
	out, err := open(context.Background(), root, d, time.Now)
	if err != nil {
		return err
	}
	return replaceAs(out, replacementInfo(name, 0), func() error { publishLate(t, root); return nil }, firstLot, secondLot)
}

func publishLate(t *testing.T, root string) {
	t.Helper()
	if err := publishAs(reopen(t, root), infoOf(lateLot), lateContents()...); err != nil && !errors.Is(err, ErrPublished) {
		t.Fatal(err)
	}
}

// Each operation on the disk fails, or the process is killed at it; it is undone, or done all the same. The tables are then all the old ones or all the new ones, and the lot that came meanwhile is in them either way.
func TestAReplacementHappensWholeOrNotAtAllWhateverFails(t *testing.T) {
	t.Parallel()
	before := tree(t, published(t, firstLot, secondLot).URI())
	count := &faultyDisk{}
	if err := replaceOn(t, plant(t, before), count, "r1"); err != nil {
		t.Fatal(err)
	}
	for at := 1; at <= count.count; at++ {
		// By turns, since a lot's test has them all.
		for name, d := range map[string]*faultyDisk{
			"failed": {at: at, landed: at%6 == 0}, "killed": {at: at, killed: true, landed: at%4 == 0},
		} {
			if !d.killed && at%3 > 0 {
				continue
			}
			t.Run(fmt.Sprintf("step %d %s", at, name), func(t *testing.T) {
				t.Parallel()
				root := plant(t, before)
				err := replaceOn(t, root, d, "r1")
				if d.failed == "" {
					t.Fatal("nothing failed")
				}
				if err != nil && !errors.Is(err, errFault) || err == nil && d.failed != "remove" && d.failed != "close" && !strings.HasPrefix(d.failed, "sync folder") {
					t.Fatalf("failed %s: error %v", d.failed, err)
				}
				betweenKillAndNextRun(t, root)
				publishLate(t, root)
				replaced := afterRecovery(t, root)
				if err == nil && !replaced {
					t.Error("it was said to have happened, and has not")
				}
				if at%5 > 0 {
					return
				}
				// What failed can be done again, under another name.
				replace(t, reopen(t, root), "r2", 0)
				sound(t, reopen(t, root))
			})
		}
	}
}

// betweenKillAndNextRun sees that nothing is damaged or lost before anybody has put anything right.
func betweenKillAndNextRun(t *testing.T, root string) {
	t.Helper()
	for _, problem := range verify(t, root).Problems {
		for _, harmless := range []string{"the publication of the replacement was cut short", "run again", "which was replaced", "it does not follow", "the next lot writes it anew"} {
			if strings.Contains(problem.Problem, harmless) {
				problem.Problem = ""
			}
		}
		if problem.Problem != "" {
			t.Errorf("between failure and next run: %+v", problem)
		}
	}
}

// afterRecovery says whether the tables are the new ones.
func afterRecovery(t *testing.T, root string) (replaced bool) {
	t.Helper()
	out := reopen(t, root)
	sound(t, out)
	onlyPointed(t, out)
	anew := map[bool]int{}
	for name, rows := range map[string]int64{"demande_chf": 4, "demande_mes": 1} {
		table := tableOf(t, out, name)
		if table.Rows != rows {
			t.Errorf("%s has %d rows, want %d", name, table.Rows, rows)
		}
		for _, file := range table.Files {
			anew[file.Lot == "r1"]++
		}
	}
	if table := tableOf(t, out, archiveTable); table.Rows != 3 {
		t.Errorf("the archive has %d rows, want 3", table.Rows)
	}
	if anew[true] > 0 && anew[false] > 0 {
		t.Errorf("files of old and of new tables: %v", anew)
	}
	return anew[true] > 0
}

// The next lot, too, ends what a killed replacement had committed.
func TestTheNextLotEndsACommittedReplacement(t *testing.T) {
	t.Parallel()
	before := tree(t, published(t, firstLot, secondLot).URI())
	count := &faultyDisk{}
	if err := replaceOn(t, plant(t, before), count, "r1"); err != nil {
		t.Fatal(err)
	}
	ended := 0
	for at := count.count; ; at -= 3 {
		root := plant(t, before)
		waiting := reopen(t, root) // which saw nothing to put right
		_ = replaceOn(t, root, &faultyDisk{at: at, killed: true}, "r1")
		if _, err := readReplacement(context.Background(), waiting.storage, "r1"); err != nil {
			break
		}
		info := infoOf(lateLot)
		info.Name += "-next"
		if err := publishAs(waiting, info, lateContents()...); err != nil {
			t.Fatal(err)
		}
		table := tableOf(t, waiting, "demande_chf")
		if table.Rows != 5 || table.Files[0].Lot != "r1" {
			t.Errorf("killed at step %d: table %+v", at, table)
		}
		sound(t, reopen(t, root))
		ended++
	}
	if ended < 5 {
		t.Errorf("the replacement was killed after its record %d times only", ended)
	}
}
