package bucket

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

// TestAnEncryptedArchiveInAnotherBucketIsWholeAfterAKill kills the program once the archive's bucket has a file of a lot
// and no record of it: the second attempt encrypts anew, so that the file has other bytes.
func TestAnEncryptedArchiveInAnotherBucketIsWholeAfterAKill(t *testing.T) {
	t.Parallel()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "identity")
	if err := os.WriteFile(file, []byte(identity.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	tables, raw := newBucket(t), newBucket(t)
	uri, archive := "gs://"+tables+"/out", "gs://"+raw+"/archive"
	e := newExporter(t, uri, "K", 30)
	flags := []string{"--archive", archive, "--archive-recipient", identity.Recipient().String()}
	e.start(flags...)
	for begun := time.Now(); len(dataFiles(t, archive)) == 0; time.Sleep(time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatal("no file came into the archive")
		}
	}
	e.kill()
	timePasses(t, raw) // the lease of the dead
	timePasses(t, tables)
	e.run(0, flags...)
	text, err := exec.Command(world.binary, "verify", "--deep", "--out", uri, "--archive", archive, "--identity-file", file).CombinedOutput()
	if err != nil || !strings.Contains(string(text), "30 rows compared with 30 raw answers: 30 are exactly") {
		t.Errorf("verify: %v\n%s", err, text)
	}
}
