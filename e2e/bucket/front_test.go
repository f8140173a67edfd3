package bucket

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"

	"omega-export/e2e/gcstest"
)

// way is how a write request ends.
type way string

const (
	killBefore way = "killed before"        // the program dies, the write has not happened
	killAfter  way = "killed after"         // the program dies, the write has
	refuse     way = "failed"               // 503, the write has not happened
	cut        way = "failed but landed"    // the connection breaks, the write has happened
	meanwhile  way = "somebody else wrote"  // another write comes first: what kill does
	lose       way = "told to have changed" // 412 although it has landed: what a repeated write sees
)

// front stands before the server and makes writes fail.
type front struct {
	server *gcstest.Server
	fake   *fakestorage.Server // the server's
	next   http.Handler        // the server's, where requests go that do not fail

	mutex  sync.Mutex          // of what follows
	faults map[string]*fault   // by bucket
	down   map[string]int      // buckets that answer all with that status
	writes map[string][]string // stages of the writes, by bucket
}

// fault is what happens to the nth write of a stage, from 1.
type fault struct {
	stage string
	way   way
	nth   int
	kill  func() // ends the program and waits for its end
	hit   bool
}

func newFront() (*front, error) {
	f := &front{faults: map[string]*fault{}, down: map[string]int{}, writes: map[string][]string{}}
	server, err := gcstest.Start(func(next http.Handler) http.Handler {
		f.next = next
		return f
	})
	if err != nil {
		return nil, err
	}
	f.server, f.fake = server, server.Fake
	return f, nil
}

// stageOf names what a write request is for, and its bucket; "" if it is no write, or only a part of one.
func stageOf(r *http.Request) (bucket, stage string) {
	bucket, removed := gcstest.Target(r)
	if bucket == "" {
		return "", ""
	}
	removal := ""
	name := r.URL.Query().Get("name")
	inParts := r.URL.Query().Get("upload_id") != ""
	switch r.Method {
	case http.MethodPost, http.MethodPut:
		// Of an upload in parts, the end is the write.
		if inParts && strings.HasSuffix(r.Header.Get("Content-Range"), "/*") || !inParts && r.URL.Query().Get("uploadType") == "resumable" {
			return bucket, ""
		}
	case http.MethodDelete:
		removal = " removed"
		name = removed
	default:
		return bucket, ""
	}
	base, folder := path.Base(name), path.Base(path.Dir(name))
	switch {
	case base == ".lock":
		return bucket, "lock" + removal
	case base == ".pending":
		return bucket, "intent" + removal
	case strings.HasSuffix(base, ".parquet"):
		return bucket, "data file" + removal
	case folder == "_lots" || folder == "_replacements":
		return bucket, "commit record" + removal
	case strings.HasSuffix(base, ".files"):
		return bucket, "manifest" + removal
	case folder == "_tables":
		return bucket, "pointer" + removal
	case folder == "_sql":
		return bucket, "sql" + removal
	}
	return bucket, "other" + removal
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bucket, stage := stageOf(r)
	if status := f.downAs(bucket); status != 0 {
		http.Error(w, http.StatusText(status), status)
		return
	}
	if stage == "" {
		f.next.ServeHTTP(w, r)
		return
	}
	switch due := f.due(bucket, stage); {
	case due == nil:
		f.next.ServeHTTP(w, r)
	case due.way == refuse:
		_, _ = io.Copy(io.Discard, r.Body)
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
	case due.way == meanwhile:
		due.kill()
		f.next.ServeHTTP(w, r)
	case due.way == killBefore:
		due.kill()
		panic(http.ErrAbortHandler)
	case due.way == killAfter:
		f.next.ServeHTTP(httptest.NewRecorder(), r)
		due.kill()
		panic(http.ErrAbortHandler)
	case due.way == cut:
		f.next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case due.way == lose:
		f.next.ServeHTTP(httptest.NewRecorder(), r)
		http.Error(w, "precondition failed", http.StatusPreconditionFailed)
	}
}

func (f *front) downAs(bucket string) (status int) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.down[bucket]
}

func (f *front) due(bucket, stage string) *fault {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.writes[bucket] = append(f.writes[bucket], stage)
	due := f.faults[bucket]
	if due == nil || due.hit || due.stage != stage {
		return nil
	}
	if due.nth--; due.nth > 0 {
		return nil
	}
	due.hit = true
	return due
}

func (f *front) arm(bucket string, due *fault) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.faults[bucket] = due
	f.writes[bucket] = nil
}

func (f *front) wasHit(bucket string) bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.faults[bucket].hit
}

func (f *front) setDown(bucket string, status int) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.down[bucket] = status
}

// stages are the writes since arm.
func (f *front) stages(bucket string) []string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return append([]string(nil), f.writes[bucket]...)
}

// newBucket makes an empty bucket.
func newBucket(t testing.TB) string {
	t.Helper()
	return world.server.NewBucket()
}

// names are a bucket's objects.
func names(t testing.TB, bucket string) map[string]fakestorage.ObjectAttrs {
	t.Helper()
	found, err := world.server.Objects(bucket)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// timePasses makes the leases of the dead expire, as they would by themselves in less than a minute.
func timePasses(t testing.TB, bucket string) {
	t.Helper()
	for name := range names(t, bucket) {
		if base := path.Base(name); base == ".lock" || base == ".replacing" {
			world.fake.CreateObject(fakestorage.Object{
				ObjectAttrs: fakestorage.ObjectAttrs{BucketName: bucket, Name: name},
				Content:     []byte(`{"owner":"dead","expires_at":"` + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339) + `"}`),
			})
		}
	}
}
