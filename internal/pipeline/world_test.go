package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"omega-export/internal/ledger"
	"omega-export/internal/omega"
	"omega-export/internal/sink"
	"omega-export/internal/source"
	"omega-export/schemas"
)

// call is one request that the API got.
type call struct {
	numero string
	at     time.Duration // since the world began
}

// api answers by a rule of the test's. Its time is the bubble's.
type api struct {
	begun  time.Time
	answer func(numero string, nth int, since time.Duration) omega.Answer // nth call for that number, from 1
	token  func(nth int) error                                            // nil: always given

	mutex       sync.Mutex // guards all below
	calls       []call
	perNumber   map[string]int
	tokens      int
	invalidated int
}

func (a *api) Token(context.Context) (omega.Token, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.tokens == a.invalidated {
		a.tokens++
		if a.token != nil {
			if err := a.token(a.tokens); err != nil {
				a.invalidated = a.tokens
				return omega.Token{}, err
			}
		}
	}
	return omega.Token{Generation: uint64(a.tokens)}, nil
}

func (*api) Prepare(context.Context) error { return nil }

func (a *api) Invalidate(generation uint64) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.invalidated = max(a.invalidated, int(generation))
}

// latency is how long answers take.
const latency = 300 * time.Millisecond

func (a *api) Call(ctx context.Context, token omega.Token, numero, _ string, written func(time.Time)) omega.Answer {
	at := time.Now()
	written(at)
	a.mutex.Lock()
	a.calls = append(a.calls, call{numero, at.Sub(a.begun)})
	a.perNumber[numero]++
	nth := a.perNumber[numero]
	a.mutex.Unlock()
	answer := a.answer(numero, nth, at.Sub(a.begun))
	answer.WrittenAt, answer.TokenGeneration = at, token.Generation
	select {
	case <-ctx.Done():
		answer.Kind, answer.Body = omega.Cancelled, nil
	case <-time.After(latency):
		answer.ReceivedAt = time.Now()
	}
	return answer
}

func (a *api) asked(numero string) int {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.perNumber[numero]
}

// documentBody is a document of the number, of type T.
func documentBody(numero string) []byte {
	return []byte(`{"numero_demande":"` + numero + `","type_demande":{"code":"T"},"champ":"` + numero + `"}`)
}

func documentOf(numero string) omega.Answer {
	return omega.Answer{Kind: omega.Document, HTTPStatus: 200, Body: documentBody(numero)}
}

func status(kind omega.Kind, code int) omega.Answer {
	return omega.Answer{Kind: kind, HTTPStatus: code, Body: []byte("text"), Message: "text"}
}

// world is a run's rooms: a real ledger and a real output, and an API of the test's.
type world struct {
	t          *testing.T
	folder     string
	api        *api
	config     Config
	lastReport Report
	others     []Supplier // beside supplier A, which calls api
	log        *slog.Logger
	watcher    Watcher
	tracer     trace.Tracer
}

func newWorld(t *testing.T, numbers int, answer func(numero string, nth int, since time.Duration) omega.Answer) *world {
	t.Helper()
	w := &world{t: t, folder: t.TempDir(), log: slog.New(slog.DiscardHandler), api: &api{begun: time.Now(), answer: answer, perNumber: map[string]int{}}}
	var list strings.Builder
	for i := range numbers {
		fmt.Fprintln(&list, number(i))
	}
	path := filepath.Join(w.folder, "list.txt")
	if err := os.WriteFile(path, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	w.config = Config{
		Lists: []string{path}, Refresh: ledger.Due, CodeCDGF: "A", Mode: "reel", MaxOutage: 3 * time.Hour, MaxInFlight: 32, LotAnswers: 1000,
		DueAfter: 20 * time.Hour, DueAtMost: 30 * 24 * time.Hour, Grace: 3 * time.Second, ExitCode: func(error) int { return 1 },
	}
	return w
}

func number(i int) string { return fmt.Sprintf("N%04d", i) }

// run does one run, as a process of its own would: with rooms opened anew.
func (w *world) run(ctx context.Context) error {
	w.t.Helper()
	books, err := ledger.Open(ctx, filepath.Join(w.folder, "state"), ledger.Options{Mode: "reel"})
	if err != nil {
		w.t.Fatal(err)
	}
	defer books.Close()
	output, err := sink.Open(ctx, filepath.Join(w.folder, "out"))
	if err != nil {
		w.t.Fatal(err)
	}
	quota, err := ledger.OpenQuota(filepath.Join(w.folder, "state"), "quota", 0)
	if err != nil {
		w.t.Fatal(err)
	}
	defer quota.Close()
	pacer, err := omega.NewPacer(omega.PacerOptions{Rate: 1, Gate: quota})
	if err != nil {
		w.t.Fatal(err)
	}
	set, err := schemas.Embedded()
	if err != nil {
		w.t.Fatal(err)
	}
	w.config.Source = source.Options{}
	w.lastReport, err = Run(ctx, w.config, Rooms{
		Ledger: books, Output: output, Schemas: set, Log: w.log, Progress: silent{}, Watcher: w.watcher, Tracer: w.tracer,
		Suppliers: append([]Supplier{{Code: "A", Client: w.api, Pacer: pacer}}, w.others...),
	})
	return err
}

type silent struct{}

func (silent) Planned(int64)   {}
func (silent) Advanced(Counts) {}
func (silent) Finished()       {}

// must runs to the end that want says; nil: complete.
func (w *world) must(want error) {
	w.t.Helper()
	if err := w.run(w.t.Context()); !errors.Is(err, want) {
		w.t.Fatalf("the run ends with %v, want %v", err, want)
	}
}

// rows are how many rows a table has in the output.
func (w *world) rows(table string) int64 {
	w.t.Helper()
	output, err := sink.Open(w.t.Context(), filepath.Join(w.folder, "out"))
	if err != nil {
		w.t.Fatal(err)
	}
	published, err := output.Table(table)
	if err != nil {
		w.t.Fatal(err)
	}
	if published == nil {
		return 0
	}
	return published.Rows
}

// spacing fails if two calls came nearer than the quota's second.
func (w *world) spacing() {
	w.t.Helper()
	for i := 1; i < len(w.api.calls); i++ {
		if gap := w.api.calls[i].at - w.api.calls[i-1].at; gap < time.Second {
			w.t.Errorf("call %d came %s after the one before", i, gap)
		}
	}
}
