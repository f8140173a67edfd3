package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestANewFieldIsAColumnThatEvening is the analyst's view of two nights: a field that appears on the second is a column
// that evening, NULL for the night before; no column changes its type; both SQL files follow.
func TestANewFieldIsAColumnThatEvening(t *testing.T) {
	t.Parallel()
	first := nightOf(t, nil,
		`{"numero_demande":"N1","type_demande":{"code":"CHF"},"informations_client":{"compte":7}}`,
		`{"numero_demande":"N2","type_demande":{"code":"CHF"},"informations_client":{"compte":8}}`)
	before := typesOf(t, first.out)
	second := nightWith(t, first, []string{"--report", filepath.Join(first.out, "..", "report.json")},
		`{"numero_demande":"N1","type_demande":{"code":"CHF"},"informations_client":{"compte":7.5,"ville":"Lyon"}}`,
		`{"numero_demande":"N2","type_demande":{"code":"CHF"},"informations_client":{"compte":9,"ville":"Brest"}}`)
	second.verify()
	after := typesOf(t, second.out)
	for i, column := range before {
		if after[i] != column {
			t.Errorf("column %d was %q and is %q", i, column, after[i])
		}
	}
	if added := strings.Join(after[len(before):], ","); added != "informations_client__ville VARCHAR" {
		t.Errorf("new columns: %q", added)
	}
	db := views(t, second.out)
	var got string
	query := `SELECT string_agg(numero_demande || ' ' || ifnull(informations_client__ville, '-') || ' ' || ifnull(informations_client__compte::VARCHAR, '-') ||
		' ' || ifnull(_champs_inconnus, '-'), ', ' ORDER BY _recupere_le, numero_demande) FROM demande_chf`
	if err := db.QueryRow(query).Scan(&got); err != nil {
		t.Fatal(err)
	}
	if want := `N1 - 7 -, N2 - 8 -, N1 Lyon - {"informations_client":{"compte":7.5}}, N2 Brest 9 -`; got != want {
		t.Errorf("the two nights read\n%s\nwant\n%s", got, want)
	}
	for _, name := range []string{"duckdb.sql", "bigquery.sql"} {
		text, err := os.ReadFile(filepath.Join(second.out, "_sql", name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "bigquery.sql" && !strings.Contains(string(text), "`informations_client__ville` STRING") {
			t.Errorf("%s does not name the new column:\n%s", name, text)
		}
	}
	report, err := os.ReadFile(filepath.Join(first.out, "..", "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, told := range []string{`"name": "informations_client__ville"`, `"path": "informations_client.compte"`, `"reason": "ne_tient_pas"`, `"example": "N1"`} {
		if !strings.Contains(string(report), told) {
			t.Errorf("the report does not tell %s:\n%s", told, report)
		}
	}
}

// typesOf is the columns of demande_chf as DuckDB sees them, without the partition.
func typesOf(t *testing.T, out string) []string {
	t.Helper()
	var columns []string
	for _, row := range rows(t, views(t, out), "DESCRIBE demande_chf") {
		if row["column_name"] != "date_export" {
			columns = append(columns, row["column_name"].(string)+" "+row["column_type"].(string))
		}
	}
	return columns
}
