package bucket

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"

	"omega-export/internal/sink"
)

func TestWhatAKilledHostLeftIsNoDamageForADay(t *testing.T) {
	places(t, func(t *testing.T, uri string) {
		out := open(t, uri)
		if err := publish(t.Context(), out, "l1", 0); err != nil {
			t.Fatal(err)
		}
		l, err := out.Begin(t.Context(), info("l2"))
		if err == nil {
			err = fill(t.Context(), l, table("demande_chf", "demande", "numero_demande", "_lot"), 500, 3)
		}
		if err != nil {
			t.Fatal(err)
		}
		l.Abort()
		verified := func() sink.VerifyReport {
			t.Helper()
			report, err := sink.Verify(t.Context(), uri, sink.VerifyOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return report
		}
		report := verified()
		if !report.OK() || len(report.Left) != 2 || report.Left[1].Of != "l2" {
			t.Fatalf("problems %+v, left %+v", report.Problems, report.Left)
		}
		if ends := time.Until(report.Left[1].RemovedAfter); ends < 23*time.Hour || ends > 25*time.Hour {
			t.Errorf("it is removed after %v", ends)
		}
		writtenBefore(t, uri, report.Left[1].File, 25*time.Hour)
		if report = verified(); len(report.Problems) != 1 || !strings.HasPrefix(report.Problems[0].Problem, "foreign") {
			t.Errorf("a day later: problems %+v, left %+v", report.Problems, report.Left)
		}
		if err := publish(t.Context(), out, "l3", 10); err != nil {
			t.Fatal(err)
		}
		open(t, uri)
		clean(t, uri)
	})
}

// writtenBefore makes an object of an output as old as that.
func writtenBefore(t *testing.T, uri, name string, age time.Duration) {
	t.Helper()
	at := time.Now().Add(-age)
	place, isBucket := strings.CutPrefix(uri, "gs://")
	if !isBucket {
		if err := os.Chtimes(filepath.Join(uri, name), at, at); err != nil {
			t.Fatal(err)
		}
		return
	}
	bucket, prefix, _ := strings.Cut(place, "/")
	if prefix != "" {
		prefix += "/"
	}
	object, err := world.fake.GetObject(bucket, prefix+name)
	if err != nil {
		t.Fatal(err)
	}
	object.Created = at
	world.fake.CreateObject(fakestorage.Object{ObjectAttrs: object.ObjectAttrs, Content: object.Content})
}
