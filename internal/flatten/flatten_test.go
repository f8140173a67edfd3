package flatten

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"omega-export/schemas"
)

func newTable(t testing.TB, typeCode string) *Table {
	t.Helper()
	root, err := schemas.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	table, err := NewTable(typeCode, root)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// learned is the table after the documents have been seen.
func learned(t testing.TB, table *Table, documents ...[]byte) *Table {
	t.Helper()
	learner := NewLearner(table)
	for _, document := range documents {
		if err := learner.Observe("N1", time.Unix(1, 0), document); err != nil {
			t.Fatalf("observing %.100s: %v", document, err)
		}
	}
	next, _ := learner.Evolve()
	return next
}

func flattened(t testing.TB, table *Table, numero string, documents ...[]byte) arrow.Record {
	t.Helper()
	builder := NewBuilder(table)
	defer builder.Release()
	for _, document := range documents {
		if err := builder.Append(Origin{Numero: numero, FetchedAt: time.Unix(1, 0), CodeCDGF: "A", Lot: "L", SHA256: "00"}, document); err != nil {
			t.Fatal(err)
		}
	}
	return builder.Record()
}

// corpus is the corpus's documents by type.
func corpus(t testing.TB) map[string][][]byte {
	t.Helper()
	file, err := os.ReadFile("../../testdata/demandes.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	byType := map[string][][]byte{}
	var identifier Identifier
	for line := range bytes.Lines(file) {
		line = bytes.TrimSpace(line)
		identity, err := identifier.Identify(line)
		if err != nil {
			t.Fatal(err)
		}
		byType[identity.Type] = append(byType[identity.Type], line)
	}
	return byType
}

func TestNoValueOfTheCorpusIsLostOrChanged(t *testing.T) {
	types := corpus(t)
	if len(types) != 23 {
		t.Fatalf("the corpus has %d types", len(types))
	}
	var identifier Identifier
	for code, documents := range types {
		table := learned(t, newTable(t, code), documents...)
		builder := NewBuilder(table)
		for _, document := range documents {
			identity, _ := identifier.Identify(document)
			if err := builder.Append(Origin{Numero: identity.Numero}, document); err != nil {
				t.Fatal(err)
			}
		}
		record := builder.Record()
		for row, document := range documents {
			assertSame(t, table, record, row, document)
		}
		if drift := builder.Drift(); drift.Rows != 0 {
			t.Errorf("%s: %d rows have values without a column, as %s", code, drift.Rows, drift.Example)
		}
		record.Release()
		builder.Release()
	}
}

// document is a document of type T with more keys behind.
func document(more string) []byte {
	return []byte(`{"numero_demande":"N1","type_demande":{"code":"T"}` + more + `}`)
}

func TestWhatAColumnCannotHoldExactlyStandsInChampsInconnus(t *testing.T) {
	shape := document(`,"n":1,"x":1.5,"t":"a","b":true,"j":"2025-01-31","s":"2025-01-31T10:00:00+01:00","l":[1],"lt":["a"],"ls":[{"a":1,"b":"x"}],"o":{"p":"q"}`)
	table := learned(t, newTable(t, "T"), shape)
	deep := strings.Repeat(`{"d":`, 40) + `1` + strings.Repeat(`}`, 40)
	long := strings.Repeat("k", 301)
	cases := map[string]struct {
		more    string
		unknown string // "" for NULL
		same    string // what of the document says a thing again
	}{
		"all that fits":                        {string(shape[len(document(""))-1 : len(shape)-1]), "", ""},
		"null and {} are NULL":                 {`,"n":null,"t":{},"o":{},"l":null,"ls":null,"new":null,"new2":{}`, "", ""},
		"null and {} inside":                   {`,"ls":[{},{"a":null,"b":{}}]`, "", ""},
		"an empty list is kept":                {`,"l":[]`, "", ""},
		"text where a number was":              {`,"n":"1"`, `{"n":"1"}`, ""},
		"a number where text was":              {`,"t":1`, `{"t":1}`, ""},
		"a number with a fraction in INT64":    {`,"n":1.0`, `{"n":1.0}`, ""},
		"a number beyond INT64":                {`,"n":9223372036854775808`, `{"n":9223372036854775808}`, ""},
		"the largest and smallest INT64":       {`,"n":-9223372036854775808`, "", ""},
		"minus zero in INT64":                  {`,"n":-0`, `{"n":-0}`, ""},
		"a number that a DOUBLE rounds":        {`,"x":0.12345678901234567890`, `{"x":0.12345678901234567890}`, ""},
		"an integer that a DOUBLE rounds":      {`,"x":9007199254740993`, `{"x":9007199254740993}`, ""},
		"a number too large for a DOUBLE":      {`,"x":1e400`, `{"x":1e400}`, ""},
		"a number too small for a DOUBLE":      {`,"x":1e-400`, `{"x":1e-400}`, ""},
		"minus zero in DOUBLE":                 {`,"x":-0.0`, "", ""},
		"exponents in DOUBLE":                  {`,"x":1.50E+3`, "", ""},
		"an impossible date":                   {`,"j":"2025-02-30"`, `{"j":"2025-02-30"}`, ""},
		"a date that is a stamp":               {`,"j":"2025-02-28T00:00:00Z"`, `{"j":"2025-02-28T00:00:00Z"}`, ""},
		"the leap day":                         {`,"j":"2024-02-29"`, "", ""},
		"a date with an escape":                {`,"j":"2025-01-3\u0031"`, `{"j":"2025-01-3\u0031"}`, ""},
		"a stamp without offset":               {`,"s":"2025-01-31T10:00:00"`, `{"s":"2025-01-31T10:00:00"}`, ""},
		"a stamp with nanoseconds":             {`,"s":"2025-01-31T10:00:00.123456789Z"`, `{"s":"2025-01-31T10:00:00.123456789Z"}`, ""},
		"a stamp with microseconds":            {`,"s":"2025-01-31T10:00:00.123456-00:30"`, "", ""},
		"a leap second":                        {`,"s":"2016-12-31T23:59:60Z"`, `{"s":"2016-12-31T23:59:60Z"}`, ""},
		"a list with one that does not fit":    {`,"l":[1,"2",3]`, `{"l":[1,"2",3]}`, ""},
		"a list with null":                     {`,"l":[1,null]`, `{"l":[1,null]}`, ""},
		"a list of lists":                      {`,"l":[[1]]`, `{"l":[[1]]}`, ""},
		"a struct with an unknown key":         {`,"ls":[{"a":1},{"c":1}]`, `{"ls":[{"a":1},{"c":1}]}`, ""},
		"a struct with a key twice":            {`,"ls":[{"a":1,"a":2}]`, `{"ls":[{"a":1,"a":2}]}`, ""},
		"a struct with a key twice, once null": {`,"ls":[{"a":null,"a":2}]`, "", ""},
		"an object where text was":             {`,"t":{"u":1}`, `{"t":{"u":1}}`, ""},
		"text where an object was":             {`,"o":"p"`, `{"o":"p"}`, ""},
		"a key twice":                          {`,"n":1,"n":2`, `{"n":2}`, ""},
		"an object twice":                      {`,"o":{"p":"1"},"o":{"p":"2"}`, `{"o":{"p":"2"}}`, ""},
		"the number twice, the same":           {`,"numero_demande":"N1"`, "", `,"numero_demande":"N1"`},
		"the number twice, another":            {`,"numero_demande":"N2"`, `{"numero_demande":"N2"}`, ""},
		"a lone surrogate":                     {`,"t":"\ud800"`, `{"t":"\ud800"}`, ""},
		"a pair of surrogates":                 {`,"t":"\ud83d\ude00"`, "", ""},
		"a key with an escape":                 {`,"\u0074":"a"`, `{"\u0074":"a"}`, ""},
		"a key that is no name":                {`,"é t":1,"1a":2,"":3`, `{"é t":1,"1a":2,"":3}`, ""},
		"a key that the program took":          {`,"_lot":"x"`, `{"_lot":"x"}`, ""},
		"deep":                                 {`,"d":` + deep, `{"d":` + deep + `}`, ""},
		"long":                                 {`,"` + long + `":1`, `{"` + long + `":1}`, ""},
		"unknown below a known object":         {`,"o":{"z":[1],"p":"q","y":{"w":2}}`, `{"o":{"z":[1],"y":{"w":2}}}`, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			doc := document(c.more)
			record := flattened(t, table, "N1", doc)
			defer record.Release()
			assertSame(t, table, record, 0, bytes.Replace(doc, []byte(c.same), nil, 1))
			got := ""
			if unknown := record.Column(ownColumns - 1).(*array.String); unknown.IsValid(0) {
				got = unknown.Value(0)
			}
			if got != c.unknown {
				t.Errorf("_champs_inconnus is %s, want %s", got, c.unknown)
			}
		})
	}
}

func TestANewFieldBecomesAColumnOfTheTypeSeen(t *testing.T) {
	cases := map[string]struct {
		values []string
		want   string // "" for no column
	}{
		"text":                        {[]string{`"a"`}, "STRING"},
		"integers":                    {[]string{`1`, `-2`}, "INT64"},
		"numbers":                     {[]string{`1`, `2.5`}, "DOUBLE"},
		"booleans":                    {[]string{`true`, `false`}, "BOOLEAN"},
		"dates":                       {[]string{`"2025-01-31"`}, "DATE"},
		"stamps":                      {[]string{`"2025-01-31T10:00:00Z"`}, "TIMESTAMP"},
		"dates and a text":            {[]string{`"2025-01-31"`, `"soon"`}, "STRING"},
		"dates and stamps":            {[]string{`"2025-01-31"`, `"2025-01-31T10:00:00Z"`}, "STRING"},
		"hours stay text":             {[]string{`"08:00"`}, "STRING"},
		"only null":                   {[]string{`null`, `{}`}, ""},
		"only empty lists":            {[]string{`[]`}, ""},
		"a list of integers":          {[]string{`[1,2]`}, "LIST<INT64>"},
		"a list of objects":           {[]string{`[{"a":1},{"b":"x"}]`}, "LIST<STRUCT<a INT64, b STRING>>"},
		"objects in lists in lists":   {[]string{`[{"a":[{"b":{"c":true}}]}]`}, "LIST<STRUCT<a LIST<STRUCT<b STRUCT<c BOOLEAN>>>>>"},
		"a list of lists":             {[]string{`[[1]]`}, ""},
		"mostly text":                 {[]string{`"a"`, `"b"`, `1`}, "STRING"},
		"mostly lists":                {[]string{`[1]`, `[2]`, `"x"`}, "LIST<INT64>"},
		"keys but for case":           {[]string{`[{"a":1,"A":2}]`}, "LIST<STRUCT<a INT64>>"},
		"keys that are no names":      {[]string{`[{"é":1}]`}, ""},
		"a number no column can hold": {[]string{`1e999`}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var documents [][]byte
			for _, value := range c.values {
				documents = append(documents, document(`,"informations_client":{"champ":`+value+`}`))
			}
			table := learned(t, newTable(t, "T"), documents...)
			got := ""
			for _, column := range table.Columns {
				if column.Name == "informations_client__champ" {
					got = column.Type.String()
				}
			}
			if got != c.want {
				t.Errorf("the column is %q, want %q", got, c.want)
			}
			record := flattened(t, table, "N1", documents...)
			defer record.Release()
			for row, doc := range documents {
				assertSame(t, table, record, row, doc)
			}
		})
	}
}

func TestAPublishedColumnNeverMovesNorChanges(t *testing.T) {
	first := learned(t, newTable(t, "T"), document(`,"informations_client":{"nom":"A","age":1}`))
	description, err := first.Describe()
	if err != nil {
		t.Fatal(err)
	}
	root, _ := schemas.Embedded()
	published, err := ParseTable("T", root, description)
	if err != nil {
		t.Fatal(err)
	}
	second := learned(t, published, document(`,"libre":true,"informations_client":{"age":"vieux","NOM":"B","ville":"X"},"informations_fournisseur":{"canal":"C"}`))
	if !second.Extends(first) || first.Extends(second) {
		t.Error("the columns of the published table have changed")
	}
	var added []string
	for _, column := range second.Columns[len(first.Columns):] {
		added = append(added, column.Name)
	}
	want := []string{"libre", "informations_fournisseur__canal", "informations_client__ville"}
	if !slices.Equal(added, want) {
		t.Errorf("added %q, want %q (root first, then the guide's order of blocks; NOM is nom but for case)", added, want)
	}
}

func TestATableHasAtMostAThousandColumns(t *testing.T) {
	var more strings.Builder
	for i := range 3000 {
		more.WriteString(`,"c` + strings.Repeat("i", i%7) + string(rune('a'+i%26)) + "_" + time.Duration(i).String() + `":1`)
	}
	doc := document(more.String())
	table := learned(t, newTable(t, "T"), doc)
	if fields := table.ArrowSchema().NumFields(); fields != MaxColumns {
		t.Fatalf("the table has %d columns", fields)
	}
	record := flattened(t, table, "N1", doc)
	defer record.Release()
	assertSame(t, table, record, 0, doc)
}

func TestFieldsOfStructsCountAsColumns(t *testing.T) {
	var fields []string
	for i := range 2000 {
		fields = append(fields, fmt.Sprintf(`"f%d":1`, i))
	}
	doc := document(`,"l":[{` + strings.Join(fields, ",") + `}],"m":[{"a":1}]`)
	table := learned(t, newTable(t, "T"), doc)
	if last := table.Columns[len(table.Columns)-1]; last.Name != "m" || len(table.Columns) != len(newTable(t, "T").Columns)+1 {
		t.Errorf("the last of %d columns is %s", len(table.Columns), last.Name)
	}
	record := flattened(t, table, "N1", doc)
	defer record.Release()
	assertSame(t, table, record, 0, doc)
}

func TestABodyThatIsNoDocumentIsRefused(t *testing.T) {
	for _, body := range []string{
		"", " ", "{", `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `[1,]`, `{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":+1}`, `{"a":NaN}`,
		`{"a":"` + "\n" + `"}`, `{"a":"\x"}`, `{"a":"\u12"}`, "{\"a\":\"\xff\"}", "{\"a\":\"\xed\xa0\x80\"}", `{"a":1} x`, `<html></html>`, `{'a':1}`,
		`{"a":tru}`, strings.Repeat("[", 5000), `{"a" 1}`, `{1:2}`,
	} {
		var p tape
		if err := p.parse([]byte(body)); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%.40q is read: %v", body, err)
		}
	}
}

func TestIdentify(t *testing.T) {
	cases := []struct {
		body string
		want Identity
		err  error
	}{
		{"\xEF\xBB\xBF " + `{"numero_demande":"N1","type_demande":{"code":"CHF"}} `, Identity{Numero: "N1", Type: "CHF"}, nil},
		{`{"type_demande":{"code":"RGR_DGR"},"x":[1,{"numero_demande":"no"}],"numero_demande":"N\u0031"}`, Identity{Numero: "N1", Type: "RGR_DGR"}, nil},
		{
			`{"numero_demande":"N1","type_demande":{"code":"T"},"statut_externe_demande":{"code":"CLOS"},"date_dernier_changement_statut_externe":"2025-03-05"}`,
			Identity{"N1", "T", "CLOS", time.Date(2025, 3, 5, 0, 0, 0, 0, time.UTC)},
			nil,
		},
		{
			`{"numero_demande":"N1","type_demande":{"code":"T"},"statut_externe_demande":"CLOS","date_dernier_changement_statut_externe":"hier"}`,
			Identity{Numero: "N1", Type: "T"},
			nil,
		},
		{`[]`, Identity{}, ErrUnreadable},
		{`"x"`, Identity{}, ErrUnreadable},
		{`{}`, Identity{}, ErrNoNumber},
		{`{"numero_demande":1}`, Identity{}, ErrNoNumber},
		{`{"numero_demande":"N1"}`, Identity{Numero: "N1"}, ErrType},
		{`{"numero_demande":"N1","type_demande":"CHF"}`, Identity{Numero: "N1"}, ErrType},
		{`{"numero_demande":"N1","type_demande":{"code":null}}`, Identity{Numero: "N1"}, ErrType},
		{`{"numero_demande":"N1","type_demande":{"code":"../x"}}`, Identity{Numero: "N1"}, ErrType},
		{`{"numero_demande":"N1","type_demande":{"code":""}}`, Identity{Numero: "N1"}, ErrType},
	}
	var identifier Identifier
	for _, c := range cases {
		got, err := identifier.Identify([]byte(c.body))
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: got %+v and %v", c.body, got, err)
		}
	}
}

func TestTheGuidesExampleGivesTheGuidesValues(t *testing.T) {
	body, err := os.ReadFile("../../testdata/exemple-guide.json")
	if err != nil {
		t.Fatal(err)
	}
	table := learned(t, newTable(t, "CHF"), body)
	record := flattened(t, table, "WD00053H", body)
	defer record.Release()
	assertSame(t, table, record, 0, body)
	if len(table.Columns) != len(newTable(t, "CHF").Columns) {
		t.Error("the guide's own example needs columns that the root schema lacks")
	}
	if record.Column(ownColumns - 1).IsValid(0) {
		t.Error("the guide's own example has unknown fields")
	}
}
