package pipeline

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"omega-export/internal/ledger"
	"omega-export/internal/omega"
	"omega-export/internal/sink"
)

// manyWays answers every way that the ledger tells apart: documents that change now and then, with and without a date of
// their status; rejects of several kinds, also before and after documents; pages that are no document; failures.
func manyWays(begun time.Time) func(string, int, time.Duration) omega.Answer {
	return func(numero string, nth int, since time.Duration) omega.Answer {
		night := int(since / (24 * time.Hour))
		var i int
		if _, err := fmt.Sscanf(numero, "N%d", &i); err != nil {
			panic(err)
		}
		switch i % 10 {
		case 0: // never changes
			return documentOf(numero)
		case 1, 2: // changes every i nights
			version := night / (1 + i%7)
			day := begun.AddDate(0, 0, version-30).Format(time.DateOnly)
			return omega.Answer{Kind: omega.Document, HTTPStatus: 200, Body: fmt.Appendf(nil,
				`{"numero_demande":%q,"type_demande":{"code":"CHF"},"statut_externe_demande":{"code":"S%d"},"date_dernier_changement_statut_externe":%q}`, numero, version, day)}
		case 3:
			return status(omega.Rejected, 404)
		case 4: // found later
			if night < 3 {
				return status(omega.Rejected, 404)
			}
			return documentOf(numero)
		case 5: // lost later
			if night > 2 {
				return status(omega.Rejected, 404)
			}
			return documentOf(numero)
		case 6: // a page of something between, first
			if nth%3 == 1 {
				return omega.Answer{Kind: omega.Document, HTTPStatus: 200, Body: []byte("<html>")}
			}
			return documentOf(numero)
		case 7: // always such a page
			return omega.Answer{Kind: omega.Document, HTTPStatus: 200, Body: []byte("<html>")}
		case 8:
			return status(omega.Transient, 503)
		}
		if night%2 == 0 { // comes back with what it had
			return status(omega.Transient, 503)
		}
		return documentOf(numero)
	}
}

// knownNumbers is what a ledger knows of its numbers, a line each.
func knownNumbers(t *testing.T, folder string) []string {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(folder, "ledger.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// How many calls a document took is in no table, and the due time of a sum of fractions may differ by a microsecond.
	rows, err := db.Query(`SELECT printf('%s code %s settled %s due %s every %s http %s attempts %s motif %s rejects %d failed %d sha %s type %s statut %s changed %s unchanged %d',
		numero, code_cdgf, settled_at, next_due / 10000, every, http_status, iif(motif IS NULL, '', attempts), motif, rejects, failed_runs, hex(document_sha256), document_type, statut, changed_at, unchanged)
		FROM demandes ORDER BY numero`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

// rebuilt rebuilds the world's ledger in another folder.
func (w *world) rebuilt(state string) (RebuildReport, error) {
	w.t.Helper()
	books, err := ledger.Open(w.t.Context(), state, ledger.Options{Mode: "reel"})
	if err != nil {
		w.t.Fatal(err)
	}
	defer books.Close()
	output, err := sink.Open(w.t.Context(), filepath.Join(w.folder, "out"))
	if err != nil {
		w.t.Fatal(err)
	}
	return Rebuild(w.t.Context(), RebuildConfig{DueAfter: w.config.DueAfter, DueAtMost: w.config.DueAtMost}, books, output)
}

// bubble does a part of the world's life in a bubble of its own, in which time begins anew. The rebuilding is done
// outside: the Parquet reader's pools outlive a bubble.
func (w *world) bubble(t *testing.T, live func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(inner *testing.T) {
		w.t = inner
		live(inner)
	})
	w.t = t
}

func TestARebuiltLedgerKnowsWhatTheLostOneKnew(t *testing.T) {
	w := newWorld(t, 100, nil)
	w.config.LotAnswers = 40
	w.bubble(t, func(t *testing.T) {
		w.api.begun = time.Now()
		w.api.answer = manyWays(w.api.begun)
		for range 9 {
			if err := w.run(t.Context()); err != nil && !errors.Is(err, ErrOutage) {
				t.Fatal(err)
			}
			time.Sleep(24*time.Hour - time.Since(w.api.begun)%(24*time.Hour))
		}
	})
	want := knownNumbers(t, filepath.Join(w.folder, "state"))
	fresh := filepath.Join(t.TempDir(), "state")
	report, err := w.rebuilt(fresh)
	if err != nil {
		t.Fatal(err)
	}
	if report.Numbers != 100 || report.Answers == 0 || report.Documents == 0 || report.Rejects == 0 {
		t.Errorf("rebuilt from %+v", report)
	}
	got := knownNumbers(t, fresh)
	if len(got) != len(want) {
		t.Fatalf("%d numbers are known, %d were", len(got), len(want))
	}
	motifs := map[string]bool{}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("now  %s\nlost %s", got[i], want[i])
		}
		_, motif, _ := strings.Cut(want[i], " motif ")
		motif, _, _ = strings.Cut(motif, " ")
		motifs[motif] = true
	}
	if !motifs[""] || !motifs["introuvable"] || !motifs["reponse_illisible"] || !motifs["erreur_serveur"] {
		t.Errorf("the world has only %v", motifs)
	}
	if _, err := w.rebuilt(fresh); !errors.Is(err, ledger.ErrNotEmpty) {
		t.Errorf("a ledger that knows numbers is rebuilt: %v", err)
	}
}

func TestAfterARebuildARunAsksOnlyForWhatIsDue(t *testing.T) {
	w := newWorld(t, 50, func(numero string, _ int, _ time.Duration) omega.Answer { return documentOf(numero) })
	w.bubble(t, func(*testing.T) { w.must(nil) })
	state := filepath.Join(w.folder, "state")
	if err := os.RemoveAll(state); err != nil {
		t.Fatal(err)
	}
	if _, err := w.rebuilt(state); err != nil {
		t.Fatal(err)
	}
	w.bubble(t, func(t *testing.T) {
		time.Sleep(time.Hour)
		w.must(nil)
		if len(w.api.calls) != 50 {
			t.Fatalf("%d calls, want the 50 of before", len(w.api.calls))
		}
		time.Sleep(40 * 24 * time.Hour)
		w.must(nil)
		if w.lastReport.Counts.Unchanged != 50 {
			t.Errorf("%d of 50 unchanged answers are known to be so", w.lastReport.Counts.Unchanged)
		}
	})
}

func TestWhatStandsOpenIsPublishedEverySoOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1000, func(numero string, _ int, _ time.Duration) omega.Answer { return documentOf(numero) })
		w.config.SealEvery = 5 * time.Minute
		ctx, kill := context.WithCancel(t.Context())
		defer kill()
		ended := make(chan error, 1)
		go func() { ended <- w.run(ctx) }()
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		if rows := w.rows("demande_t"); rows < 550 || rows > 600 {
			t.Errorf("%d rows are published after 11 minutes, want those of 10", rows)
		}
		kill()
		if err := <-ended; !errors.Is(err, ErrStopped) {
			t.Fatal(err)
		}
	})
}

func TestHeadsAreSortedAlikeInMemoryAndFromAFile(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	heads := make([]sink.Head, 5000)
	for i := range heads {
		heads[i] = sink.Head{
			Kind: sink.HeadKind(random.IntN(3)), Numero: fmt.Sprintf("N%03d", random.IntN(400)), CodeCDGF: "A", HTTPStatus: 200 * random.IntN(2),
			FetchedAt: time.UnixMicro(random.Int64N(1e15)).UTC(), Motif: fmt.Sprint("m", random.IntN(3)), Attempts: random.IntN(5), Type: "CHF", Statut: fmt.Sprint(random.IntN(9)),
		}
		heads[i].SHA256[0] = byte(i)
		if i%2 == 0 {
			heads[i].StatutSince = time.Unix(random.Int64N(1e5)*86400, 0).UTC()
		}
	}
	sorted := func(limit int) []sink.Head {
		sorter := newHeadSorter(t.TempDir())
		sorter.limit = limit
		defer sorter.close()
		for i := range heads {
			if err := sorter.add(&heads[i]); err != nil {
				t.Fatal(err)
			}
		}
		var all []sink.Head
		for head, err := range sorter.sorted() {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, head)
		}
		return all
	}
	inMemory := sorted(len(heads) + 1)
	if fromFile := sorted(300); !slices.Equal(fromFile, inMemory) {
		t.Error("the heads differ")
	}
	if whole := sorted(500); len(whole) != len(heads) {
		t.Errorf("%d heads of %d", len(whole), len(heads))
	}
	for i := 1; i < len(inMemory); i++ {
		a, b := &inMemory[i-1], &inMemory[i]
		if a.Numero > b.Numero || a.Numero == b.Numero && a.Kind != sink.HeadDocument && b.Kind == sink.HeadDocument {
			t.Fatalf("%v stands before %v", a, b)
		}
	}
}
