package bucketstate

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/fsouza/fake-gcs-server/fakestorage"

	"omega-export/e2e/gcstest"
	"omega-export/internal/omega/simulator"
	"omega-export/internal/sink"
)

// world is what the tests share.
var world struct {
	binary string
	fake   *fakestorage.Server
	server *counter
	client *storage.Client
}

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	folder, err := os.MkdirTemp("", "omega-export-bucketstate-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	world.binary = filepath.Join(folder, "omega-export")
	build := exec.Command("go", "build", "-o", world.binary, "./cmd/export")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, text)
		return 1
	}
	world.server = &counter{read: map[string]int64{}, reads: map[string]int64{}}
	server, err := gcstest.Start(func(next http.Handler) http.Handler {
		world.server.next = next
		return world.server
	})
	if err != nil {
		panic(err)
	}
	defer server.Close()
	world.fake = server.Fake
	if err := os.Setenv("STORAGE_EMULATOR_HOST", server.URL); err != nil {
		panic(err)
	}
	if world.client, err = storage.NewClient(context.Background(), storage.WithJSONReads()); err != nil {
		panic(err)
	}
	return m.Run()
}

// counter stands before the server and counts what is read.
type counter struct {
	next http.Handler

	mutex sync.Mutex
	read  map[string]int64 // bytes, by bucket
	reads map[string]int64 // requests
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bucket, _ := gcstest.Target(r)
	if bucket == "" || r.Method != http.MethodGet && r.Method != http.MethodHead {
		c.next.ServeHTTP(w, r)
		return
	}
	counted := &countingResponse{ResponseWriter: w}
	c.next.ServeHTTP(counted, r)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.read[bucket] += counted.written
	c.reads[bucket]++
}

func (c *counter) counts(bucket string) (bytes, requests int64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.read[bucket], c.reads[bucket]
}

type countingResponse struct {
	http.ResponseWriter
	written int64
}

func (c *countingResponse) Write(b []byte) (int, error) {
	written, err := c.ResponseWriter.Write(b)
	c.written += int64(written)
	return written, err
}

// place is a bucket, and the API that runs with it call.
type place struct {
	t      *testing.T
	bucket string
	sim    *simulator.Simulator
	api    *simulator.Server
}

// newPlace makes a bucket with the list numeros.txt, and serves a simulator whose gateway grants so many calls a second;
// 0: any.
func newPlace(t *testing.T, rate float64) *place {
	t.Helper()
	kind := "gap"
	if rate == 0 {
		kind, rate = "none", 1
	}
	gateway, err := simulator.ParseGateway(kind, rate)
	if err != nil {
		t.Fatal(err)
	}
	gateway.Tolerance = time.Duration(0.25 / rate * float64(time.Second))
	p := &place{t: t, bucket: strings.ToLower(strings.ReplaceAll(t.Name(), "_", "-"))}
	if p.sim, err = simulator.New(simulator.Options{Gateway: gateway, Latency: 10 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if p.api, err = p.sim.Start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.api.Close(context.Background()) })
	if len(p.bucket) > 60 {
		p.bucket = p.bucket[len(p.bucket)-60:]
	}
	world.fake.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: p.bucket})
	numbers, err := os.ReadFile("../../testdata/numeros.txt")
	if err != nil {
		t.Fatal(err)
	}
	p.put("numeros.txt", numbers, "")
	return p
}

// uri is an address in the bucket.
func (p *place) uri(name string) string { return "gs://" + p.bucket + "/" + name }

func (p *place) put(name string, content []byte, encoding string) {
	p.t.Helper()
	to := world.client.Bucket(p.bucket).Object(name).NewWriter(p.t.Context())
	to.ContentEncoding = encoding
	_, err := to.Write(content)
	if err := errors.Join(err, to.Close()); err != nil {
		p.t.Fatal(err)
	}
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	to := gzip.NewWriter(&buffer)
	if _, err := to.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// host is one run of the program, on a host whose disk goes with it.
type host struct {
	*exec.Cmd
	t    *testing.T
	text lockedBuffer
}

// lockedBuffer is written by the process's output while a test looks at it.
type lockedBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(text []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(text)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}

// host prepares `run` with the bucket for everything.
func (p *place) host(flags ...string) *host {
	h := p.command(append([]string{
		"run", "--base-url", p.api.BaseURL, "--token-url", p.api.TokenURL, "--client-id", "client", "--code-cdgf", "A04000000X", "--user-login", "e2e",
		"--list", p.uri("numeros.txt"), "--out", p.uri("out"), "--state", p.uri("state"), "--progress", "none", "--lease-duration", "2s",
	}, flags...)...)
	h.Env = append(h.Env, "OMEGA_CLIENT_SECRET=s3cret-canary")
	return h
}

// command prepares any command.
func (p *place) command(args ...string) *host {
	h := &host{Cmd: exec.Command(world.binary, args...), t: p.t}
	h.Env = append(os.Environ(), "TMPDIR="+p.t.TempDir())
	h.Stdout, h.Stderr = &h.text, &h.text
	return h
}

func (h *host) start() *host {
	h.t.Helper()
	if err := h.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		_ = h.Process.Kill()
		_ = h.Wait()
	})
	return h
}

// ends waits for the end, which must come with that exit code, and gives what was told.
func (h *host) ends(code int) string {
	h.t.Helper()
	err := h.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Fatal(err)
	}
	if got := h.ProcessState.ExitCode(); got != code {
		h.t.Fatalf("%v exits %d, want %d\n%s", h.Args[1:], got, code, h.text.String())
	}
	return h.text.String()
}

// kill ends the program as a host that goes does.
func (h *host) kill() {
	h.t.Helper()
	if err := h.Process.Kill(); err != nil {
		h.t.Fatal(err)
	}
	if _ = h.Wait(); h.ProcessState.ExitCode() != -1 {
		h.t.Fatalf("it ended before it was killed\n%s", h.text.String())
	}
}

// until waits for the other process's work, which no fake clock drives.
func (h *host) until(what string, is func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("%s does not come\n%s", what, h.text.String())
		}
	}
}

// rows is how many rows of a table are published.
func (p *place) rows(table string) int64 {
	p.t.Helper()
	output, err := sink.Open(p.t.Context(), p.uri("out"))
	if err != nil {
		p.t.Fatal(err)
	}
	published, err := output.Table(table)
	if err != nil {
		p.t.Fatal(err)
	}
	if published == nil {
		return 0
	}
	return published.Rows
}
