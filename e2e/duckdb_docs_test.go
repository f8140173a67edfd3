package e2e

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var updateDocs = flag.Bool("update", false, "write the results in docs/duckdb.md anew")

const duckdbDocs = "../docs/duckdb.md"

// nightsMark is the line of the page after which its queries are of the output of many nights.
const nightsMark = "<!-- the test changes the output here -->"

// TestTheDocsTellWhatDuckDBAnswers runs the queries of docs/duckdb.md and compares what they give with what the page says.
func TestTheDocsTellWhatDuckDBAnswers(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(duckdbDocs)
	if err != nil {
		t.Fatal(err)
	}
	demo, nights, marked := strings.Cut(string(text), nightsMark)
	if !marked {
		t.Fatalf("the page has no line %q", nightsMark)
	}
	answered, first := answer(t, demoViews(t), demo)
	last, second := answer(t, nightsViews(t), nights)
	if first < 9 || second < 7 {
		t.Errorf("the page has only %d and %d queries", first, second)
	}
	got := answered + nightsMark + last
	if *updateDocs {
		if err := os.WriteFile(duckdbDocs, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != string(text) {
		said, says := strings.Split(string(text), "\n"), strings.Split(got, "\n")
		for i := range min(len(said), len(says)) {
			if said[i] != says[i] {
				t.Fatalf("line %d of the page is\n%s\nand DuckDB says\n%s\n(-update writes the results anew)", i+1, said[i], says[i])
			}
		}
		t.Fatalf("the page has %d lines, and %d with DuckDB's results", len(said), len(says))
	}
}

// answer runs the queries of a page and puts each result, a table, behind its query in place of the one that stands there.
func answer(t *testing.T, db *sql.DB, page string) (answered string, queries int) {
	t.Helper()
	var text strings.Builder
	for {
		before, rest, found := strings.Cut(page, "```sql\n")
		text.WriteString(before)
		if !found {
			return text.String(), queries
		}
		query, after, closed := strings.Cut(rest, "```\n")
		if !closed {
			t.Fatalf("the block is not closed: %s", rest)
		}
		queries++
		text.WriteString("```sql\n" + query + "```\n\n" + table(t, db, query))
		page = withoutTable(after)
	}
}

// withoutTable is a text without the table that it begins with, if it does.
func withoutTable(text string) string {
	rest := strings.TrimLeft(text, "\n")
	if !strings.HasPrefix(rest, "|") {
		return text
	}
	for strings.HasPrefix(rest, "|") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	return rest
}

// table is a query's result, as a table of the page. DuckDB writes the values.
func table(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	result, err := db.Query("SELECT COLUMNS(*)::VARCHAR FROM (" + strings.TrimSuffix(strings.TrimSpace(query), ";") + ")")
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer result.Close()
	names, err := result.Columns()
	if err != nil {
		t.Fatal(err)
	}
	line := func(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }
	lines := []string{line(names), "|" + strings.Repeat("---|", len(names)) + "\n"}
	for result.Next() {
		values, places := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range values {
			places[i] = &values[i]
		}
		if err := result.Scan(places...); err != nil {
			t.Fatal(err)
		}
		cells := make([]string, len(names))
		for i, value := range values {
			cells[i] = value.String
			if !value.Valid {
				cells[i] = "NULL"
			}
		}
		lines = append(lines, line(cells))
	}
	if err := result.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if len(lines) == 2 {
		t.Errorf("%s\ngives no row", query)
	}
	return strings.Join(lines, "")
}

// demoViews are those of the output that `make run` writes, only faster.
func demoViews(t *testing.T) *sql.DB {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	text, err := exec.Command(binary, "run", "--simulate", "--rate", "500", "--list", "../testdata/numeros.txt", "--progress", "none",
		"--out", out, "--state", filepath.Join(t.TempDir(), "state")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return views(t, out)
}

// nightsViews are those of 24 demandes over eight nights that the program really wrote, one after the other; only what the
// clock said is put in its place afterwards: the nights become those of 2 March 2026 and after.
func nightsViews(t *testing.T) *sql.DB {
	t.Helper()
	demandes := map[string][]map[string]any{"MES": someOf(t, "MES", 12), "CHF": someOf(t, "CHF", 12)}
	var p *place
	for night := range 8 {
		var documents []string
		for _, code := range []string{"MES", "CHF"} {
			for i, demande := range demandes[code] {
				goOn(demande, code, i, night)
				document, err := json.Marshal(demande)
				if err != nil {
					t.Fatal(err)
				}
				documents = append(documents, string(document))
			}
		}
		p = nightOf(t, p, documents...)
	}
	db := views(t, p.out)
	statements := []string{`CREATE TABLE soirs AS SELECT _lot, row_number() OVER (ORDER BY min(_recupere_le)) - 1 AS soir FROM reponses GROUP BY _lot`}
	for _, name := range []string{"demande_mes", "demande_chf", "reponses"} {
		// The views over it find the new one by its name.
		statements = append(statements, fmt.Sprintf("CREATE TABLE %[1]s_tel_quel AS FROM %[1]s", name),
			fmt.Sprintf(`CREATE OR REPLACE VIEW %[1]s AS SELECT * REPLACE (TIMESTAMPTZ '2026-03-02 20:30:00+01' + to_days(soir::INTEGER) AS _recupere_le)
				FROM %[1]s_tel_quel JOIN soirs USING (_lot)`, name))
	}
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return db
}

// goOn is what becomes of a demande by that night: the i-th of its type goes on a night later than those before it, and
// those of one type go faster than those of the other. On the last night, a number comes in another form.
func goOn(demande map[string]any, code string, i, night int) {
	statuses := [][2]string{{"CREEE", "Créée"}, {"ENCOURS", "En cours de traitement"}, {"PLANIF", "Planifiée"}, {"ATTRDV", "En attente RDV"}}
	pace := map[string]int{"MES": 2, "CHF": 3}[code]
	status := statuses[min((night+i%3)/pace, len(statuses)-1)]
	if i == 11 && night >= 5 {
		status = [2]string{"ANNULEE", "Annulée"}
	}
	demande["statut_externe_demande"] = map[string]any{"code": status[0], "libelle": status[1]}
	if contract := demande["informations_contractuelles"].(map[string]any); night == 7 && i < 2 {
		contract["car"] = json.Number(fmt.Sprintf("%d.5", 12_000+i))
	}
}

// someOf are the first documents of a type in the corpus.
func someOf(t *testing.T, code string, count int) (some []map[string]any) {
	t.Helper()
	file, err := os.Open(corpus)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && len(some) < count {
		if !strings.Contains(lines.Text(), `"type_demande":{"code":"`+code+`"`) {
			continue
		}
		var demande map[string]any
		decoder := json.NewDecoder(strings.NewReader(lines.Text()))
		decoder.UseNumber() // as it came
		if err := decoder.Decode(&demande); err != nil {
			t.Fatal(err)
		}
		some = append(some, demande)
	}
	if len(some) < count {
		t.Fatalf("the corpus has only %d of %s", len(some), code)
	}
	return some
}
