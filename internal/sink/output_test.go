package sink

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAnOutputThatCannotBeWrittenIsRefusedAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, uri := range []string{file, filepath.Join(file, "below")} {
		_, err := Open(context.Background(), uri)
		var outputError *OutputError
		if !errors.As(err, &outputError) || !errors.Is(err, ErrOutput) {
			t.Fatalf("error %v, want an *OutputError", err)
		}
		if !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "--out") {
			t.Errorf("error %q names neither the path nor what to do", err)
		}
	}
}

func TestAReadOnlyOutputIsRefusedAtOnce(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write anywhere")
	}
	root := t.TempDir()
	if err := os.Chmod(root, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := Open(context.Background(), root)
	if !errors.Is(err, ErrOutput) || !strings.Contains(err.Error(), "right to write") {
		t.Fatalf("error %v", err)
	}
}

func TestAnAddressThatNamesNoPlaceIsRefused(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{"", "s3://bucket/prefix", "gs://", "gs:///prefix", "gs://bucket/a//b", "gs://bucket/../b", "gs://bucket/*"} {
		if _, err := Open(t.Context(), uri); err == nil || !strings.Contains(err.Error(), "--out") {
			t.Errorf("output %q: error %v", uri, err)
		}
	}
}

func TestTheOutputIsNamedByItsAbsolutePath(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	out := mustOpen(t, "a/b")
	if want := filepath.Join(here, "a", "b"); out.URI() != want {
		t.Errorf("URI %s, want %s", out.URI(), want)
	}
}

func TestWhatAKilledRunLeftAsideIsRemoved(t *testing.T) {
	out := published(t, firstLot)
	want := tree(t, out.URI())
	left := []string{"demande_chf/date_export=2026-11-23/.tmp-x-123", "_tables/.tmp-y-1", "_lots/.tmp-z"}
	for _, name := range left {
		if err := os.WriteFile(filepath.Join(out.URI(), name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustOpen(t, out.URI())
	if found := difference(tree(t, out.URI()), want); found != nil {
		t.Errorf("after opening: %v", found)
	}
}

func TestWhatALivePublisherWritesIsLeftAlone(t *testing.T) {
	out := published(t)
	lot, err := out.Begin(context.Background(), infoOf(firstLot))
	if err != nil {
		t.Fatal(err)
	}
	defer lot.Abort()
	aside := filepath.Join(out.URI(), "_lots/.tmp-alive")
	if err := os.WriteFile(aside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, out.URI())
	if _, err := os.Stat(aside); err != nil {
		t.Fatal(err)
	}
}

func TestTwoPublishersGoOneAfterTheOther(t *testing.T) {
	out := published(t)
	first, err := out.Begin(context.Background(), infoOf(firstLot))
	if err != nil {
		t.Fatal(err)
	}
	other := mustOpen(t, out.URI())
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := other.Begin(short, infoOf(secondLot)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v, want the end of the wait", err)
	}
	done := make(chan error)
	go func() { done <- publish(other, secondLot) }()
	for _, content := range contentsOf(firstLot) {
		if err := content.write(context.Background(), first); err != nil {
			t.Error(err)
		}
	}
	if err := first.Commit(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if found := difference(tree(t, out.URI()), tree(t, published(t, firstLot, secondLot).URI())); found != nil {
		t.Errorf("after both: %v", found)
	}
}
