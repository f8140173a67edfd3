package e2e

import (
	"database/sql"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// TestDuckDBFlattensTheCorpusToTheSameCells has DuckDB flatten the raw answers by itself, with the SQL that `schema sql`
// prints, and compares every cell with the tables that the program wrote.
func TestDuckDBFlattensTheCorpusToTheSameCells(t *testing.T) {
	t.Parallel()
	p := served(t, "--rate", "200", "--latency", "10ms")
	p.run(0, "--list", "../testdata/numeros.txt", "--rate", "200")
	db := views(t, p.out)
	tables := typedTables(t, db)
	if len(tables) != 23 {
		t.Fatalf("%d typed tables: %q", len(tables), tables)
	}
	cells := int64(0)
	for _, table := range tables {
		text, err := exec.Command(binary, "schema", "sql", table, "--out", p.out).Output()
		if err != nil {
			t.Fatalf("schema sql %s: %v", table, err)
		}
		if _, err := db.Exec(fmt.Sprintf("CREATE TABLE opinion_%s AS %s", table, text)); err != nil {
			t.Fatalf("%s: %v\n%s", table, err, text)
		}
		var columns []string
		for _, row := range rows(t, db, fmt.Sprintf("DESCRIBE opinion_%s", table)) {
			columns = append(columns, fmt.Sprintf("%q", row["column_name"]))
		}
		ours := columnsOf(t, db, table)
		for _, column := range ours {
			if column != `"_champs_inconnus"` && column != `"date_export"` && !strings.Contains(strings.Join(columns, ","), column) {
				t.Errorf("%s: the second opinion lacks %s", table, column)
			}
		}
		list := strings.Join(columns, ", ")
		for _, pair := range [][2]string{{table, "opinion_" + table}, {"opinion_" + table, table}} {
			query := fmt.Sprintf("SELECT count(*) FROM (SELECT %s FROM %s EXCEPT ALL SELECT %s FROM %s)", list, pair[0], list, pair[1])
			if differ := count(t, db, query); differ != 0 {
				t.Errorf("%d rows of %s are not in %s", differ, pair[0], pair[1])
			}
		}
		cells += count(t, db, "SELECT count(*) FROM "+table) * int64(len(columns))
	}
	t.Logf("%d cells compared", cells)
	if cells < 460*30 {
		t.Errorf("only %d cells were compared", cells)
	}
}

func columnsOf(t *testing.T, db *sql.DB, table string) []string {
	t.Helper()
	var names []string
	for _, row := range rows(t, db, fmt.Sprintf("DESCRIBE %q", table)) {
		names = append(names, fmt.Sprintf("%q", row["column_name"]))
	}
	return names
}

// TestTheSecondOpinionHoldsForOddAnswers compares the two on values that do not fit, and on lists.
func TestTheSecondOpinionHoldsForOddAnswers(t *testing.T) {
	t.Parallel()
	documents := []string{
		`{"numero_demande":"N1","type_demande":{"code":"CHF"},"informations_client":{"n":1,"d":1.5,"jour":"2026-11-24","quand":"2026-11-24T10:00:00+01:00","oui":true,"t":"x","l":[1,2],"s":[{"a":"x","b":1},{"a":"y"}],"vide":[]}}`,
		`{"numero_demande":"N2","type_demande":{"code":"CHF"},"informations_client":{"n":"1","d":"1.5","jour":"2026-02-30","quand":"2026-11-24T10:00:00","oui":"true","t":7,"l":[],"s":[],"vide":["u"]}}`,
		`{"numero_demande":"N3","type_demande":{"code":"CHF"},"informations_client":{"n":null,"d":2,"jour":null,"quand":"2026-11-24T10:00:00.123456Z","oui":false,"t":"é \" \\ \u00e9","l":[3],"s":[{"b":9007199254740993}]}}`,
		`{"numero_demande":"N4","type_demande":{"code":"CHF"},"informations_client":{}}`,
	}
	p := nightOf(t, nil, documents...)
	db := views(t, p.out)
	text, err := exec.Command(binary, "schema", "sql", "CHF", "--out", p.out).Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(fmt.Sprintf("CREATE TABLE opinion AS %s", text)); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, column := range columnsOf(t, db, "opinion") {
		query := fmt.Sprintf("SELECT a.numero_demande AS n, a.%[1]s::VARCHAR AS ours, b.%[1]s::VARCHAR AS theirs FROM demande_chf a JOIN opinion b USING (numero_demande) WHERE a.%[1]s IS DISTINCT FROM b.%[1]s", column)
		for _, row := range rows(t, db, query) {
			t.Errorf("%v: %s is %v in the table and %v in DuckDB's opinion", row["n"], column, row["ours"], row["theirs"])
		}
	}
}
