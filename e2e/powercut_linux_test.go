package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// TestAPowerCutLosesNoAnswerThatWasRecorded runs on a disk of its own and cuts it off at random moments, OMEGA_E2E_CUTS
// times: what the file system had not been made to write is gone, as when the machine loses its power.
func TestAPowerCutLosesNoAnswerThatWasRecorded(t *testing.T) {
	t.Parallel()
	cuts := setting(t, "OMEGA_E2E_CUTS", 4)
	disk := newDisk(t)
	o := newOrdeal(t, cuts)
	o.place.state, o.place.out = filepath.Join(disk.folder, "state"), filepath.Join(disk.folder, "out")
	for cut := range cuts {
		run := o.start()
		o.await(run)
		before := o.place.status() // what the program itself says is safe
		select {
		case <-run.ended:
			t.Fatalf("cut %d: the run ended before\n%s", cut+1, run.log())
		default:
		}
		disk.cut()
		// A machine without power runs nothing; but what the program says of a disk that fails is worth a look.
		select {
		case <-run.ended:
			if code := run.command.ProcessState.ExitCode(); code != 73 && code != 74 {
				t.Errorf("cut %d: the run ended by itself with %s, want 73 or 74\n%s", cut+1, run.command.ProcessState, run.log())
			}
		case <-time.After(200 * time.Millisecond):
			_ = run.command.Process.Kill()
			<-run.ended
		}
		disk.restart()
		after := o.place.status()
		t.Logf("cut %d: %d documents and %d lots published before, %d and %d after", cut+1, before.Documents, before.Lots.Published, after.Documents, after.Lots.Published)
		if after.Documents < before.Documents || after.Known < before.Known || after.Lots.Published < before.Lots.Published || after.Lots.PublishedAnswers < before.Lots.PublishedAnswers {
			t.Errorf("cut %d: the ledger held %+v, and after the cut %+v", cut+1, before, after)
		}
	}
	o.completes(cuts)
}

// disk is an ext4 file system in a file.
type disk struct {
	t             *testing.T
	image, folder string
	mounted       bool
}

// newDisk makes and mounts a disk, or skips the test where that cannot be done.
func newDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{t: t, image: filepath.Join(t.TempDir(), "disk"), folder: t.TempDir()}
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(d.image, 256<<20); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"mkfs.ext4", "-q", "-F", d.image}, {"mount", "-o", "loop", d.image, d.folder}} {
		if text, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Skipf("no disk to cut off: it takes root, mkfs.ext4 and loop devices (user %d): %s: %v: %s", os.Geteuid(), command[0], err, text)
		}
	}
	d.mounted = true
	t.Cleanup(func() {
		if d.mounted {
			unmount(t, "--lazy", d.folder)
		}
	})
	return d
}

// cut makes the file system forget what was not yet written, its journal too, and fail from now on.
func (d *disk) cut() {
	d.t.Helper()
	const (
		ioctlShutdown = 0x8004587d // EXT4_IOC_SHUTDOWN
		noLogFlush    = 2          // EXT4_GOING_FLAGS_NOLOGFLUSH
	)
	root, err := os.Open(d.folder)
	if err != nil {
		d.t.Fatal(err)
	}
	defer root.Close()
	how := uint32(noLogFlush)
	if _, _, failed := syscall.Syscall(syscall.SYS_IOCTL, root.Fd(), ioctlShutdown, uintptr(unsafe.Pointer(&how))); failed != 0 {
		d.t.Skipf("this kernel cuts no ext4 off: %v", failed)
	}
}

// restart mounts the disk again, which replays what of its journal had been written.
func (d *disk) restart() {
	d.t.Helper()
	unmount(d.t, d.folder)
	d.mounted = false
	if text, err := exec.Command("mount", "-o", "loop", d.image, d.folder).CombinedOutput(); err != nil {
		d.t.Fatalf("mounting the disk again: %v: %s", err, text)
	}
	d.mounted = true
}
