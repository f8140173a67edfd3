package e2e

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What BigQuery asks of Parquet files: the pages "Loading Parquet data from Cloud Storage" (input files, conversions,
// compression, lists), "Specifying a schema" (names) and "Quotas and limits" (columns, depth) of its documentation.
const (
	// bigqueryRowBytes is the row size that the first page says to stay under.
	bigqueryRowBytes = 50_000_000
	// bigqueryGroupBytes is the row group size to aim at: smaller ones are for files that have no more.
	bigqueryGroupBytes = 16 << 20
	bigqueryColumns    = 10_000
	bigqueryDepth      = 15
	// memoryGroupBytes is what a reader may have to hold: no documented limit, but `resourcesExceeded` begins somewhere.
	memoryGroupBytes = 256 << 20
)

var (
	bigqueryName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,299}$`)
	// bigqueryReserved are beginnings that no column may have, in upper or lower case.
	bigqueryReserved = regexp.MustCompile(`(?i)^(_TABLE_|_FILE_|_PARTITION|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER)`)
	// bigqueryCodecs are those of the page "Loading Parquet data" that others read too.
	bigqueryCodecs = []string{"UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD"}
)

// parquetField is a node of a file's schema, with those below it.
type parquetField struct {
	name, repetition        string
	physical, logical, kind string // "" for what the file does not say
	list                    bool   // annotated as one
	precision, scale        int64
	below                   []*parquetField
}

// TestEveryFileKeepsTheRulesOfBigQuery looks at every file of an output that has all types, a night with new fields and
// odd values, rejects, decimals, the largest answer that is taken, and, once compact has run, its files.
func TestEveryFileKeepsTheRulesOfBigQuery(t *testing.T) {
	t.Parallel()
	p := oddOutput(t)
	db := views(t, p.out)
	checked := 0
	for _, problem := range rulesBroken(t, db, p.out, &checked) {
		t.Error(problem)
	}
	if checked < 27 {
		t.Errorf("only %d files were looked at", checked)
	}
	t.Logf("%d files", checked)
	for _, table := range []string{"rejets", "demande_chf"} {
		if count(t, db, "SELECT count(*) FROM "+table) == 0 {
			t.Errorf("%s is empty: the test does not look at what it should", table)
		}
	}
	if exec.Command(binary, "compact", "--help").Run() != nil {
		t.Log("the program has no compact")
		return
	}
	if text, err := exec.Command(binary, "compact", "--out", p.out, "--grace", "0s").CombinedOutput(); err != nil {
		t.Fatalf("compact: %v\n%s", err, text)
	}
	compacted, err := filepath.Glob(filepath.Join(p.out, "*", "compact", "*.parquet"))
	if err != nil || len(compacted) == 0 {
		t.Errorf("compact left %q, %v", compacted, err)
	}
	for _, problem := range rulesBroken(t, views(t, p.out), p.out, &checked) {
		t.Error("after compact: " + problem)
	}
}

// oddOutput is an output of four nights with what has ever been hard to write.
func oddOutput(t *testing.T) *place {
	t.Helper()
	schemas := t.TempDir()
	declared := `version: 1
code: CHF
libelle: "Changement de fournisseur"
colonnes:
  - {chemin: montant, type: "DECIMAL(12,2)"}
  - {chemin: precis, type: "DECIMAL(38,20)"}
  - {chemin: lignes, type: "LIST<STRUCT<code STRING, prix DECIMAL(9,2), jours LIST<DATE>>>"}
`
	if err := os.WriteFile(filepath.Join(schemas, "chf.yaml"), []byte(declared), 0o600); err != nil {
		t.Fatal(err)
	}
	all := served(t, "--gateway", "none", "--missing", "0.02", "--latency", "1ms", "--jitter", "0s")
	all.run(0, "--list", "../testdata/numeros.txt", "--rate", "500", "--schemas", schemas)
	odd := `{"numero_demande":"ODD%d","type_demande":{"code":"CHF"},"montant":12.30,"precis":0.12345678901234567890,` +
		`"lignes":[{"code":"a","prix":1.25,"jours":["2026-11-24"]},{}],"liste_vide":[],"codes":["x","y"],"profond":{"a":{"b":{"c":{"d":1}}}}%s}`
	night := func(more ...string) {
		var documents []string
		for i, fields := range more {
			documents = append(documents, fmt.Sprintf(odd, i, fields))
		}
		nightWith(t, all, []string{"--schemas", schemas}, documents...)
	}
	night("",
		`,"date_export":"2026-01-01","DATE_EXPORT":1`,                    // the partition's name
		`,"_table_x":1,"_FILE_NAME":"f","_PARTITIONTIME":2,"__ROOT__":1`, // reserved
		`,"Montant":1,"é":2,"a b":3,"1er":4,"a-b":5,"":6`,                // no names, or equal but for case
		`,"objets":[{"date_export":"2026-01-01","nom":"y"}],"stamp":"2026-11-24T10:00:00+01:00"`,
		`,"`+strings.Repeat("n", 301)+`":1,"`+strings.Repeat("m", 300)+`":2`,
		strings.Repeat(`,"x":{"y":1`, 14)+strings.Repeat("}", 14),
		`,"casse":[{"A":1,"a":2,"b c":3,"":4}]`,
		`,"puits":[`+strings.Repeat(`{"x":`, 20)+"1"+strings.Repeat("}", 20)+"]",
		`,"listes":[[1],[2]],"melange":[{"l":[[1]]}]`)
	night(`,"nouveau":7,"nouvelle_liste":[{"z":[1,2]}]`, `,"nouveau":8.5`)
	largest := 32<<20 - 4096
	night(`,"enorme":"` + strings.Repeat("e", largest) + `"`)
	return all
}

// TestANameThatBigQueryReservesIsNoFieldOfAStruct is the rule of names inside of lists, where the columns are the API's to name.
func TestANameThatBigQueryReservesIsNoFieldOfAStruct(t *testing.T) {
	t.Parallel()
	p := nightOf(t, nil, `{"numero_demande":"N1","type_demande":{"code":"CHF"},"objets":[{"_file_name":"x","nom":"y"}]}`)
	checked := 0
	for _, problem := range rulesBroken(t, emptyDuckDB(t), p.out, &checked) {
		t.Error(problem)
	}
}

// TestTheRulesAreTold has DuckDB write what BigQuery would refuse, and looks whether the test above would see it.
func TestTheRulesAreTold(t *testing.T) {
	t.Parallel()
	for query, told := range map[string]string{
		`SELECT 1::BIGINT AS "a b"`:                                                 `the name "a b"`,
		`SELECT 1::BIGINT AS "_file_x"`:                                             "reserved",
		`SELECT 1::BIGINT AS "` + strings.Repeat("n", 301) + `"`:                    "the name",
		`SELECT {'a-b': 1::BIGINT} AS s`:                                            `the name "a-b"`,
		`SELECT [{'_PARTITION': 1::BIGINT}] AS s`:                                   "reserved",
		`SELECT DATE '2026-01-01' AS Date_Export`:                                   "partition",
		`SELECT TIMESTAMP_NS '2026-01-01' AS n`:                                     "no type",
		`SELECT TIMESTAMP '2026-01-01' AS n`:                                        "no type",
		`SELECT TIME '10:00' AS n`:                                                  "no type",
		`SELECT gen_random_uuid() AS n`:                                             "no type",
		`SELECT 1::UBIGINT AS n`:                                                    "no type",
		`SELECT MAP {'a': 1} AS n`:                                                  "no type",
		`SELECT '{}'::JSON AS n`:                                                    "no type",
		`SELECT [[1::BIGINT]] AS n`:                                                 "list of lists",
		`SELECT repeat('x', 50000001) AS n`:                                         "row",
		`SELECT * FROM range(10) r(n), (SELECT 'é' AS u, TRUE AS v, 1.5::DOUBLE w)`: "",
	} {
		out := t.TempDir()
		folder := filepath.Join(out, "demande_x", "date_export=2026-01-01")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		db := emptyDuckDB(t)
		copied := fmt.Sprintf("COPY (%s) TO '%s' (FORMAT parquet, COMPRESSION zstd)", query, filepath.Join(folder, "1.parquet"))
		if _, err := db.Exec(copied); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		checked := 0
		problems := strings.Join(rulesBroken(t, db, out, &checked), "\n")
		if told == "" && problems != "" || !strings.Contains(problems, told) {
			t.Errorf("%.200s\ntells %q, want %q", query, problems, told)
		}
	}
}

// TestColumnsThatMovedAreTold is for the rule over all files of a table.
func TestColumnsThatMovedAreTold(t *testing.T) {
	t.Parallel()
	for second, told := range map[string]string{
		"SELECT 'x' AS a, TRUE AS b, 1.5::DOUBLE AS c": "",
		"SELECT 'x' AS a":            "",
		"SELECT TRUE AS b, 'x' AS a": "column 1",
		"SELECT 'x' AS a, 'y' AS b":  "column 2",
		"SELECT 'x' AS a, TRUE AS B": "column 2",
	} {
		out := t.TempDir()
		db := emptyDuckDB(t)
		for night, query := range map[string]string{"2026-01-01": "SELECT 'x' AS a, TRUE AS b", "2026-01-02": second} {
			folder := filepath.Join(out, "demande_x", "date_export="+night)
			if err := os.MkdirAll(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(fmt.Sprintf("COPY (%s) TO '%s/1.parquet' (FORMAT parquet, COMPRESSION zstd)", query, folder)); err != nil {
				t.Fatal(err)
			}
		}
		checked := 0
		problems := strings.Join(rulesBroken(t, db, out, &checked), "\n")
		if told == "" && problems != "" || !strings.Contains(problems, told) {
			t.Errorf("%s\ntells %q, want %q", second, problems, told)
		}
	}
}

func emptyDuckDB(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// rulesBroken is what BigQuery would say of an output's files; each is counted.
func rulesBroken(t *testing.T, db *sql.DB, out string, checked *int) (problems []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(out, "*", "*", "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string][]string{} // of the file that has most, by table and kind of file
	for _, file := range files {
		*checked++
		name, err := filepath.Rel(out, file)
		if err != nil {
			t.Fatal(err)
		}
		tell := func(format string, values ...any) {
			problems = append(problems, fmt.Sprintf("%s: ", name)+fmt.Sprintf(format, values...))
		}
		root := schemaOf(t, db, file)
		nightly := strings.HasPrefix(filepath.Base(filepath.Dir(file)), "date_export=")
		rootRules(root, nightly, tell)
		bytesRules(t, db, file, tell)
		var lines []string
		for _, column := range root.below {
			lines = append(lines, column.String())
		}
		set := filepath.Dir(filepath.Dir(name)) + fmt.Sprint(nightly)
		known := columns[set]
		for i := range min(len(known), len(lines)) {
			if known[i] != lines[i] {
				tell("column %d is %s, in another file %s", i+1, lines[i], known[i])
			}
		}
		if len(lines) > len(known) {
			columns[set] = lines
		}
	}
	return problems
}

// rootRules are those of names, types and depth. A night's file has its date in its folder's name, others as a column.
func rootRules(root *parquetField, nightly bool, tell func(string, ...any)) {
	if len(root.below) > bigqueryColumns {
		tell("%d columns", len(root.below))
	}
	dated := false
	for _, column := range root.below {
		fieldRules(column, 1, tell)
		if strings.EqualFold(column.name, "date_export") {
			dated = true
			if nightly || column.name != "date_export" || column.kind != "DATE" {
				tell("column %s, and the partition has that name", column)
			}
		}
	}
	if !nightly && !dated {
		tell("it lies outside of a partition and has no column date_export")
	}
	siblingRules(root.below, tell)
}

func siblingRules(fields []*parquetField, tell func(string, ...any)) {
	seen := map[string]string{}
	for _, field := range fields {
		if other, ok := seen[strings.ToLower(field.name)]; ok {
			tell("the names %q and %q are one but for case", other, field.name)
		}
		seen[strings.ToLower(field.name)] = field.name
	}
}

func fieldRules(field *parquetField, depth int, tell func(string, ...any)) {
	if !bigqueryName.MatchString(field.name) {
		tell("the name %q", field.name)
	}
	if bigqueryReserved.MatchString(field.name) {
		tell("the name %q is reserved", field.name)
	}
	if depth > bigqueryDepth {
		tell("%q lies %d levels deep", field.name, depth)
	}
	if field.repetition == "REPEATED" {
		tell("%q is repeated, but no list", field.name)
	}
	switch {
	case field.list:
		listRules(field, depth, tell)
	case len(field.below) > 0 && field.logical == "":
		siblingRules(field.below, tell)
		for _, below := range field.below {
			fieldRules(below, depth+1, tell)
		}
	case len(field.below) > 0 || field.kind == "":
		tell("BigQuery has no type for %s", field)
	}
}

// listRules ask for the shape that enable_list_inference makes an array of: optional group (LIST) { repeated group list { element } }.
func listRules(field *parquetField, depth int, tell func(string, ...any)) {
	if len(field.below) != 1 || field.below[0].name != "list" || field.below[0].repetition != "REPEATED" || len(field.below[0].below) != 1 ||
		field.below[0].below[0].name != "element" {
		tell("the list %s has not the shape list.element", field)
		return
	}
	element := field.below[0].below[0]
	if element.list {
		tell("%q is a list of lists", field.name)
		return
	}
	fieldRules(element, depth, tell)
}

// bytesRules are those of compression, row groups and rows. The size of a page, which wide files should keep under 1 MiB, is in no
// metadata that DuckDB reads: the writer ends one at half of that.
func bytesRules(t *testing.T, db *sql.DB, file string, tell func(string, ...any)) {
	t.Helper()
	groups := rows(t, db, fmt.Sprintf(`SELECT row_group_id, any_value(row_group_bytes) AS bytes, any_value(row_group_num_rows) AS group_rows,
		string_agg(DISTINCT compression) AS codecs FROM parquet_metadata('%s') GROUP BY 1 ORDER BY 1`, file))
	for i, group := range groups {
		for _, codec := range strings.Split(group["codecs"].(string), ",") {
			if !slices.Contains(bigqueryCodecs, codec) {
				tell("it is compressed with %s", codec)
			}
		}
		bytes, held := group["bytes"].(int64), group["group_rows"].(int64)
		if i < len(groups)-1 && bytes < bigqueryGroupBytes && held < 122_880 {
			tell("row group %d has %d bytes and %d rows, and is not the last", i, bytes, held)
		}
		if bytes > memoryGroupBytes {
			tell("row group %d has %d bytes", i, bytes)
		}
	}
	// A row is its texts and bytes, and eight bytes for each other value at most; lists and structs as JSON are longer than that.
	var sizes []string
	for _, column := range rows(t, db, fmt.Sprintf("DESCRIBE SELECT * FROM read_parquet('%s', hive_partitioning = false)", file)) {
		quoted := `"` + column["column_name"].(string) + `"`
		switch typ := column["column_type"].(string); {
		case typ == "VARCHAR":
			sizes = append(sizes, fmt.Sprintf("ifnull(strlen(%s), 0)", quoted))
		case typ == "BLOB":
			sizes = append(sizes, fmt.Sprintf("ifnull(octet_length(%s), 0)", quoted))
		case strings.HasSuffix(typ, "]") || strings.HasPrefix(typ, "STRUCT"):
			sizes = append(sizes, fmt.Sprintf("ifnull(strlen(to_json(%s)), 0)", quoted))
		default:
			sizes = append(sizes, "8")
		}
	}
	var largest sql.NullInt64
	query := fmt.Sprintf("SELECT max(%s)::BIGINT FROM read_parquet('%s', hive_partitioning = false)", strings.Join(sizes, " + "), file)
	if err := db.QueryRow(query).Scan(&largest); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if largest.Int64 > bigqueryRowBytes {
		tell("a row of %d bytes", largest.Int64)
	}
}

// schemaOf is a file's schema as DuckDB reads it, which lists the nodes in depth-first order.
func schemaOf(t *testing.T, db *sql.DB, file string) *parquetField {
	t.Helper()
	nodes := rows(t, db, fmt.Sprintf(`SELECT name, ifnull(repetition_type, '') AS repetition, ifnull(num_children, 0) AS children, ifnull(type, '') AS physical,
		ifnull(logical_type, '') AS logical, ifnull(converted_type, '') AS converted, ifnull(precision, 0) AS digits, ifnull(scale, 0) AS after
		FROM parquet_schema('%s') ORDER BY column_id`, file))
	next := 0
	var read func() *parquetField
	read = func() *parquetField {
		node := nodes[next]
		next++
		field := &parquetField{
			name: node["name"].(string), repetition: node["repetition"].(string), physical: node["physical"].(string),
			logical: node["logical"].(string), precision: node["digits"].(int64), scale: node["after"].(int64),
		}
		field.kind = bigqueryKind(field, node["converted"].(string))
		field.list = field.logical == "ListType()" || node["converted"] == "LIST"
		for range node["children"].(int64) {
			field.below = append(field.below, read())
		}
		return field
	}
	return read()
}

// bigqueryKind is the type that BigQuery reads a leaf as, of the types that the program writes; "" for others. A stamp must
// be UTC in microseconds by both annotations, the new and the old, and a text by both.
func bigqueryKind(field *parquetField, converted string) string {
	switch plain := field.logical == "" && converted == ""; {
	case field.physical == "BOOLEAN" && plain:
		return "BOOL"
	case field.physical == "DOUBLE" && plain:
		return "FLOAT64"
	case field.physical == "BYTE_ARRAY" && plain:
		return "BYTES"
	case field.physical == "BYTE_ARRAY" && field.logical == "StringType()" && converted == "UTF8":
		return "STRING"
	case field.physical == "BYTE_ARRAY" && field.logical == "" && converted == "UTF8":
		return "STRING"
	case field.physical == "INT64" && (plain || converted == "INT_64" || strings.HasPrefix(field.logical, "IntType") && strings.HasSuffix(field.logical, "isSigned=1)")):
		return "INT64"
	case field.physical == "INT32" && converted == "DATE":
		return "DATE"
	case field.physical == "INT64" && converted == "TIMESTAMP_MICROS" && strings.Contains(field.logical, "isAdjustedToUTC=1") && strings.Contains(field.logical, "MICROS=MicroSeconds()"):
		return "TIMESTAMP"
	case converted == "DECIMAL" && field.precision >= 1 && field.scale >= 0 && field.scale <= field.precision:
		return decimalKind(field)
	}
	return ""
}

// decimalKind is NUMERIC up to 29 digits before the point and 9 after, BIGNUMERIC up to 38 and 38.
func decimalKind(field *parquetField) string {
	before := field.precision - field.scale
	switch {
	case field.physical == "BYTE_ARRAY" || before > 38 || field.scale > 38:
		return ""
	case before <= 29 && field.scale <= 9:
		return fmt.Sprintf("NUMERIC(%d, %d)", field.precision, field.scale)
	}
	return fmt.Sprintf("BIGNUMERIC(%d, %d)", field.precision, field.scale)
}

// String is the field's name and type, whole.
func (f *parquetField) String() string {
	if len(f.below) == 0 {
		kind := f.kind
		if kind == "" {
			kind = f.physical + " " + f.logical
		}
		return f.name + " " + f.repetition + " " + kind
	}
	var below []string
	for _, field := range f.below {
		below = append(below, field.String())
	}
	return f.name + " " + f.repetition + " " + f.logical + "<" + strings.Join(below, ", ") + ">"
}
