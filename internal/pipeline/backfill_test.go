package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"omega-export/internal/ledger"
	"omega-export/internal/omega"
	"omega-export/internal/omega/simulator"
	"omega-export/internal/sink"
	"omega-export/schemas"
)

// A backfill of three days' quota, from a Friday noon in Paris over the night in which summer time ends.
const (
	backfillNumbers = 3 * 86_400
	backfillLot     = 1200 // answers, 20 minutes
	// The API and its token service are down in the third night.
	outageBegins = 64 * time.Hour
	outageLasts  = 2 * time.Hour
	// Of the whole test process, with the simulator's own counts of every number, which are some 30 MiB of it.
	backfillHeap = 192 << 20
)

func backfillBegins() time.Time { return time.Date(2000, time.October, 27, 10, 0, 0, 0, time.UTC) }

// backfillStops is when the process is told to stop, and is started again at once: on an evening, in the moment when
// the clock changes, in the midst of the outage.
func backfillStops() []time.Duration {
	return []time.Duration{9 * time.Hour, 39 * time.Hour, 65 * time.Hour}
}

func TestABackfillOfThreeDaysUsesEverySlot(t *testing.T) {
	if testing.Short() || raceDetected() {
		t.Skip("259,200 answers, each committed by itself, take a minute, and several under the race detector")
	}
	begun := time.Now()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(backfillBegins()))
		b := newBackfill(t)
		for _, stop := range backfillStops() {
			ctx, cancel := context.WithDeadline(t.Context(), backfillBegins().Add(stop))
			err := b.run(ctx)
			if !errors.Is(err, ErrStopped) || ctx.Err() == nil {
				t.Fatalf("the run that is told to stop after %s ends after %s: %v", stop, time.Since(backfillBegins()), err)
			}
			cancel()
		}
		if err := b.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.everyNumberHasItsDocument()
		b.everySlotIsUsed()
		b.sundayHasTwentyFiveHours()
		if b.mostHeap > backfillHeap {
			t.Errorf("%d MiB of heap", b.mostHeap>>20)
		}
	})
	t.Logf("%s of real time", time.Since(begun).Round(time.Second))
}

// raceDetected says whether the race detector is built in.
func raceDetected() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// backfill is a world whose API is the simulator behind the real client, without a network between them.
type backfill struct {
	*world
	simulator *simulator.Simulator

	mutex       sync.Mutex               // guards all below
	refuse      map[string]func() string // the Retry-After with which a number is refused at its first call
	calls       int                      // for demandes
	first, last time.Time                // of the calls
	mostHeap    uint64                   // bytes
}

func newBackfill(t *testing.T) *backfill {
	t.Helper()
	b := &backfill{world: newWorld(t, backfillNumbers, nil)}
	b.config.Refresh, b.config.LotAnswers = ledger.Missing, backfillLot
	// Each answer is a commit that waits for the disk, where there is one.
	if memory, err := os.MkdirTemp("/dev/shm", "backfill"); err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(memory) })
		b.folder = memory
	}
	b.refuse = map[string]func() string{
		number(100_000): func() string { return "120" },
		number(200_000): func() string { return time.Now().Add(2 * time.Minute).UTC().Format(http.TimeFormat) },
	}
	const document = `{"numero_demande":"N","type_demande":{"code":"T"},"statut_externe_demande":{"code":"PLANIF","libelle":"Planifiée"},` +
		`"date_dernier_changement_statut_externe":"2000-10-20","informations_client":{"adresse":{"commune":"LYON"}}}`
	var err error
	b.simulator, err = simulator.New(simulator.Options{
		Corpus: []byte(document), Latency: time.Second, LatencyJitter: time.Second, TokenLife: time.Hour,
		Outages: []simulator.Outage{{From: outageBegins, For: outageLasts, Tokens: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RoundTrip brings a request to the simulator: what is written has arrived.
func (b *backfill) RoundTrip(request *http.Request) (*http.Response, error) {
	if trace := httptrace.ContextClientTrace(request.Context()); trace != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
	answer := httptest.NewRecorder()
	if wait := b.arrived(request); wait != "" {
		answer.Header().Set("Retry-After", wait)
		answer.WriteHeader(http.StatusTooManyRequests)
	} else {
		b.simulator.ServeHTTP(answer, request)
	}
	return answer.Result(), nil
}

// arrived notes a call, and says whether it is to be refused.
func (b *backfill) arrived(request *http.Request) (retryAfter string) {
	if request.URL.Path == simulator.TokenPath {
		return ""
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.last = time.Now()
	if b.first.IsZero() {
		b.first = b.last
	}
	if b.calls++; b.calls%1000 == 0 {
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		b.mostHeap = max(b.mostHeap, memory.HeapAlloc)
	}
	numero := path.Base(path.Dir(request.URL.Path))
	if refuse := b.refuse[numero]; refuse != nil {
		delete(b.refuse, numero)
		return refuse()
	}
	return ""
}

// run does one run, as a process of its own would: with rooms opened anew.
func (b *backfill) run(ctx context.Context) error {
	b.t.Helper()
	client := b.client()
	defer client.Close()
	books, err := ledger.Open(ctx, filepath.Join(b.folder, "state"), ledger.Options{Mode: "reel"})
	if err != nil {
		b.t.Fatal(err)
	}
	defer books.Close()
	output, err := sink.Open(ctx, filepath.Join(b.folder, "out"))
	if err != nil {
		b.t.Fatal(err)
	}
	quota, err := ledger.OpenQuota(filepath.Join(b.folder, "state"), "quota", 0)
	if err != nil {
		b.t.Fatal(err)
	}
	defer quota.Close()
	pacer, err := omega.NewPacer(omega.PacerOptions{Rate: 1, Gate: quota})
	if err != nil {
		b.t.Fatal(err)
	}
	set, err := schemas.Embedded()
	if err != nil {
		b.t.Fatal(err)
	}
	b.lastReport, err = Run(ctx, b.config, Rooms{
		Ledger: books, Output: output, Schemas: set, Log: slog.New(slog.DiscardHandler), Progress: silent{},
		Suppliers: []Supplier{{Code: "A", Client: client, Pacer: pacer}},
	})
	return err
}

func (b *backfill) client() *omega.Client {
	b.t.Helper()
	client, err := omega.NewClient(omega.Settings{
		BaseURL: "https://api.test" + simulator.BasePath, Path: "/demande/v1/demandes/" + omega.Number + "/externe",
		TokenURL: "https://api.test" + simulator.TokenPath, ClientID: "id", ClientSecret: "secret", UserLogin: "login", Transport: b,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return client
}

func (b *backfill) everyNumberHasItsDocument() {
	b.t.Helper()
	stats := b.simulator.Stats()
	down := stats.Faults["outage"]
	b.t.Logf("%d calls, %d of them in the outage, %d refused by the strictest gateway; %d tokens", stats.Arrivals, down, stats.Refused, stats.TokensGiven)
	if stats.Documents != backfillNumbers || stats.DistinctNumbers != backfillNumbers || stats.Repeats != 0 {
		b.t.Errorf("%d documents of %d numbers, %d of them again", stats.Documents, stats.DistinctNumbers, stats.Repeats)
	}
	if stats.Arrivals != stats.Documents+down || stats.Refused != 0 {
		b.t.Errorf("%d calls brought %d documents; %d were refused", stats.Arrivals, stats.Documents, stats.Refused)
	}
	// A call a minute, and those that it takes to see that the API is down, twice.
	if most := int64(outageLasts.Minutes()) + 2*(outageAfter+10); down > most {
		b.t.Errorf("%d calls in the outage, want at most %d", down, most)
	}
	if len(b.refuse) != 0 {
		b.t.Errorf("%d numbers that are refused at first were not asked for", len(b.refuse))
	}
	for _, table := range []string{"demande_t", "reponses"} {
		if rows := b.rows(table); rows != backfillNumbers {
			b.t.Errorf("table %s has %d rows", table, rows)
		}
	}
	// A token lives for an hour and is renewed at four fifths of it; each of four processes gets its own.
	if most := int64((b.last.Sub(b.first)-outageLasts)/(48*time.Minute)) + 4; stats.TokensGiven > most {
		b.t.Errorf("%d tokens, want at most %d", stats.TokensGiven, most)
	}
}

// everySlotIsUsed measures at the gateway. The waits that it asked for and the restarts count as slots unused.
func (b *backfill) everySlotIsUsed() {
	b.t.Helper()
	used := backfillNumbers / (b.last.Sub(b.first) - outageLasts).Seconds()
	b.t.Logf("%.4f of the quota used outside of the outage; %d MiB of heap at most", used, b.mostHeap>>20)
	if used < 0.98 || used > 1 {
		b.t.Errorf("%.4f of the quota was used outside of the outage", used)
	}
}

// sundayHasTwentyFiveHours looks at the days under which the answers are published.
func (b *backfill) sundayHasTwentyFiveHours() {
	b.t.Helper()
	output, err := sink.Open(b.t.Context(), filepath.Join(b.folder, "out"))
	if err != nil {
		b.t.Fatal(err)
	}
	published, err := output.Table("reponses")
	if err != nil {
		b.t.Fatal(err)
	}
	days := map[string]int64{}
	for _, file := range published.Files {
		days[strings.Split(file.Path, "/")[1]] += file.Rows
	}
	want := int64(25 * 3600 * 0.998)
	if sunday := days["date_export=2000-10-29"]; len(days) != 4 || sunday < want-backfillLot || sunday > want+backfillLot {
		b.t.Errorf("answers by day: %v; want about %d on Sunday", days, want)
	}
}
