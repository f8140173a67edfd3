package bucket

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
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

// front stands before the fake server, which knows no conditions on removals, and makes requests fail.
type front struct {
	fake    *fakestorage.Server
	handler http.Handler
	server  *httptest.Server

	writing sync.Mutex // one write at a time, so that a removal's condition and the removal are one

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
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true})
	if err != nil {
		return nil, err
	}
	f := &front{fake: fake, handler: fake.HTTPHandler(), faults: map[string]*fault{}, down: map[string]int{}, writes: map[string][]string{}}
	f.server = httptest.NewServer(f)
	return f, nil
}

// stageOf names what a write request is for, and its bucket; "" if it is no write, or only a part of one.
func stageOf(r *http.Request) (bucket, stage string) {
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/upload"), "/") // "", storage, v1, b, BUCKET, o, NAME
	if len(parts) < 6 || parts[3] != "b" {
		return "", ""
	}
	bucket = parts[4]
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
		name, _ = url.PathUnescape(strings.Join(parts[6:], "/"))
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
		f.handler.ServeHTTP(w, r)
		return
	}
	switch due := f.due(bucket, stage); {
	case due == nil:
		f.write(w, r)
	case due.way == refuse:
		_, _ = io.Copy(io.Discard, r.Body)
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
	case due.way == meanwhile:
		due.kill()
		f.write(w, r)
	case due.way == killBefore:
		due.kill()
		panic(http.ErrAbortHandler)
	case due.way == killAfter:
		f.write(httptest.NewRecorder(), r)
		due.kill()
		panic(http.ErrAbortHandler)
	case due.way == cut:
		f.write(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case due.way == lose:
		f.write(httptest.NewRecorder(), r)
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

// write forwards a write, holding a removal against its condition.
func (f *front) write(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body) // before the lock: the sender may be slow, or die
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	f.writing.Lock()
	defer f.writing.Unlock()
	if want := r.URL.Query().Get("ifGenerationMatch"); r.Method == http.MethodDelete && want != "" {
		parts := strings.Split(r.URL.EscapedPath(), "/")
		name, _ := url.PathUnescape(strings.Join(parts[6:], "/"))
		there, err := f.fake.GetObject(parts[4], name)
		if err == nil && strconv.FormatInt(there.Generation, 10) != want {
			http.Error(w, "precondition failed", http.StatusPreconditionFailed)
			return
		}
	}
	f.handler.ServeHTTP(w, r)
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

// newBucket makes an empty bucket, named after the test.
func newBucket(t testing.TB) string {
	t.Helper()
	world.mutex.Lock()
	world.buckets++
	name := "b" + strconv.Itoa(world.buckets)
	world.mutex.Unlock()
	world.fake.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: name})
	return name
}

// names are a bucket's objects.
func names(t testing.TB, bucket string) map[string]fakestorage.ObjectAttrs {
	t.Helper()
	listed, err := world.fake.ListObjectsWithOptionsPaginated(bucket, fakestorage.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]fakestorage.ObjectAttrs{}
	for _, object := range listed.Objects {
		found[object.Name] = object
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
