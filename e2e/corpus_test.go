package e2e

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	duckdb "github.com/duckdb/duckdb-go/v2"
)

// TestEveryScalarOfTheCorpusIsInTheTables compares each scalar of the 460 documents, as encoding/json reads it, with
// the cell that DuckDB reads at its place, and the reverse: each cell must be of the document.
func TestEveryScalarOfTheCorpusIsInTheTables(t *testing.T) {
	t.Parallel()
	p := served(t, "--rate", "200", "--latency", "10ms")
	p.run(0, "--list", "../testdata/numeros.txt", "--rate", "200")
	p.verify()
	db := views(t, p.out)
	if tables := typedTables(t, db); len(tables) != 23 {
		t.Fatalf("%d typed tables: %q", len(tables), tables)
	}
	documents, err := os.ReadFile(corpus)
	if err != nil {
		t.Fatal(err)
	}
	byTable := rowsByNumber(t, db)
	var compared, lost, altered, missing, extra int
	for line := range bytes.Lines(documents) {
		scalars, document := scalarsOf(t, line)
		table := "demande_" + strings.ToLower(document["type_demande"].(map[string]any)["code"].(string))
		numero := document["numero_demande"].(string)
		found := byTable[table][numero]
		if len(found) != 1 {
			t.Errorf("%s has %d rows of %s", table, len(found), numero)
			missing++
			continue
		}
		cells := map[string]string{}
		for name, value := range found[0] {
			if name == "date_export" || strings.HasPrefix(name, "_") && name != "_champs_inconnus" {
				continue
			}
			cellsOf(t, cells, name, value)
		}
		for path, want := range scalars {
			compared++
			got, there := cells[path]
			switch {
			case !there:
				lost++
				t.Errorf("%s: %s = %s is lost", numero, path, want)
			case got != want:
				altered++
				t.Errorf("%s: %s is %s, want %s", numero, path, got, want)
			}
			delete(cells, path)
		}
		for path, value := range cells {
			extra++
			t.Errorf("%s: %s = %s is not of the document", numero, path, value)
		}
		delete(byTable[table], numero)
	}
	for table, left := range byTable {
		if len(left) > 0 {
			t.Errorf("%s has rows of no document: %q", table, slices.Collect(maps.Keys(left)))
		}
	}
	t.Logf("%d scalars compared: %d lost, %d altered, %d rows missing, %d cells of no document", compared, lost, altered, missing, extra)
	if compared < 460*30 {
		t.Errorf("only %d scalars were compared", compared)
	}
}

func rowsByNumber(t *testing.T, db *sql.DB) map[string]map[string][]map[string]any {
	t.Helper()
	byTable := map[string]map[string][]map[string]any{}
	for _, table := range typedTables(t, db) {
		byTable[table] = map[string][]map[string]any{}
		for _, row := range rows(t, db, fmt.Sprintf("SELECT * FROM %q", table)) {
			numero := row["numero_demande"].(string)
			byTable[table][numero] = append(byTable[table][numero], row)
		}
	}
	return byTable
}

// scalarsOf are a document's scalars by their path, list positions included: a__b[0]__c.
func scalarsOf(t *testing.T, line []byte) (map[string]string, map[string]any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	var document map[string]any
	if err := decoder.Decode(&document); err != nil {
		t.Fatal(err)
	}
	scalars := map[string]string{}
	cellsOf(t, scalars, "", document)
	return scalars, document
}

// cellsOf gathers the scalars below a value, of JSON or of DuckDB; NULL and null are none.
func cellsOf(t *testing.T, into map[string]string, path string, value any) {
	t.Helper()
	switch v := value.(type) {
	case nil:
	case map[string]any:
		for key, below := range v {
			name := key
			if path != "" {
				name = path + "__" + key
			}
			cellsOf(t, into, name, below)
		}
	case []any:
		for i, below := range v {
			cellsOf(t, into, fmt.Sprintf("%s[%d]", path, i), below)
		}
	case string:
		into[path] = text(v)
	case json.Number:
		into[path] = number(t, string(v))
	case int64:
		into[path] = strconv.FormatInt(v, 10)
	case float64:
		into[path] = number(t, strconv.FormatFloat(v, 'g', -1, 64))
	case bool:
		into[path] = strconv.FormatBool(v)
	case time.Time:
		into[path] = "time " + v.UTC().Format(time.RFC3339Nano)
	case duckdb.Map:
		t.Fatalf("%s: a MAP is none of ours", path)
	default:
		t.Fatalf("%s: a %T is none of ours", path, value)
	}
}

// text is a text as the tables hold it: a date or a stamp as its moment.
func text(v string) string {
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if at, err := time.Parse(layout, v); err == nil {
			return "time " + at.UTC().Format(time.RFC3339Nano)
		}
	}
	return strconv.Quote(v)
}

func number(t *testing.T, v string) string {
	t.Helper()
	if whole, err := strconv.ParseInt(v, 10, 64); err == nil {
		return strconv.FormatInt(whole, 10)
	}
	float, err := strconv.ParseFloat(v, 64)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.FormatFloat(float, 'g', -1, 64)
}

func TestTheGuidesExampleGivesOneRowWithTheGuidesValues(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../testdata/exemple-guide.json")
	if err != nil {
		t.Fatal(err)
	}
	var line bytes.Buffer
	if err := json.Compact(&line, document); err != nil {
		t.Fatal(err)
	}
	one := t.TempDir() + "/one.ndjson"
	if err := os.WriteFile(one, append(line.Bytes(), '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	list := t.TempDir() + "/list.txt"
	if err := os.WriteFile(list, []byte("WD00053H\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := served(t, "--corpus", one, "--latency", "1ms")
	p.run(0, "--list", list)
	p.verify()
	found := rows(t, views(t, p.out), "SELECT * FROM demande_chf")
	if len(found) != 1 {
		t.Fatalf("demande_chf has %d rows", len(found))
	}
	row := found[0]
	for column, want := range map[string]any{
		"numero_demande": "WD00053H", "type_demande__code": "CHF", "type_demande__libelle": "Demande de changement de fournisseur",
		"cdgf__code": "A04000010", "cdgf__libelle": "ELECTRICITE DE FRANCE", "statut_externe_demande__code": "ATTRDV",
		"statut_externe_demande__libelle": "En attente RDV", "mode_traitement__code": "NONPASSANT", "mode_traitement__libelle": "Non Passant",
		"est_demande_fournisseur": true, "cree_par": "DN6473", "cree_automatiquement": false, "fournisseur_peut_prendre_rdv": true,
		"est_digitalisable": false, "presence_pj": false, "commentaire_soumission_analyse": "testcomanalyse",
		"cree_le":                                time.Date(2025, 3, 5, 14, 25, 35, 932464000, time.UTC),
		"date_effet_contractuel":                 time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		"date_dernier_changement_statut_externe": time.Date(2025, 3, 5, 0, 0, 0, 0, time.UTC),
		"derniere_date_demandee":                 time.Date(2025, 3, 6, 0, 0, 0, 0, time.UTC),
		"cdgf_erreur_pce__code":                  nil, "cdgf_erreur_pce__libelle": nil, "_champs_inconnus": nil, "_code_cdgf": "A04000000X",
	} {
		if at, ok := row[column].(time.Time); ok {
			row[column] = at.UTC()
		}
		if row[column] != want {
			t.Errorf("%s is %v, want %v", column, row[column], want)
		}
		delete(row, column)
	}
	for _, own := range []string{"_recupere_le", "_lot", "_sha256", "date_export"} {
		if row[own] == nil {
			t.Errorf("%s is NULL", own)
		}
		delete(row, own)
	}
	if len(row) > 0 {
		t.Errorf("columns that the guide's example does not need: %v", row)
	}
}
