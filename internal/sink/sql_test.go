package sink

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
)

var update = flag.Bool("update", false, "write the golden files anew")

// described is a table with a column of every type, and with descriptions that must not leave their quotes.
func described() content {
	decimal := func(precision, scale int32) arrow.DataType {
		return &arrow.Decimal128Type{Precision: precision, Scale: scale}
	}
	text := arrow.BinaryTypes.String
	schema := demandes("", "", "").schema.Fields()
	schema = append(schema,
		nullable("annule", arrow.FixedWidthTypes.Boolean), nullable("rang", arrow.PrimitiveTypes.Int64),
		nullable("debit", arrow.PrimitiveTypes.Float64), nullable("montant", decimal(12, 2)), nullable("precis", decimal(38, 20)),
		nullable("date_depot", arrow.FixedWidthTypes.Date32), nullable("brut", arrow.BinaryTypes.Binary),
		nullable("etiquettes", arrow.ListOf(text)),
		nullable("lignes", arrow.ListOf(arrow.StructOf(nullable("code", text), nullable("prix", decimal(9, 2)), nullable("jours", arrow.ListOf(arrow.FixedWidthTypes.Date32))))),
		nullable("listes", arrow.ListOf(arrow.ListOf(text))), nullable("_file_name", text),
	)
	columns, err := json.Marshal([]map[string]any{
		{"name": "montant", "path": []string{"montant"}, "type": "DECIMAL", "description": "Le montant d'un \"devis\", en €; voir \\guide\\\nligne 2"},
		{"name": "rang", "description": ""},
		{"name": "absente", "description": "d'aucune colonne"},
	})
	if err != nil {
		panic(err)
	}
	return content{
		table: "demande_dev", kind: "demande", columns: string(columns), schema: arrow.NewSchema(schema, nil),
		rows: `[{"numero_demande": "D9", "_recupere_le": "2026-11-24 10:00:00", "_lot": "2", "annule": true}]`,
	}
}

func TestTheSQLIsAsItWas(t *testing.T) {
	out := published(t, firstLot)
	if err := publishAs(out, infoOf(secondLot), append(contentsOf(secondLot), described())...); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{duckdbName, bigqueryName} {
		got := tree(t, out.URI())[name]
		golden := path.Join("testdata", path.Base(name))
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("SQL\n%s\nwant (%s)\n%s", got, golden, want)
		}
	}
}

func TestTypesInGoogleSQL(t *testing.T) {
	for text, want := range map[string]string{
		"STRING": "STRING", "BYTES": "BYTES", "BOOLEAN": "BOOL", "INT64": "INT64", "DOUBLE": "FLOAT64", "DATE": "DATE", "TIMESTAMP": "TIMESTAMP",
		"DECIMAL(9,2)": "NUMERIC(9, 2)", "DECIMAL(38,9)": "NUMERIC(38, 9)", "DECIMAL(38,8)": "BIGNUMERIC(38, 8)", "DECIMAL(10,10)": "BIGNUMERIC(10, 10)",
		"LIST<STRING>":                           "ARRAY<STRING>",
		"STRUCT<a LIST<DATE>, b BOOLEAN>":        "STRUCT<`a` ARRAY<DATE>, `b` BOOL>",
		"LIST<STRUCT<a STRUCT<b DECIMAL(3,1)>>>": "ARRAY<STRUCT<`a` STRUCT<`b` NUMERIC(3, 1)>>>",
		"LIST<LIST<STRING>>":                     "", "": "", "BLOB": "", "LIST<STRING": "", "STRUCT<>": "", "STRING>": "", "DECIMAL": "", "DECIMAL(9": "", "STRUCT<a`b STRING>": "",
	} {
		got, err := googleType(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s is %q, %v; want %q", text, got, err, want)
		}
	}
}

// Whatever the text, it is quoted whole, and reads back as it was.
func FuzzGoogleLiterals(f *testing.F) {
	f.Add("l'été \\ \n\x00`\"")
	f.Fuzz(func(t *testing.T, text string) {
		quoted := googleLiteral(text)
		inner := quoted[1 : len(quoted)-1]
		var read strings.Builder
		for i := 0; i < len(inner); i++ {
			switch {
			case inner[i] == '\'' || inner[i] < ' ':
				t.Fatalf("%q ends or breaks at %d", quoted, i)
			case inner[i] == '\\' && inner[i+1] == 'u':
				number, err := strconv.ParseUint(inner[i+2:i+6], 16, 32)
				if err != nil {
					t.Fatal(err)
				}
				read.WriteRune(rune(number))
				i += 5
			case inner[i] == '\\':
				i++
				read.WriteByte(inner[i])
			default:
				read.WriteByte(inner[i])
			}
		}
		if want := strings.Map(func(r rune) rune { return r }, text); read.String() != want {
			t.Errorf("%q reads back as %q", text, read.String())
		}
	})
}

func TestATableOfAllTypesNameIsNotHidden(t *testing.T) {
	schema := []string{"numero_demande STRING"}
	sql := bigquerySQL(&local{root: "/out"}, []*PublishedTable{
		{Name: "demande_x", Kind: "demande", Schema: schema}, {Name: allView, Kind: "demande", Schema: schema},
	})
	if strings.Count(sql, "VIEW `DATASET`.`demandes`") != 1 || !strings.Contains(sql, "FROM `DATASET`.`demandes__nuits`") {
		t.Errorf("SQL\n%s", sql)
	}
}

func TestTheSQLFollowsAReplacement(t *testing.T) {
	out := published(t, firstLot, secondLot)
	replace(t, out, "r1", 0)
	for _, name := range []string{duckdbName, bigqueryName} {
		if sql := tree(t, out.URI())[name]; !strings.Contains(sql, "nouvelle") {
			t.Errorf("%s does not tell the new column\n%s", name, sql)
		}
	}
	if report, err := Verify(context.Background(), out.URI(), VerifyOptions{}); err != nil || !report.OK() {
		t.Errorf("%+v, %v", report.Problems, err)
	}
}
