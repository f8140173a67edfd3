package bucket

import (
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"

	"omega-export/internal/sink"
)

func object(bucket, name, content string, created time.Time) fakestorage.Object {
	return fakestorage.Object{
		ObjectAttrs: fakestorage.ObjectAttrs{BucketName: bucket, Name: name, Created: created}, Content: []byte(content),
	}
}

func TestAHolderWhoseLeaseWasTakenWritesNothingMore(t *testing.T) {
	t.Parallel()
	bucket := newBucket(t)
	out := open(t, "gs://"+bucket)
	lot, err := out.Begin(t.Context(), info("l1"))
	if err == nil {
		err = fill(t.Context(), lot, archiveTable(), 0, 10)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer lot.Abort()
	world.fake.CreateObject(object(bucket, "_lots/.lock", `{"owner":"another","expires_at":"2100-01-01T00:00:00Z"}`, time.Time{}))
	time.Sleep(10 * time.Second) // a renewal is due meanwhile
	before := names(t, bucket)
	if err := lot.Commit(t.Context()); !errors.Is(err, sink.ErrOutput) || !strings.Contains(err.Error(), "lock of the output was lost") {
		t.Errorf("the error is %v", err)
	}
	for name, object := range names(t, bucket) {
		if before[name].Generation != object.Generation {
			t.Errorf("%s was written", name)
		}
	}
	if _, there := names(t, bucket)["_lots/.lock"]; !there {
		t.Error("the other's lease is gone")
	}
	timePasses(t, bucket)
	if err := publish(t.Context(), out, "l1", 0); err != nil {
		t.Fatal(err)
	}
	clean(t, "gs://"+bucket)
}

// A pointer that another process replaced since it was read is not replaced in its turn: its lots would be lost.
func TestAPointerThatChangedSinceItWasReadIsNotReplaced(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{"pointer", "manifest", "sql", "intent"} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			bucket := newBucket(t)
			out := open(t, "gs://"+bucket)
			if err := publish(t.Context(), out, "l1", 0); err != nil {
				t.Fatal(err)
			}
			var changed string
			world.arm(bucket, &fault{stage: stage, way: meanwhile, nth: 1, kill: func() {
				for name, object := range map[string]string{
					"pointer": "_tables/demande_chf.json", "manifest": "_tables/demande_chf.files", "sql": "_sql/duckdb.sql", "intent": "_lots/.pending",
				} {
					if name == stage {
						changed = object
					}
				}
				world.fake.CreateObject(object(bucket, changed, `{"lot":"l0","mode":"simule"}`, time.Time{}))
			}})
			err := publish(t.Context(), out, "l2", 10)
			if !errors.Is(err, sink.ErrOutput) || !strings.Contains(err.Error(), "another process has written it meanwhile") {
				t.Errorf("the error is %v", err)
			}
			there, err := world.fake.GetObject(bucket, changed)
			if err != nil || string(there.Content) != `{"lot":"l0","mode":"simule"}` {
				t.Errorf("what the other wrote is %s, %v", there.Content, err)
			}
		})
	}
}

func TestAnAbandonedFileIsRemovedAndANamedOneStays(t *testing.T) {
	t.Parallel()
	bucket := newBucket(t)
	uri := "gs://" + bucket + "/out"
	out := open(t, uri)
	if err := publish(t.Context(), out, "l1", 0); err != nil {
		t.Fatal(err)
	}
	const folder = "out/demande_chf/date_export=2026-11-20/"
	world.fake.CreateObject(object(bucket, folder+"old.parquet", "x", time.Now().Add(-25*time.Hour)))
	world.fake.CreateObject(object(bucket, folder+"new.parquet", "x", time.Now().Add(-23*time.Hour)))
	open(t, uri)
	found := names(t, bucket)
	if _, there := found[folder+"old.parquet"]; there {
		t.Error("the abandoned file stands")
	}
	if _, there := found[folder+"new.parquet"]; !there {
		t.Error("a file that may still be published is gone")
	}
	world.fake.CreateObject(object(bucket, folder+"new.parquet", "x", time.Now().Add(-25*time.Hour)))
	open(t, uri)
	clean(t, uri)
}

func TestRefusedAccessNamesTheRole(t *testing.T) {
	t.Parallel()
	bucket := newBucket(t)
	world.setDown(bucket, http.StatusForbidden)
	_, err := sink.Open(t.Context(), "gs://"+bucket)
	if !errors.Is(err, sink.ErrOutput) || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "Storage Object Admin") {
		t.Errorf("the error is %v", err)
	}
}

func TestABucketOutOfReachIsToldInTime(t *testing.T) {
	t.Parallel()
	bucket := newBucket(t)
	world.setDown(bucket, http.StatusServiceUnavailable)
	begun := time.Now()
	_, err := sink.Open(t.Context(), "gs://"+bucket)
	if took := time.Since(begun); took > time.Minute || !errors.Is(err, sink.ErrOutput) || !strings.Contains(err.Error(), "not to be reached") {
		t.Errorf("after %v the error is %v", took, err)
	}
}
