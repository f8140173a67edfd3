package flatten

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"omega-export/schemas"
)

// declaredTable is table T with one more column at the root, v, of that type.
func declaredTable(t testing.TB, typ schemas.ColumnType) *Table {
	t.Helper()
	if err := typ.Check(); err != nil {
		t.Fatal(err)
	}
	table := newTable(t, "T")
	table.Columns = append(table.Columns, Column{Name: "v", Path: []string{"v"}, Type: typ})
	return table
}

func of(kind schemas.Kind) schemas.ColumnType { return schemas.ColumnType{Kind: kind} }

func decimalOf(precision, scale int) schemas.ColumnType {
	return schemas.ColumnType{Kind: schemas.Decimal, Precision: precision, Scale: scale}
}

func listOf(elem schemas.ColumnType) schemas.ColumnType {
	return schemas.ColumnType{Kind: schemas.List, Elem: &elem}
}

func structOf(fields ...schemas.Field) schemas.ColumnType {
	return schemas.ColumnType{Kind: schemas.Struct, Fields: fields}
}

func TestAColumnHoldsAValueExactlyOrNotAtAll(t *testing.T) {
	price := structOf(schemas.Field{Name: "p", Type: decimalOf(3, 1)}, schemas.Field{Name: "l", Type: listOf(of(schemas.Int))})
	cases := []struct {
		typ   schemas.ColumnType
		fits  []string
		stays []string // in _champs_inconnus
	}{
		{
			of(schemas.Int),
			[]string{`0`, `7`, `-1`, `999999999999999999`, `1000000000000000000`, `9223372036854775807`, `-9223372036854775808`},
			[]string{`-0`, `0.0`, `1e0`, `1E3`, `9223372036854775808`, `-9223372036854775809`, `1` + strings.Repeat("0", 5000), `"1"`, `true`, `[1]`},
		},
		{
			of(schemas.Double),
			[]string{
				`0`, `-0`, `0.0`, `-0.0`, `0e5`, `0.1`, `1.50`, `1.50E+3`, `15e-1`, `123456789012345`, `0.000000000000000000001`, `1e22`, `1e23`, `1e308`,
				`1.7976931348623157e308`, `2.2250738585072014e-308`, `5e-324`, `9007199254740992`, `0.30000000000000004`, `1` + strings.Repeat("0", 300), `0.` + strings.Repeat("0", 300) + `1`,
				`1.` + strings.Repeat("0", 3000),
			},
			[]string{
				`9007199254740993`, `0.12345678901234567890`, `0.30000000000000004001`, `1e309`, `-1e400`, `1e-400`, `2.5e-324`, `1.7976931348623159e308`,
				`0e99999999999999999999`, `1e99999999999999999999`, `123456789012345678`, `"1.5"`, `false`,
			},
		},
		{
			decimalOf(3, 1),
			[]string{`0`, `0.0`, `0e-7`, `1`, `1.5`, `1.50`, `1.5e0`, `15e-1`, `0.015e2`, `-99.9`, `99.9000`, `1.5E+1`, `990e-1`},
			[]string{`-0`, `-0.0`, `1.55`, `100`, `99.99`, `1e2`, `1e-2`, `1e999999999999`, `0.05`, `"1.5"`, `true`},
		},
		{
			decimalOf(38, 0),
			[]string{strings.Repeat("9", 38), "-" + strings.Repeat("9", 38), `1e37`, `18446744073709551616`, `123456789012345678901234567890`},
			[]string{`1e38`, strings.Repeat("9", 39), `0.5`},
		},
		{
			decimalOf(38, 38),
			[]string{`0.` + strings.Repeat("9", 38), `-0.` + strings.Repeat("0", 37) + `1`, `1e-38`, `0`},
			[]string{`1`, `1e-39`, `0.` + strings.Repeat("9", 39)},
		},
		{decimalOf(18, 0), []string{`999999999999999999`}, []string{`1000000000000000000`}},
		{decimalOf(19, 1), []string{`999999999999999999`, `999999999999999999.9`}, []string{`1000000000000000000`}},
		{
			of(schemas.Date),
			[]string{`"0001-01-01"`, `"1582-10-10"`, `"1900-02-28"`, `"2000-02-29"`, `"2024-02-29"`, `"2025-12-31"`, `"9999-12-31"`},
			[]string{
				`"0000-01-01"`, `"10000-01-01"`, `"1900-02-29"`, `"2025-02-29"`, `"2025-04-31"`, `"2025-13-01"`, `"2025-00-01"`, `"2025-01-00"`, `"2025-1-31"`, `"20250131"`,
				`" 2025-01-31"`, `"2025-01-31 "`, `"2025/01/31"`, `"-025-01-31"`, `"2025-01-3\u0031"`, `"2025-01-31T00:00:00Z"`, `"２025-01-3"`, `20250131`, `""`,
			},
		},
		{
			of(schemas.Stamp),
			[]string{
				`"2025-01-31T10:00:00Z"`, `"2025-01-31T10:00:00+01:00"`, `"2025-01-31T10:00:00-23:59"`, `"2025-01-31T10:00:00.1Z"`, `"2025-01-31T10:00:00.123456+14:00"`,
				`"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59.999999Z"`, `"1969-12-31T23:59:59.999999Z"`, `"2025-01-31T10:00:00-00:00"`,
			},
			[]string{
				`"2025-01-31T10:00:00"`, `"2025-01-31t10:00:00Z"`, `"2025-01-31T10:00:00z"`, `"2025-01-31 10:00:00Z"`, `"2025-01-31T24:00:00Z"`, `"2016-12-31T23:59:60Z"`,
				`"2025-01-31T10:60:00Z"`, `"2025-01-31T10:00:00.Z"`, `"2025-01-31T10:00:00.1234567Z"`, `"2025-01-31T10:00:00,5Z"`, `"2025-01-31T10:00:00+0100"`, `"2025-01-31T10:00:00+01"`,
				`"2025-01-31T10:00:00+24:00"`, `"2025-01-31T10:00:00+01:60"`, `"0001-01-01T00:00:00+00:01"`, `"9999-12-31T23:59:59-00:01"`, `"0000-01-01T00:00:00Z"`,
				`"2025-01-31T10:00Z"`, `"2025-01-31"`, `"2025-02-30T10:00:00Z"`, `" 2025-01-31T10:00:00Z"`, `1738314000`,
			},
		},
		{
			of(schemas.Text),
			[]string{`""`, `"08:00"`, `"\u0000"`, `"a\"\\\/\b\f\n\r\té\u00e9"`, `"\ud83d\ude00"`, `"` + strings.Repeat("é", 1<<19) + `"`, `"` + strings.Repeat(`\n`, 1<<19) + `"`, `"12345678"`, `"\u007f"`},
			[]string{`"\ud800"`, `"\ude00"`, `"\ude00\ud83d"`, `"x\ud800\u0041"`, `1`, `true`, `[]`},
		},
		{of(schemas.Bool), []string{`true`, `false`}, []string{`"true"`, `0`, `1`}},
		{listOf(of(schemas.Int)), []string{`[]`, `[1]`, `[1,2,-3]`}, []string{`[null]`, `[1,null]`, `[{}]`, `[1,{}]`, `[1,"2"]`, `[[1]]`, `[[]]`, `1`, `[1,2.5]`}},
		{listOf(of(schemas.Text)), []string{`[]`, `["a","","\u0041"]`}, []string{`["a",1]`, `["a","\ud800"]`}},
		{listOf(of(schemas.Bool)), []string{`[true,false,true,true,false,false,true,true,true]`}, []string{`[true,true,false,1]`}},
		{listOf(of(schemas.Date)), []string{`["2025-01-31"]`}, []string{`["2025-01-31","x"]`}},
		{listOf(decimalOf(3, 1)), []string{`[1.5,2]`}, []string{`[1.5,2.55]`}},
		{
			listOf(price),
			[]string{
				`[]`, `[{}]`, `[{},{"p":1.5},{}]`, `[{"p":null,"l":{}}]`, `[{"zz":null,"zz":{}}]`, `[{"p":{},"p":1.5}]`, `[{"l":[1],"p":2},{"l":[],"p":3},{"p":4,"l":[5,6]}]`,
			},
			[]string{
				`[{"p":1.55}]`, `[{"p":1.5},null]`, `[{"p":1.5},{"p":1.5,"p":2}]`, `[{"p":1.5,"q":1}]`, `[{"P":1.5}]`, `[{"\u0070":1.5}]`, `[{"l":[1,2]},{"l":[3,"x"]}]`,
				`[{"l":[1]},{"l":[1],"l":[2]}]`, `[{"l":null,"p":"1"}]`, `[1]`, `"p"`,
			},
		},
	}
	for _, c := range cases {
		t.Run(c.typ.String(), func(t *testing.T) {
			// All values stand in one record, in turn, so that one which is taken back is seen to leave no trace.
			var documents [][]byte
			var fits []bool
			for i := range max(len(c.fits), len(c.stays)) {
				if i < len(c.stays) {
					documents, fits = append(documents, document(`,"v":`+c.stays[i])), append(fits, false)
				}
				if i < len(c.fits) {
					documents, fits = append(documents, document(`,"v":`+c.fits[i])), append(fits, true)
				}
			}
			table := declaredTable(t, c.typ)
			record := flattened(t, table, "N1", documents...)
			defer record.Release()
			column := record.Column(int(record.NumCols()) - 1)
			for row, fits := range fits {
				if column.IsValid(row) != fits {
					t.Errorf("%.200s: in the column is %t, want %t", documents[row], column.IsValid(row), fits)
				}
				assertSame(t, table, record, row, documents[row])
			}
		})
	}
}

func TestABuilderBeginsAnewAfterARecord(t *testing.T) {
	table := declaredTable(t, listOf(structOf(schemas.Field{Name: "a", Type: of(schemas.Text)}, schemas.Field{Name: "b", Type: of(schemas.Bool)})))
	builder := NewBuilder(table)
	defer builder.Release()
	documents := [][]byte{document(`,"v":[{"a":"x"},{"b":true}]`), document(``), document(`,"v":[{"b":false},{"a":"y","b":1}]`), document(`,"v":[]`)}
	var records []arrow.Record
	for range 3 {
		for _, body := range documents {
			if err := builder.Append(Origin{Numero: "N1"}, body); err != nil {
				t.Fatal(err)
			}
		}
		if builder.Rows() != 4 || builder.Bytes() == 0 {
			t.Errorf("%d rows and %d bytes stand in the builder", builder.Rows(), builder.Bytes())
		}
		records = append(records, builder.Record())
		if builder.Rows() != 0 || builder.Bytes() != 0 {
			t.Error("rows or bytes are left after a record")
		}
	}
	// The first records must not have been written over by the later ones.
	for _, record := range records {
		for row, body := range documents {
			assertSame(t, table, record, row, body)
		}
		record.Release()
	}
	if filled := builder.Filled(); filled[len(filled)-1] != 6 {
		t.Errorf("the column was filled %d times", filled[len(filled)-1])
	}
	if empty := builder.Record(); empty.NumRows() != 0 || empty.Column(0).(*array.String).Len() != 0 {
		t.Error("an empty record has rows")
	}
}

func TestKeysMayComeInAnyOrder(t *testing.T) {
	table := learned(t, newTable(t, "T"), document(`,"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8`))
	var documents [][]byte
	for _, keys := range []string{"abcdefgh", "hgfedcba", "aabbcc", "ah", "ahb", "hzgyf", "", "b", "abcdefgh", "acegbdfh", "hahaha"} {
		more := ""
		for i, key := range strings.Split(keys, "") {
			more += `,"` + key + `":` + strings.Repeat("1", i%9+1)
		}
		documents = append(documents, document(more))
	}
	record := flattened(t, table, "N1", documents...)
	defer record.Release()
	for row, body := range documents {
		assertSame(t, table, record, row, body)
	}
}

func TestDriftTellsWhereAndWhy(t *testing.T) {
	table := learned(t, newTable(t, "T"), document(`,"n":1,"o":{"p":"q"},"l":[1]`))
	builder := NewBuilder(table)
	defer builder.Release()
	for i, more := range []string{`,"n":1`, `,"n":"x","o":{"z":1}`, `,"n":2,"n":3,"o":{"z":2}`, `,"l":[null],"o":{"z":null}`} {
		if err := builder.Append(Origin{Numero: "D" + string(rune('0'+i))}, []byte(strings.Replace(string(document(more)), "N1", "D"+string(rune('0'+i)), 1))); err != nil {
			t.Fatal(err)
		}
	}
	drift := builder.Drift()
	want := []DriftField{{"l", DoesNotFit, 1, "D3"}, {"n", RepeatedKey, 1, "D2"}, {"n", DoesNotFit, 1, "D1"}, {"o.z", NoColumn, 2, "D1"}}
	if drift.Rows != 3 || drift.Example != "D1" || len(drift.Fields) != len(want) {
		t.Fatalf("drift is %+v", drift)
	}
	for i := range want {
		if drift.Fields[i] != want[i] {
			t.Errorf("got %+v, want %+v", drift.Fields[i], want[i])
		}
	}
}

func TestDriftIsBounded(t *testing.T) {
	var more strings.Builder
	for i := range 3000 {
		more.WriteString(`,"` + strings.Repeat("é", i%200) + strings.Repeat("k", i/200) + `é":1`)
	}
	builder := NewBuilder(newTable(t, "T"))
	defer builder.Release()
	if err := builder.Append(Origin{Numero: "N1"}, document(more.String())); err != nil {
		t.Fatal(err)
	}
	fields, total := builder.Drift().Fields, int64(0)
	for _, field := range fields {
		total += field.Count
		if len(field.Path) > 300 || !utf8.ValidString(field.Path) {
			t.Errorf("path %q", field.Path)
		}
	}
	if len(fields) != maxDriftFields+1 || total != 3000 {
		t.Errorf("%d places of %d values are told apart", len(fields), total)
	}
}

func TestFlatteningAllocatesUnderThreeTimesADocument(t *testing.T) {
	c := newBenchmarkCorpus(t)
	documents := 0 // of the first type
	for documents < len(c.builders) && c.builders[documents] == c.builders[0] {
		documents++
	}
	round := func() {
		for row := range benchmarkRows {
			if err := c.builders[0].Append(c.origins[row%documents], c.bodies[row%documents]); err != nil {
				t.Fatal(err)
			}
		}
		c.builders[0].Record().Release()
	}
	if allocated := testing.AllocsPerRun(3, round) / benchmarkRows; allocated >= 3 {
		t.Errorf("%.2f allocations a document", allocated)
	} else {
		t.Logf("%.2f allocations a document", allocated)
	}
}
