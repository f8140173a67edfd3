package schemas

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writtenAs is the demande's file.
func writtenAs(t testing.TB, d Demande, comment func(Column) string) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteDemande(&b, d, comment); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestATypesFileIsWrittenAsAPersonWould(t *testing.T) {
	got := writtenAs(t, Demande{
		Code: "CHF", Label: "Demande de changement de fournisseur",
		Columns: []Column{
			{Path: []string{"informations_contractuelles", "car"}, Type: parsed(t, "DECIMAL(12,3)"), Description: "Consommation annuelle de référence, en « kWh »", Since: "v0"},
			{Path: []string{"informations_client", "lignes"}, Type: parsed(t, "LIST<STRUCT<code STRING, l LIST<INT64>>>"), Since: "2025-02-25"},
			{Path: []string{"true"}, Type: parsed(t, "BOOLEAN")},
		},
	}, func(c Column) string {
		if c.Name() == "true" {
			return ""
		}
		return "vu 12 fois\nà: " + c.Name()
	})
	want := `version: 1
code: CHF
libelle: "Demande de changement de fournisseur"
colonnes:
  # vu 12 fois à: informations_contractuelles__car
  - chemin: informations_contractuelles.car
    type: DECIMAL(12,3)
    description: "Consommation annuelle de référence, en « kWh »"
    depuis: v0
  # vu 12 fois à: informations_client__lignes
  - chemin: informations_client.lignes
    type: LIST<STRUCT<code STRING, l LIST<INT64>>>
    depuis: "2025-02-25"
  - chemin: "true"
    type: BOOLEAN
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
	if got := writtenAs(t, Demande{Code: "Null"}, nil); got != "version: 1\ncode: \"Null\"\nlibelle: \"\"\ncolonnes: []\n" {
		t.Errorf("got\n%s", got)
	}
}

func TestTheEmbeddedFilesAreWrittenBackTheSame(t *testing.T) {
	for _, typ := range embeddedSet(t).Types() {
		file, err := os.ReadFile(filepath.Join("types", fileName(typ.Code)))
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for line := range strings.Lines(string(file)) {
			if !strings.HasPrefix(line, "#") {
				said = append(said, line)
			}
		}
		if got := writtenAs(t, typ, nil); got != strings.Join(said, "") {
			t.Errorf("%s is written\n%s", typ.Code, got)
		}
	}
}

func TestWhatLoadWouldRefuseIsNotWritten(t *testing.T) {
	date := ColumnType{Kind: Date}
	column := func(path ...string) []Column { return []Column{{Path: path, Type: date}} }
	for name, d := range map[string]Demande{
		"no code":            {},
		"a code with a line": {Code: "A\nb: c"},
		"a label of bytes":   {Code: "A", Label: "\xff"},
		"no path":            {Code: "A", Columns: column()},
		"a key with a dot":   {Code: "A", Columns: column("a.b")},
		"a key with a line":  {Code: "A", Columns: column("a", "b\n")},
		"the program's name": {Code: "A", Columns: column("_lot")},
		"a name twice":       {Code: "A", Columns: append(column("a", "b"), column("a__B")...)},
		"no type":            {Code: "A", Columns: []Column{{Path: []string{"a"}}}},
		"a list of nothing":  {Code: "A", Columns: []Column{{Path: []string{"a"}, Type: ColumnType{Kind: List}}}},
		"a list of lists":    {Code: "A", Columns: []Column{{Path: []string{"a"}, Type: ColumnType{Kind: List, Elem: &ColumnType{Kind: List, Elem: &date}}}}},
		"a field that is no key": {Code: "A", Columns: []Column{{Path: []string{"a"}, Type: ColumnType{
			Kind: List, Elem: &ColumnType{Kind: Struct, Fields: []Field{{Name: "é", Type: date}}},
		}}}},
		"a description of bytes": {Code: "A", Columns: []Column{{Path: []string{"a"}, Type: date, Description: "\xed\xa0\x80"}}},
		"a description of 1 MiB": {Code: "A", Columns: []Column{{Path: []string{"a"}, Type: date, Description: strings.Repeat("x", maxFileBytes)}}},
	} {
		var b bytes.Buffer
		if err := WriteDemande(&b, d, nil); err == nil || b.Len() > 0 {
			t.Errorf("%s: %v is written as\n%s", name, err, b.String())
		}
	}
}

func TestAFailingWriterIsTold(t *testing.T) {
	full := errors.New("disk full")
	if err := WriteDemande(failing{full}, Demande{Code: "A"}, nil); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (w failing) Write([]byte) (int, error) { return 0, w.err }
