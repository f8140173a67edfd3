package e2e

import (
	"bytes"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	nightAnswers  = 4  // rows a table and night
	nightDemandes = 20 // a table
)

// nightsProgram is ./nights, built once.
var nightsProgram = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(binary), "nights")
	if text, err := exec.Command("go", "build", "-o", path, "./nights").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building nights: %w\n%s", err, text)
	}
	return path, nil
})

// nights is the command that publishes nights into an output.
func nights(t *testing.T, out string, flags ...string) *exec.Cmd {
	t.Helper()
	program, err := nightsProgram()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(program, append([]string{
		"-out", out, "-corpus", corpus, "-answers", fmt.Sprint(nightAnswers), "-demandes", fmt.Sprint(nightDemandes),
	}, flags...)...)
}

func nightsOutput(t *testing.T, count int) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	if text, err := nights(t, out, "-nights", fmt.Sprint(count)).CombinedOutput(); err != nil {
		t.Fatalf("nights: %v\n%s", err, text)
	}
	return out
}

// does runs the program, which must succeed, and gives what it printed.
func does(t *testing.T, args ...string) string {
	t.Helper()
	var text bytes.Buffer
	command := exec.Command(binary, args...)
	command.Stdout, command.Stderr = &text, &text
	if err := command.Run(); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, text.String())
	}
	return text.String()
}

// everything is all that the views of an output show, as one text.
func everything(t *testing.T, out string) string {
	t.Helper()
	db := views(t, out)
	var names []string
	for _, row := range rows(t, db, "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1") {
		names = append(names, row["view_name"].(string))
	}
	return sortedRows(t, db, names)
}

// typedRows is the rows of the typed tables, as one text.
func typedRows(t *testing.T, out string) string {
	t.Helper()
	db := views(t, out)
	return sortedRows(t, db, typedTables(t, db))
}

func sortedRows(t *testing.T, db *sql.DB, names []string) string {
	t.Helper()
	var text strings.Builder
	for _, name := range names {
		for _, row := range rows(t, db, fmt.Sprintf("SELECT CAST(to_json(t) AS VARCHAR) AS j FROM %q t ORDER BY 1", name)) {
			fmt.Fprintf(&text, "%s %s\n", name, row["j"])
		}
	}
	return text.String()
}

// shape is the columns of all views, in order.
func shape(t *testing.T, out string) string {
	t.Helper()
	var text strings.Builder
	for _, row := range rows(t, views(t, out), "SELECT view_name || ' ' || column_name || ' ' || data_type AS c FROM duckdb_columns() JOIN duckdb_views() ON table_name = view_name WHERE NOT duckdb_views.internal ORDER BY view_name, column_index") {
		fmt.Fprintln(&text, row["c"])
	}
	return text.String()
}

func TestTheViewsShowTheSameAfterCompactAndReplay(t *testing.T) {
	t.Parallel()
	out := nightsOutput(t, 10)
	before, columns := everything(t, out), shape(t, out)
	if !strings.Contains(before, "historique_statuts") || strings.Count(before, "\ndemande_") < 23*10*nightAnswers {
		t.Fatalf("the views show %d bytes", len(before))
	}
	for _, args := range [][]string{
		{"compact", "--grace", "0s"},
		{"compact", "--grace", "0s"},
		{"replay", "--grace", "0s", "--progress", "none"},
		{"compact", "--grace", "0s", "--tables", "demande_chf,reponses"},
		{"compact", "--grace", "0s"},
		{"replay", "--grace", "0s", "--progress", "none"},
	} {
		does(t, append(args, "--out", out)...)
		does(t, "verify", "--deep", "--out", out)
		if after := everything(t, out); after != before {
			t.Fatalf("after %q the views show: %s", args, firstDifference(after, before))
		}
		if after := shape(t, out); after != columns {
			t.Fatalf("after %q the views have other columns: %s", args, firstDifference(after, columns))
		}
	}
}

// In the made-up nights a demande changes its status every 5 nights, and the first answer of a night comes again, as it
// was, the night after.
func TestStatusesLastUntilTheNextOne(t *testing.T) {
	t.Parallel()
	out := nightsOutput(t, 12)
	for _, when := range []string{"before", "after"} {
		db := views(t, out)
		for query, want := range map[string]string{
			`SELECT string_agg(statut_externe_demande__code || ' ' || CAST(premiere_vue AS DATE) || ' ' || CAST(derniere_vue AS DATE) || ' ' || round(jours) || ' ' || en_cours, ', ' ORDER BY premiere_vue)
				FROM historique_statuts WHERE numero_demande = 'N-CHF-00000'`: "CREEE 2025-01-01 2025-01-02 5.0 false, ENCOURS 2025-01-06 2025-01-07 5.0 false, ATTRDV 2025-01-11 2025-01-12 1.0 true",
			"SELECT count(*) || ' ' || count(DISTINCT numero_demande) FROM historique_statuts WHERE en_cours":                                                                                fmt.Sprintf("%d %d", 23*nightDemandes, 23*nightDemandes),
			"SELECT min(round(jours)) || ' ' || max(round(jours)) FROM historique_statuts WHERE NOT en_cours":                                                                                "5.0 5.0",
			"SELECT count(*)::VARCHAR FROM historique_statuts h JOIN historique_statuts n USING (numero_demande) WHERE n.premiere_vue > h.premiere_vue AND n.premiere_vue <= h.derniere_vue": "0",
		} {
			var got string
			if err := db.QueryRow(query).Scan(&got); err != nil || got != want {
				t.Errorf("%s compact: %s\ngives %q, %v; want %q", when, query, got, err, want)
			}
		}
		does(t, "compact", "--grace", "0s", "--out", out)
	}
}

// Each number is asked for by itself, so that DuckDB looks into the Bloom filters.
func TestEachNumberIsFoundInCompactedFiles(t *testing.T) {
	t.Parallel()
	out := nightsOutput(t, 10)
	does(t, "compact", "--grace", "0s", "--out", out)
	db := views(t, out)
	for _, table := range []string{"demande_chf", "reponses"} {
		all := rows(t, db, fmt.Sprintf("SELECT numero_demande, count(*) AS c FROM %q GROUP BY 1", table))
		if len(all) < nightDemandes {
			t.Fatalf("%d numbers", len(all))
		}
		for _, row := range all[:min(len(all), 100)] {
			query := fmt.Sprintf("SELECT count(*) FROM %q WHERE numero_demande = '%s'", table, row["numero_demande"])
			if got := count(t, db, query); got != row["c"].(int64) {
				t.Errorf("%s gives %d, want %d", query, got, row["c"])
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(out, "demande_chf", "compact", "*.parquet"))
	if err != nil || len(files) != 1 {
		t.Fatalf("compacted files %q: %v", files, err)
	}
	filters := count(t, db, fmt.Sprintf("SELECT count(*) FROM parquet_metadata('%s') WHERE path_in_schema = 'numero_demande' AND bloom_filter_offset IS NOT NULL", files[0]))
	excluded := count(t, db, fmt.Sprintf("SELECT count(*) FROM parquet_bloom_probe('%s', 'numero_demande', 'N-nowhere') WHERE bloom_filter_excludes", files[0]))
	if filters == 0 || excluded == 0 {
		t.Errorf("DuckDB sees %d filters, of which %d exclude a number that is not there", filters, excluded)
	}
}

func TestACompactionKilledAtRandomMomentsChangesNothing(t *testing.T) {
	t.Parallel()
	seed := setting(t, "OMEGA_E2E_SEED", int(time.Now().UnixNano()%1_000_000))
	t.Logf("OMEGA_E2E_SEED=%d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	alone := nightsOutput(t, 4)
	began := time.Now()
	does(t, "compact", "--out", alone, "--progress", "none", "--grace", "0s")
	whole := time.Since(began)
	out := nightsOutput(t, 4)
	published := 4
	before := typedRows(t, out)
	kills := 0
	for range setting(t, "OMEGA_E2E_KILLS", 12) {
		command := exec.Command(binary, "compact", "--out", out, "--progress", "none", "--grace", "0s")
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(random.Float64()*float64(whole)), func() { _ = command.Process.Kill() })
		err := command.Wait()
		timer.Stop()
		if after := typedRows(t, out); after != before {
			t.Fatalf("after a kill the tables differ: %s", firstDifference(after, before))
		}
		if err != nil {
			kills++
			continue
		}
		// It was done before it was killed: there must be something to do again.
		if text, err := nights(t, out, "-first", fmt.Sprint(published), "-nights", "2").CombinedOutput(); err != nil {
			t.Fatalf("nights: %v\n%s", err, text)
		}
		published += 2
		before = typedRows(t, out)
	}
	does(t, "compact", "--out", out, "--grace", "0s")
	does(t, "verify", "--deep", "--out", out)
	if after := typedRows(t, out); after != before {
		t.Errorf("after %d kills the tables differ: %s", kills, firstDifference(after, before))
	}
	t.Logf("%d compactions were killed in the middle; a whole one takes %s", kills, whole)
	if kills == 0 {
		t.Error("none was killed in the middle")
	}
}

func TestCompactAndReplayDoNotMeet(t *testing.T) {
	t.Parallel()
	out := nightsOutput(t, 3)
	holder := exec.Command("flock", filepath.Join(out, "_lots", ".replacing"), "sleep", "60")
	if err := holder.Start(); err != nil {
		t.Skipf("no flock: %v", err)
	}
	defer func() { _ = holder.Process.Kill(); _ = holder.Wait() }()
	var text []byte
	for range 100 { // until flock has it
		command := exec.Command(binary, "compact", "--out", out, "--progress", "none", "--tables", "demande_chf")
		var err error
		if text, err = command.CombinedOutput(); exitOf(t, err) == 75 {
			return
		}
		time.Sleep(20 * time.Millisecond) // another process's clock
	}
	t.Errorf("compact beside a replacement: %s", text)
}

// TestAYearOfNights measures a query of the views over 365 nights of 23 types, before and after compact.
func TestAYearOfNights(t *testing.T) {
	if os.Getenv("OMEGA_E2E_NIGHTS") == "" {
		t.Skip("set OMEGA_E2E_NIGHTS=1: it takes minutes")
	}
	began := time.Now()
	out := nightsOutput(t, setting(t, "OMEGA_E2E_NIGHT_COUNT", 365))
	t.Logf("published in %s", time.Since(began).Round(time.Second))
	queries := map[string]string{
		"count of one table":    "SELECT count(*) FROM demande_chf",
		"one number":            "SELECT count(*) FROM demande_chf WHERE numero_demande = 'N-CHF-00007'",
		"newest rows of a type": "SELECT statut_externe_demande__code, count(*) FROM demande_chf_courant GROUP BY 1",
		"days in each status":   "SELECT \"table\", statut_externe_demande__code, avg(jours), count(*) FROM historique_statuts GROUP BY 1, 2",
	}
	measure := func(when string) {
		files, err := filepath.Glob(filepath.Join(out, "*", "*", "*.parquet"))
		if err != nil {
			t.Fatal(err)
		}
		size := int64(0)
		for _, file := range files {
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			size += info.Size()
		}
		began := time.Now()
		db := views(t, out)
		t.Logf("%s: %d files, %d bytes; the views made in %.3f s", when, len(files), size, time.Since(began).Seconds())
		for name, query := range queries {
			began := time.Now()
			rows(t, db, query)
			t.Logf("%s: %s: %.3f s", when, name, time.Since(began).Seconds())
		}
	}
	measure("before")
	began = time.Now()
	text := does(t, "compact", "--grace", "0s", "--out", out)
	t.Logf("compact took %.1f s: %s", time.Since(began).Seconds(), text[strings.LastIndex(text, "together"):])
	measure("after")
	began = time.Now()
	t.Logf("%s in %.1f s", does(t, "verify", "--deep", "--out", out), time.Since(began).Seconds())
}
