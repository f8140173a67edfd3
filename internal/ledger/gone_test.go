package ledger

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPublishedBodiesAreGoneFromTheFiles looks for bodies, small ones and some of many pages, in every file of a ledger
// that was closed after their lot was published, and for one that is not published, which must be there still.
func TestPublishedBodiesAreGoneFromTheFiles(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	var names []string
	for i := range 41 {
		names = append(names, fmt.Sprintf("N%02d", i))
	}
	planned(t, l, begin(t, l, Due, begun), names...)
	for id := int64(1); id <= 40; id++ {
		record(t, l, document(id, strings.Repeat(fmt.Sprintf("canari-publie-%02d ", id), int(1+id*200)), begun))
	}
	lot := seal(t, l, begun)
	record(t, l, document(41, "canari-en-attente", begun))
	if err := l.MarkPublished(t.Context(), lot, begun); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	waits := false
	for _, name := range filesOf(t, dir) {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte("canari-publie")) {
			t.Errorf("%s still has a published body", name)
		}
		waits = waits || bytes.Contains(content, []byte("canari-en-attente"))
	}
	if !waits {
		t.Error("the body that waits is in no file: nothing was looked at")
	}
}

func filesOf(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() {
			names = append(names, entry.Name())
		}
	}
	return names
}
