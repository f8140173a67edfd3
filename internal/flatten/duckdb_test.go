package flatten

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"omega-export/schemas"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestTheSecondOpinionsSQL(t *testing.T) {
	lines := listOf(structOf(schemas.Field{Name: "montant", Type: decimalOf(9, 2)}, schemas.Field{Name: "l'an", Type: of(schemas.Date)}))
	table := &Table{Type: "Chf", Columns: []Column{
		{Name: "t", Path: []string{"t"}, Type: of(schemas.Text)},
		{Name: "a__b", Path: []string{"a", "b"}, Type: of(schemas.Bool)},
		{Name: `od"d`, Path: []string{`o~d/d'`}, Type: of(schemas.Int)},
		{Name: "x", Path: []string{"x"}, Type: of(schemas.Double)},
		{Name: "s", Path: []string{"s"}, Type: of(schemas.Stamp)},
		{Name: "l", Path: []string{"l"}, Type: listOf(of(schemas.Text))},
		{Name: "lignes", Path: []string{"lignes"}, Type: lines},
	}}
	golden := filepath.Join("testdata", "second_opinion.sql")
	got := table.DuckDBSelect("(FROM reponses)") + "\n"
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
		t.Errorf("the SQL differs from %s (-update writes it anew):\n%s", golden, got)
	}
}
