package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// replayed runs `replay` to the end, which must come with that exit code.
func replayed(t *testing.T, code int, flags ...string) string {
	t.Helper()
	var text bytes.Buffer
	command := exec.Command(binary, append([]string{"replay", "--progress", "none"}, flags...)...)
	command.Stdout, command.Stderr = &text, &text
	if got := exitOf(t, command.Run()); got != code {
		t.Fatalf("replay %q exits %d, want %d:\n%s", flags, got, code, text.String())
	}
	return text.String()
}

// corpusOutput is an output of the whole corpus.
func corpusOutput(t *testing.T) *place {
	t.Helper()
	p := served(t, "--gateway", "none", "--latency", "1ms")
	p.run(0, "--list", "../testdata/numeros.txt", "--rate", "500")
	return p
}

func TestReplayGivesTheSameTables(t *testing.T) {
	t.Parallel()
	p := corpusOutput(t)
	before := contents(t, views(t, p.out))
	if before == "" {
		t.Fatal("the corpus gives no rows")
	}
	for _, flags := range [][]string{nil, {"--relearn"}, {"--types", "chf,MES"}, nil} {
		replayed(t, 0, append([]string{"--out", p.out, "--grace", "0s"}, flags...)...)
		p.verify()
		if after := contents(t, views(t, p.out)); after != before {
			t.Errorf("replay %q changes the tables:\n%s", flags, firstDifference(after, before))
		}
	}
	// Nothing of the old files is left, as there was no grace.
	files, err := filepath.Glob(filepath.Join(p.out, "demande_chf", "*", "*.parquet"))
	if err != nil || len(files) != 1 || !strings.HasPrefix(filepath.Base(files[0]), "replay-") {
		t.Errorf("files of demande_chf: %q, %v", files, err)
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	replayed(t, 0, "--out", p.out, "--to", elsewhere)
	if after := contents(t, views(t, elsewhere)); after != before {
		t.Errorf("replay --to gives other tables:\n%s", firstDifference(after, before))
	}
	if text, err := exec.Command(binary, "verify", "--out", elsewhere).CombinedOutput(); err != nil {
		t.Errorf("verify of --to: %v\n%s", err, text)
	}
}

// TestAReplayUnderOtherSchemasMendsTheTables declares a wider type for a column that was learned too narrow.
func TestAReplayUnderOtherSchemasMendsTheTables(t *testing.T) {
	t.Parallel()
	document := `{"numero_demande":"N%d","type_demande":{"code":"CHF"},"informations_client":{"montant":%s}}`
	p := nightOf(t, nil, fmt.Sprintf(document, 1, "7"))
	nightOf(t, p, fmt.Sprintf(document, 2, "7.25"))
	schema := filepath.Join(t.TempDir(), "schemas")
	if err := os.Mkdir(schema, 0o700); err != nil {
		t.Fatal(err)
	}
	text := "version: 1\ncode: CHF\nlibelle: Changement\ncolonnes:\n  - chemin: informations_client.montant\n    type: DECIMAL(9,2)\n"
	if err := os.WriteFile(filepath.Join(schema, "chf.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	query := "SELECT string_agg(numero_demande || ' ' || ifnull(informations_client__montant::VARCHAR, '-') || ' ' || ifnull(_champs_inconnus, '-'), ', ' ORDER BY numero_demande) AS r FROM demande_chf"
	if got := rows(t, views(t, p.out), query)[0]["r"]; got != `N1 7 -, N2 - {"informations_client":{"montant":7.25}}` {
		t.Errorf("before: %v", got)
	}
	replayed(t, 0, "--out", p.out, "--schemas", schema)
	p.verify()
	if got := rows(t, views(t, p.out), query)[0]["r"]; got != "N1 7.00 -, N2 7.25 -" {
		t.Errorf("after: %v", got)
	}
	// The next night goes on with the new type.
	nightWith(t, p, []string{"--schemas", schema}, fmt.Sprintf(document, 3, "8.5"))
	p.verify()
	if got := rows(t, views(t, p.out), query)[0]["r"]; got != "N1 7.00 -, N2 7.25 -, N3 8.50 -" {
		t.Errorf("the night after: %v", got)
	}
}

// TestAReplayKilledAnywhereLeavesTheTablesWhole kills it at random moments; the views must give the same rows each time.
func TestAReplayKilledAnywhereLeavesTheTablesWhole(t *testing.T) {
	t.Parallel()
	p := corpusOutput(t)
	before := contents(t, views(t, p.out))
	random := rand.New(rand.NewPCG(7, 7))
	begun := time.Now()
	replayed(t, 0, "--out", p.out, "--grace", "0s")
	whole := time.Since(begun)
	kills := 0
	for range 25 {
		command := exec.Command(binary, "replay", "--out", p.out, "--progress", "none", "--grace", "0s", "--relearn")
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(random.Float64()*float64(whole)), func() { _ = command.Process.Kill() })
		if command.Wait() != nil {
			kills++
		}
		timer.Stop()
		if after := contents(t, views(t, p.out)); after != before {
			t.Fatalf("after a kill the tables differ:\n%s", firstDifference(after, before))
		}
	}
	replayed(t, 0, "--out", p.out, "--grace", "0s")
	p.verify()
	if after := contents(t, views(t, p.out)); after != before {
		t.Errorf("after %d kills and a whole replay the tables differ:\n%s", kills, firstDifference(after, before))
	}
	t.Logf("%d of 25 replays were killed in the middle; a whole one takes %s", kills, whole)
	if kills == 0 {
		t.Error("no replay was killed in the middle")
	}
}

// TestAReplayBesideARunLosesNothing replays again and again while a run publishes lots.
func TestAReplayBesideARunLosesNothing(t *testing.T) {
	t.Parallel()
	p := served(t, "--gateway", "none", "--latency", "1ms")
	run := p.command("--list", "../testdata/numeros.txt", "--rate", "150", "--lot-answers", "40")
	var text bytes.Buffer
	run.Stdout, run.Stderr = &text, &text
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	replays := 0
	for running := true; running; {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("the run: %v\n%s", err, text.String())
			}
			running = false
		default:
			if lots, _ := filepath.Glob(filepath.Join(p.out, "_lots", "*.json")); len(lots) > 0 {
				replayed(t, 0, "--out", p.out, "--grace", "0s")
				replays++
			} else {
				time.Sleep(5 * time.Millisecond) // another process's clock
			}
		}
	}
	p.verify()
	db := views(t, p.out)
	total := int64(0)
	for _, table := range typedTables(t, db) {
		total += count(t, db, fmt.Sprintf("SELECT count(*) FROM %q", table))
		if twice := count(t, db, fmt.Sprintf("SELECT count(*) - count(DISTINCT numero_demande) FROM %q", table)); twice != 0 {
			t.Errorf("%s has %d rows twice", table, twice)
		}
	}
	t.Logf("%d replays beside the run", replays)
	if total != 460 || replays < 2 {
		t.Errorf("%d rows of 460 after %d replays beside the run", total, replays)
	}
}

// TestAReplayThatWouldLoseRowsIsRefused takes answers away from the archive.
func TestAReplayThatWouldLoseRowsIsRefused(t *testing.T) {
	t.Parallel()
	document := `{"numero_demande":"N%d","type_demande":{"code":"CHF"}}`
	p := nightOf(t, nil, fmt.Sprintf(document, 1))
	nightOf(t, p, fmt.Sprintf(document, 2))
	for _, name := range []string{"reponses.json", "reponses.files"} {
		path := filepath.Join(p.out, "_tables", name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(p.out, "reponses", "*", "*.parquet"))
		if err != nil || len(files) != 2 {
			t.Fatalf("archive files: %q %v", files, err)
		}
		if name == "reponses.json" {
			text = withoutFirstFile(t, text)
		} else {
			_, text, _ = bytes.Cut(text, []byte("\n"))
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	told := replayed(t, 65, "--out", p.out)
	if !strings.Contains(told, "demande_chf has 2 rows and its archive 1 documents") {
		t.Errorf("told: %s", told)
	}
	if got := count(t, views(t, p.out), "SELECT count(*) FROM demande_chf"); got != 2 {
		t.Errorf("%d rows are left", got)
	}
}

// withoutFirstFile is a pointer without its first file.
func withoutFirstFile(t *testing.T, pointer []byte) []byte {
	t.Helper()
	var table map[string]any
	if err := json.Unmarshal(pointer, &table); err != nil {
		t.Fatal(err)
	}
	table["files"] = table["files"].([]any)[1:]
	text, err := json.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
