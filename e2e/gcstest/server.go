// Package gcstest serves buckets to tests: fsouza/fake-gcs-server in this process, on loopback, behind a front that makes
// a write and its conditions one step, as Google Cloud Storage does. The fake server lets two writes in between each
// other's condition and effect, and looks at no condition of a removal.
//
// It knows nothing of the program's outputs, nor of the failures that a test wants: a test puts those between the
// program and the server.
package gcstest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// Server serves buckets until it is closed. Its methods may be called from several goroutines.
type Server struct {
	// Fake is the server behind the front, for looking at objects and for changing them behind the program's back.
	Fake *fakestorage.Server
	// URL is what STORAGE_EMULATOR_HOST is to be for the program.
	URL string

	http    *httptest.Server
	handler http.Handler
	writing sync.Mutex // one write at a time

	mutex   sync.Mutex
	buckets int
}

// Start starts a server without buckets. All requests go through what between makes of the server's own handler; nil:
// straight to it.
func Start(between func(next http.Handler) http.Handler) (*Server, error) {
	s := &Server{}
	listening := httptest.NewUnstartedServer(nil)
	// At its own address objects can also be read as a browser does.
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true, PublicHost: listening.Listener.Addr().String()})
	if err != nil {
		_ = listening.Listener.Close()
		return nil, fmt.Errorf("starting the server of buckets: %w", err)
	}
	s.Fake, s.handler, s.http = fake, fake.HTTPHandler(), listening
	listening.Config.Handler = http.HandlerFunc(s.serve)
	if between != nil {
		listening.Config.Handler = between(listening.Config.Handler)
	}
	listening.Start()
	s.URL = listening.URL
	return s, nil
}

// Close ends the server once no request is on its way.
func (s *Server) Close() { s.http.Close() }

// NewBucket makes an empty bucket, whose name no other of the server has.
func (s *Server) NewBucket() string {
	s.mutex.Lock()
	s.buckets++
	name := "b" + strconv.Itoa(s.buckets)
	s.mutex.Unlock()
	s.Fake.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: name})
	return name
}

// Objects are a bucket's objects as they stand at one moment, by name.
func (s *Server) Objects(bucket string) (map[string]fakestorage.ObjectAttrs, error) {
	listed, err := s.Fake.ListObjectsWithOptionsPaginated(bucket, fakestorage.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing bucket %s: %w", bucket, err)
	}
	found := map[string]fakestorage.ObjectAttrs{}
	for _, object := range listed.Objects {
		found[object.Name] = object
	}
	return found, nil
}

// Target is the bucket that a request is for, "" if it is for none, and the object in its path, "" if it names none
// there, as an upload does not.
func Target(r *http.Request) (bucket, object string) {
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/upload"), "/") // "", storage, v1, b, BUCKET, o, NAME
	if len(parts) < 6 || parts[3] != "b" {
		return "", ""
	}
	object, err := url.PathUnescape(strings.Join(parts[6:], "/"))
	if err != nil {
		return parts[4], ""
	}
	return parts[4], object
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		s.handler.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body) // before the lock: the sender may be slow, or die
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.writing.Lock()
	defer s.writing.Unlock()
	if r.Method == http.MethodDelete && s.isAnother(r) {
		http.Error(w, "precondition failed", http.StatusPreconditionFailed)
		return
	}
	s.handler.ServeHTTP(w, r)
}

// isAnother says whether a removal names a generation and another stands there.
func (s *Server) isAnother(r *http.Request) bool {
	want := r.URL.Query().Get("ifGenerationMatch")
	if want == "" {
		return false
	}
	there, err := s.Fake.GetObject(Target(r))
	return err == nil && strconv.FormatInt(there.Generation, 10) != want
}
