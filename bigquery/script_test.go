package bigquery

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEveryStatementOfAnOutputIsWhatBigQueryTakes analyzes the bigquery.sql of an output of three nights, as the program writes it.
func TestEveryStatementOfAnOutputIsWhatBigQueryTakes(t *testing.T) {
	c := catalog(t)
	done := analyzed(t, c, written(t))
	if len(done) < 2*23+3 {
		t.Errorf("only %d statements: %v", len(done), done)
	}
	for view, columns := range map[string][]string{
		"demande_mes":         {"numero_demande STRING", "_recupere_le TIMESTAMP", "date_export DATE", "informations_contractuelles__car INT64", "est_demande_fournisseur BOOL"},
		"demande_mes_courant": {"numero_demande STRING", "date_export DATE"},
		"demande_chf":         {"montant NUMERIC", "precis BIGNUMERIC", "lignes ARRAY<STRUCT<code STRING, prix NUMERIC>>", "date_export DATE"},
		"historique_statuts": {
			"numero_demande STRING", "table STRING", "statut_externe_demande__code STRING", "premiere_vue TIMESTAMP", "derniere_vue TIMESTAMP",
			"jours FLOAT64", "en_cours BOOL",
		},
		"demandes": {"table STRING", "numero_demande STRING", "cree_le TIMESTAMP", "date_export DATE"},
		"reponses": {"http_status INT64", "corps BYTES", "date_export DATE"},
	} {
		var has []string
		for _, column := range c.Columns("DATASET", view) {
			has = append(has, column.Name+" "+column.Type)
		}
		for _, column := range columns {
			if !slices.Contains(has, column) {
				t.Errorf("%s lacks %s: %q", view, column, has)
			}
		}
	}
}

// TestTheSQLIsStillRightAfterCompact is for the tables over compacted files: alone, and beside a later night's.
func TestTheSQLIsStillRightAfterCompact(t *testing.T) {
	p := outputOf(t)
	if p.try("compact", "--help") != nil {
		t.Skip("the program has no compact")
	}
	p.must(t, "compact", "--out", p.out)
	c := catalog(t)
	analyzed(t, c, p.script(t))
	for _, table := range []string{"demande_mes__nuits", "demande_mes__compact"} {
		columns := c.Columns("DATASET", table)
		if len(columns) == 0 {
			t.Errorf("there is no %s", table)
		} else if last := columns[len(columns)-1]; last.Name != "date_export" || last.Type != "DATE" {
			t.Errorf("the last column of %s is %s %s", table, last.Name, last.Type)
		}
	}
}

// TestAMistakeIsTold changes what the program wrote, one mistake at a time.
func TestAMistakeIsTold(t *testing.T) {
	script := written(t)
	for _, mistake := range []struct{ old, new, told string }{
		{"PARTITION BY `numero_demande`", "PARTITION BY `nummero_demande`", "nummero_demande"},
		{"`numero_demande` STRING", "`numero_demande` STRIN", "STRIN"},
		{"`_recupere_le` TIMESTAMP", "`_recupere_le` BOOL", ""},
		{"`date_export` DATE", "`date_export` DAT", "DAT"},
		{"FROM `DATASET`.`", "FROM `DATASET`.`x", "not found"},
		{"ROW_NUMBER()", "ROW_NUMER()", "ROW_NUMER"},
		{"'NEW_LINE_DELIMITED_MANIFEST'", "TRUE", "file_set_spec_type is BOOL"},
		{"enable_list_inference", "enable_list_inferences", "enable_list_inferences"},
		{"enable_list_inference = true", "enable_list_inference = 'true'", "enable_list_inference is STRING"},
		{"format = 'PARQUET',", "", "format is missing"},
		{"uris = [", "uris = [1, ", ""},
		{"description = ", "descripton = ", "descripton"},
		{"description = '", "description = '" + strings.Repeat("é", 1025), "may have 1024"},
		{"description = '", "description = '\\é", "escape"},
		{"QUALIFY", "QUALIF", ""},
		{"`numero_demande` STRING", "`numero_demande` STRING, `Numero_demande` STRING", "umero_demande"},
		{"OPTIONS (", "OPTION (", "Syntax"},
	} {
		wrong := strings.Replace(script, mistake.old, mistake.new, 1)
		if wrong == script {
			t.Errorf("the script has no %q", mistake.old)
			continue
		}
		if mistake.old == "`_recupere_le` TIMESTAMP" {
			wrong += "SELECT TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), `_recupere_le`, DAY) FROM `DATASET`.`historique_statuts`;" // if nothing else notes it
		}
		_, err := catalog(t).Run(wrong)
		if err == nil || !strings.Contains(err.Error(), mistake.told) {
			t.Errorf("%q for %q: %v", mistake.new, mistake.old, err)
		} else if !strings.Contains(err.Error(), "statement ") {
			t.Errorf("which statement is wrong is not told: %v", err)
		}
	}
}

// TestTheStatementsOfTheDocsAreWhatBigQueryTakes analyzes the SQL of docs/bigquery.md after that of an output, as its reader would run it.
func TestTheStatementsOfTheDocsAreWhatBigQueryTakes(t *testing.T) {
	c := catalog(t)
	analyzed(t, c, written(t))
	text, err := os.ReadFile(filepath.Join("..", "docs", "bigquery.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "\n```sql\n")[1:]
	for i, block := range blocks {
		sql, _, closed := strings.Cut(block, "\n```")
		if !closed {
			t.Fatalf("block %d is not closed", i+1)
		}
		if _, err := c.Run(sql + "\n"); err != nil {
			t.Errorf("block %d: %v\n%s", i+1, err, sql)
		}
	}
	if len(blocks) < 6 {
		t.Errorf("only %d blocks of SQL", len(blocks))
	}
}

func TestWrongStatementsAreTold(t *testing.T) {
	const table = "CREATE EXTERNAL TABLE `DATASET.t` (a STRING, n NUMERIC(12, 2)) WITH PARTITION COLUMNS (d DATE) OPTIONS (format = 'PARQUET', uris = ['gs://b/o']);\n"
	for sql, told := range map[string]string{
		"SELECT a, n, d FROM `DATASET.t`; SELECT a FROM `DATASET`.t; -- the end":            "",
		"SELECT a FROM `DATASET.t` WHERE d = DATE '2026-01-01' AND n > 1.5":                 "",
		"SELECT a FROM `DATASET.t` WHERE d = 1":                                             "line 2",
		"SELECT 1;\n\n-- why\nSELECT b FROM `DATASET.t`":                                    "statement 3, from line 5",
		"SELECT a + n FROM `DATASET.t`":                                                     "operator +",
		"SELECT a FROM t":                                                                   "not found",
		"CREATE VIEW v AS SELECT 1 AS a":                                                    "not DATASET.TABLE",
		"CREATE VIEW `DATASET.v` AS SELECT 1":                                               "name",
		"CREATE VIEW `OTHER.v` AS SELECT 1 AS a":                                            "no dataset OTHER",
		"CREATE OR REPLACE TABLE `DATASET.t` AS SELECT 1 AS a":                              "made twice",
		"CREATE TABLE `DATASET.u` PARTITION BY e CLUSTER BY a AS SELECT * FROM `DATASET.t`": "Unrecognized name: e",
		"CREATE TABLE `DATASET.u` OPTIONS (require_partition_filter = 1) AS SELECT 1 AS a":  "require_partition_filter is INT64",
		"INSERT INTO `DATASET.t` (a) SELECT n FROM `DATASET.t`":                             "NUMERIC",
		"LOAD DATA INTO `DATASET.t` FROM FILES (format = 'PARQUET', urls = ['x'])":          "no option urls",
		"DROP TABLE `DATASET.t`":                                                            "no statement that this package knows",
	} {
		_, err := catalog(t).Run(table + sql)
		if told == "" && err != nil || told != "" && (err == nil || !strings.Contains(err.Error(), told)) {
			t.Errorf("%s\ntells %v, want %q", sql, err, told)
		}
	}
}

func catalog(t *testing.T) *Catalog {
	t.Helper()
	c, err := NewCatalog("DATASET")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func analyzed(t *testing.T, c *Catalog, script string) []Statement {
	t.Helper()
	done, err := c.Run(script)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, statement := range done {
		kinds[statement.Kind]++
	}
	t.Log(len(done), "statements:", fmt.Sprint(kinds))
	return done
}
