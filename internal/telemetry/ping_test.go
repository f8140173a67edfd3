package telemetry

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// dog is a watchdog that answers by a rule.
type dog struct {
	*httptest.Server
	mutex sync.Mutex
	paths []string
	body  string
}

func newDog(t *testing.T, answer func(nth int) int) *dog {
	d := &dog{}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d.mutex.Lock()
		d.paths, d.body = append(d.paths, r.Method+" "+r.URL.RequestURI()), string(body)
		nth := len(d.paths)
		d.mutex.Unlock()
		w.WriteHeader(answer(nth))
	}))
	t.Cleanup(d.Close)
	return d
}

func watchdog(t *testing.T, address string) *Watchdog {
	t.Helper()
	w, err := NewWatchdog(address, "6f7c", "test")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestTheWatchdogHearsOfBeginAndEnd(t *testing.T) {
	d := newDog(t, func(int) int { return 200 })
	w := watchdog(t, d.URL+"/ping/uuid-canary/?create=1")
	if err := w.Started(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, code := range []int{0, 75} {
		s := full()
		s.ExitCode = code
		if err := w.Ended(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"POST /ping/uuid-canary/start?create=1&rid=6f7c", "POST /ping/uuid-canary?create=1&rid=6f7c", "POST /ping/uuid-canary/75?create=1&rid=6f7c"}
	if !slices.Equal(d.paths, want) {
		t.Errorf("got %q, want %q", d.paths, want)
	}
	for _, line := range []string{"export: nuit", "outcome: stopped, exit 75, after 1h0m0s", "calls: 702, refused for coming too early: 2", "rejects: acces_refuse 10, introuvable 90"} {
		if !strings.Contains(d.body, line) {
			t.Errorf("the body has no %q:\n%s", line, d.body)
		}
	}
}

func TestABadMomentOfTheWatchdogPasses(t *testing.T) {
	d := newDog(t, func(nth int) int { return []int{503, 200}[nth-1] })
	if err := watchdog(t, d.URL).Started(t.Context()); err != nil || len(d.paths) != 2 {
		t.Errorf("%v after %d pings", err, len(d.paths))
	}
}

func TestAWatchdogThatRefusesIsNotAskedAgain(t *testing.T) {
	for _, status := range []int{404, 302} {
		d := newDog(t, func(int) int { return status })
		err := watchdog(t, d.URL+"/uuid-canary").Started(t.Context())
		if err == nil || len(d.paths) != 1 || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v after %d pings", err, len(d.paths))
		}
	}
}

// In the bubble the ten seconds pass at once; the connection is a pipe whose other end never answers.
func TestAWatchdogThatDoesNotAnswerCostsTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watchdog(t, "http://127.0.0.1:1/uuid-canary")
		near, far := net.Pipe()
		defer far.Close()
		go func() { _, _ = io.Copy(io.Discard, far) }()
		w.client.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
		begun := time.Now()
		err := w.Started(t.Context())
		if err == nil || time.Since(begun) != pingPatience || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
	})
}

func TestAnErrorShowsNothingOfTheAddress(t *testing.T) {
	for _, address := range []string{"https://nowhere-canary.invalid/uuid-canary", "http://127.0.0.1:1/uuid-canary", "https://127.0.0.1:1/uuid-canary?key=canary"} {
		w := watchdog(t, address)
		w.client.Timeout = 5 * time.Second
		if _, err := w.post(t.Context(), "/start", ""); err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("got %v", err)
		}
	}
	for _, address := range []string{"http://example.com/uuid-canary", "ftp://127.0.0.1/uuid-canary", "uuid-canary", "https://h/uuid-canary\x7f", "https://h/a#uuid-canary", ""} {
		if _, err := NewWatchdog(address, "", ""); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: got %v", address, err)
		}
	}
}
