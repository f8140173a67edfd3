package e2e

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
)

// views opens DuckDB and runs the output's _sql/duckdb.sql in it.
func views(t *testing.T, out string) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	script, err := os.ReadFile(filepath.Join(out, "_sql", "duckdb.sql"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(string(script)); err != nil {
		t.Fatalf("running _sql/duckdb.sql: %v", err)
	}
	return db
}

// rows is all rows of a query, each by column name.
func rows(t *testing.T, db *sql.DB, query string) []map[string]any {
	t.Helper()
	result, err := db.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer result.Close()
	names, err := result.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]any
	for result.Next() {
		values, places := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			places[i] = &values[i]
		}
		if err := result.Scan(places...); err != nil {
			t.Fatal(err)
		}
		row := map[string]any{}
		for i, name := range names {
			row[name] = values[i]
		}
		all = append(all, row)
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// typedTables are the views that are tables of demandes.
func typedTables(t *testing.T, db *sql.DB) []string {
	t.Helper()
	var names []string
	for _, row := range rows(t, db, "SELECT view_name FROM duckdb_views() WHERE NOT internal AND view_name LIKE 'demande\\_%' ESCAPE '\\' ORDER BY 1") {
		if name := row["view_name"].(string); !strings.HasSuffix(name, "_courant") {
			names = append(names, name)
		}
	}
	return names
}

func count(t *testing.T, db *sql.DB, query string) (number int64) {
	t.Helper()
	if err := db.QueryRow(query).Scan(&number); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return number
}

// contents is the typed tables' rows without what differs from run to run, as one text.
func contents(t *testing.T, db *sql.DB) string {
	t.Helper()
	var text strings.Builder
	for _, table := range typedTables(t, db) {
		for _, row := range rows(t, db, fmt.Sprintf(`SELECT CAST(to_json(t) AS VARCHAR) AS j FROM (SELECT * EXCLUDE (_recupere_le, _lot, date_export) FROM %q ORDER BY numero_demande) t`, table)) {
			fmt.Fprintf(&text, "%s %s\n", table, row["j"])
		}
	}
	return text.String()
}
