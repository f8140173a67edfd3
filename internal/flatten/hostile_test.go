package flatten

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"omega-export/schemas"
)

// hostileBodies are documents of about a megabyte, each made to be slow to flatten into hostileTable.
func hostileBodies() map[string][]byte {
	const megabyte = 1 << 20
	again := func(part string) string { return strings.Repeat(part, megabyte/len(part)) }
	var keys, deep strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&keys, `,"k%d":1`, i)
	}
	for range megabyte / (2 * 6 * 900) {
		deep.WriteString(`,` + strings.Repeat(`"":{"":1,`, 900) + `"z":1` + strings.Repeat(`}`, 900))
	}
	fields := `{"f899":1,"f0":1,"f450":1,"f1":1,"f898":1}`
	return map[string][]byte{
		"100,000 keys":                     document(keys.String()),
		"one key again and again":          document(again(`,"v":[]`)),
		"an unknown key again and again":   document(again(`,"":1`)),
		"lists that are taken back":        document(again(`,"v":[{},1]`)),
		"structs with many fields":         document(`,"v":[` + again(fields+",") + fields + `]`),
		"structs with a key again":         document(again(`,"v":[{"f0":1,"f1":1,"f0":1}]`)),
		"one struct with a key of null":    document(`,"v":[{` + again(`"f0":null,`) + `"f0":1}]`),
		"values far below":                 document(deep.String()),
		"many values far below":            document(`,` + strings.Repeat(`"":{`, 290) + again(`"":1,`) + `"":1` + strings.Repeat(`}`, 290)),
		"one long number":                  document(`,"x":1` + again(`0123456789`)),
		"numbers that are hard to round":   document(again(`,"x":9007199254740993`)),
		"numbers that are long":            document(again(`,"x":0.` + strings.Repeat("1234567890", 79))),
		"numbers that a DECIMAL refuses":   document(again(`,"d":1e-99`)),
		"texts of escapes":                 document(`,"t":"` + again(`\u00e9`) + `"`),
		"texts of accents":                 document(`,"t":"` + again(`é`) + `"`),
		"short texts of accents":           document(again(`,"t":"é"`)),
		"white space":                      append(document(""), again(" ")...),
		"a list of lists":                  document(`,"v":[` + again(`[],`) + `[]]`),
		"objects without end":              document(`,"o":{` + again(`"a":{},`) + `"a":1}`),
		"objects with one unknown in each": document(again(`,"o":{"a":{"b":1}}`)),
	}
}

func hostileTable(t testing.TB) *Table {
	var fields []schemas.Field
	for i := range 900 {
		fields = append(fields, schemas.Field{Name: fmt.Sprintf("f%d", i), Type: of(schemas.Int)})
	}
	table := declaredTable(t, listOf(structOf(fields...)))
	for name, typ := range map[string]schemas.ColumnType{"x": of(schemas.Double), "d": decimalOf(38, 2), "t": of(schemas.Text)} {
		table.Columns = append(table.Columns, Column{Name: name, Path: []string{name}, Type: typ})
	}
	return table
}

// BenchmarkHostile shows that no body takes over a second a megabyte: none may be below 1 MB/s.
func BenchmarkHostile(b *testing.B) {
	for name, body := range hostileBodies() {
		b.Run(name, func(b *testing.B) {
			builder := NewBuilder(hostileTable(b))
			defer builder.Release()
			learner := NewLearner(newTable(b, "T"))
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if err := builder.Append(Origin{Numero: "N1"}, body); err != nil {
					b.Fatal(err)
				}
				builder.Record().Release()
				if err := learner.Observe("N1", time.Unix(1, 0), body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
