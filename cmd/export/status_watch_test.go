package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"omega-export/internal/ledger"
)

func TestWatchingGoesOnUntilItIsToldToStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 21*time.Second)
		defer cancel()
		var out bytes.Buffer
		third := time.Now().Add(10 * time.Second).Format("15:04:05")
		shown := 0
		err := keepShowing(ctx, streams{out: &out}, 5*time.Second, func(_ context.Context, to io.Writer) error {
			if shown++; shown == 3 {
				return errors.New("away\nfor now")
			}
			_, err := fmt.Fprintf(to, "status %d\n", shown)
			return err
		})
		want := "status 1\nstatus 2\n" + third + "  not readable now: away; for now\nstatus 4\nstatus 5\n"
		if err != nil || shown != 5 || out.String() != want {
			t.Errorf("%v after %d: %s", err, shown, out.String())
		}
	})
}

func TestWatchingNothingIsAnErrorAtOnce(t *testing.T) {
	away := errors.New("away")
	err := keepShowing(t.Context(), streams{out: io.Discard}, time.Hour, func(context.Context, io.Writer) error { return away })
	if !errors.Is(err, away) {
		t.Errorf("got %v", err)
	}
}

func TestALedgerThatIsReplacedIsTheOneThatIsShown(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	create := func(mode string) {
		t.Helper()
		books, err := ledger.Open(t.Context(), folder, ledger.Options{Mode: mode})
		if err != nil {
			t.Fatal(err)
		}
		if err := books.Close(); err != nil {
			t.Fatal(err)
		}
	}
	create("reel")
	command := statusCmd{State: folder, Rate: 1}
	show := func() string {
		var text bytes.Buffer
		if err := command.show(t.Context(), &text); err != nil {
			text.WriteString(err.Error())
		}
		return text.String()
	}
	if got := show(); strings.Contains(got, "SIMULATION") || !strings.Contains(got, "numbers known") {
		t.Errorf("shown: %s", got)
	}
	if err := os.Rename(folder, folder+"-old"); err != nil {
		t.Fatal(err)
	}
	if got := show(); !strings.Contains(got, "nothing was run") {
		t.Errorf("shown without a ledger: %s", got)
	}
	create("simule")
	if got := show(); !strings.Contains(got, "SIMULATION") {
		t.Errorf("shown: %s", got)
	}
}
