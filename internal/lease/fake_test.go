package lease

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"
)

// bucket serves one object as the storage service's JSON API does, in little.
type bucket struct {
	mutex      sync.Mutex
	content    []byte
	generation int64
	writes     int
	// fault is asked at each write, the nth, what goes wrong; nil: nothing.
	fault func(nth int) fault
	down  bool // nothing is answered but 503
}

type fault int

const (
	noFault  fault = iota
	failed         // 503, and nothing is written
	landed         // written, and the connection cut
	overtake       // another has written just before
)

func newBucket(t *testing.T) (*bucket, *storage.Client) {
	t.Helper()
	b := &bucket{}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	client, err := storage.NewClient(t.Context(), option.WithEndpoint(server.URL+"/storage/v1/"), option.WithoutAuthentication(), storage.WithJSONReads())
	if err != nil {
		t.Fatal(err)
	}
	return b, client
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	switch {
	case b.down:
		http.Error(w, "down", http.StatusServiceUnavailable)
	case r.Method == http.MethodGet:
		b.get(w)
	default:
		b.put(w, r)
	}
}

func (b *bucket) get(w http.ResponseWriter) {
	if b.generation == 0 {
		http.Error(w, "no such object", http.StatusNotFound)
		return
	}
	w.Header().Set("X-Goog-Generation", strconv.FormatInt(b.generation, 10))
	_, _ = w.Write(b.content)
}

func (b *bucket) put(w http.ResponseWriter, r *http.Request) {
	_, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	parts := multipart.NewReader(r.Body, parameters["boundary"])
	_, _ = parts.NextPart() // of the object's attributes
	part, err := parts.NextPart()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	content, _ := io.ReadAll(part)
	b.writes++
	kind := noFault
	if b.fault != nil {
		kind = b.fault(b.writes)
	}
	switch kind {
	case failed:
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
		return
	case overtake:
		b.generation++
		b.content = []byte(strings.Replace(string(content), `"owner":"`, `"owner":"another `, 1))
	}
	if wanted := r.URL.Query().Get("ifGenerationMatch"); wanted != strconv.FormatInt(b.generation, 10) {
		http.Error(w, `{"error":{"code":412,"message":"conditionNotMet"}}`, http.StatusPreconditionFailed)
		return
	}
	b.generation++
	b.content = content
	if kind == landed {
		panic(http.ErrAbortHandler) // cuts the connection
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"kind":"storage#object","name":"lease.json","bucket":"b","generation":"%d","size":"%d","crc32c":%q}`, b.generation, len(content), checksum(content))
}

// checksum is an object's as the service tells it.
func checksum(content []byte) string {
	sum := binary.BigEndian.AppendUint32(nil, crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli)))
	return base64.StdEncoding.EncodeToString(sum)
}

func (b *bucket) set(change func(*bucket)) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	change(b)
}
