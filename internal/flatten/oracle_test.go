package flatten

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// The oracle reads documents with encoding/json, another parser than the room's own, and knows a document as the
// multiset of its leaves: "path = value", null and {} being no leaf. A row and its _champs_inconnus must have the
// same leaves as the document that they came from.

const pathSeparator = "\x00"

// documentLeaves are a JSON document's leaves.
func documentLeaves(t testing.TB, document []byte) []string {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(document, []byte("\xEF\xBB\xBF"))))
	decoder.UseNumber()
	value, err := readValue(decoder)
	if err != nil {
		t.Fatalf("the oracle cannot read %.200q: %v", document, err)
	}
	return leaves(nil, "", value)
}

// member is one key of an object; objects keep their order and their duplicates.
type (
	member struct {
		key   string
		value any
	}
	object []member
)

func readValue(decoder *json.Decoder) (any, error) {
	tok, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('{'):
		members := object{}
		for decoder.More() {
			key, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			value, err := readValue(decoder)
			if err != nil {
				return nil, err
			}
			members = append(members, member{key.(string), value})
		}
		_, err = decoder.Token()
		return members, err
	case json.Delim('['):
		list := []any{}
		for decoder.More() {
			value, err := readValue(decoder)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = decoder.Token()
		return list, err
	}
	return tok, nil
}

func leaves(into []string, path string, value any) []string {
	if members, ok := value.(object); ok {
		for _, m := range members {
			into = leaves(into, path+pathSeparator+m.key, m.value)
		}
		return into
	}
	if value == nil {
		return into
	}
	return append(into, path+" = "+canonical(value))
}

// canonical is a value's text, the same for two values that the tables hold to be the same.
func canonical(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return canonicalNumber(string(v))
	case string:
		if at, err := time.Parse("2006-01-02T15:04:05.999999Z07:00", v); err == nil {
			return "stamp " + at.UTC().Format(time.RFC3339Nano)
		}
		return strconv.Quote(v)
	case []any:
		elements := make([]string, len(v))
		for i, element := range v {
			elements[i] = canonical(element)
		}
		return "[" + strings.Join(elements, ",") + "]"
	case object:
		var members []string
		for _, m := range v {
			if text := canonical(m.value); text != "null" && text != "{}" {
				members = append(members, strconv.Quote(m.key)+":"+text)
			}
		}
		slices.Sort(members)
		return "{" + strings.Join(members, ",") + "}"
	}
	panic(fmt.Sprintf("no JSON value: %T", value))
}

// canonicalNumber is a number's exact value. Those of enormous exponents stand as they came: no column holds them.
func canonicalNumber(text string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if strings.Trim(mantissa, "-0.") == "" {
		text = mantissa // zero, whatever the exponent
	} else if power, err := strconv.Atoi(exponent); exponent != "" && (err != nil || max(power, -power) > 400+len(text)) {
		return text
	}
	value, ok := new(big.Rat).SetString(text)
	if !ok {
		panic("no number: " + text)
	}
	if value.Sign() == 0 && strings.HasPrefix(text, "-") {
		return "-0"
	}
	return value.RatString()
}

// rowLeaves are the leaves of one row of a table's record.
func rowLeaves(t testing.TB, table *Table, record arrow.Record, row int) []string {
	t.Helper()
	into := []string{pathSeparator + ColumnNumero + " = " + canonical(record.Column(0).(*array.String).Value(row))}
	for i, column := range table.Columns {
		if cells := record.Column(ownColumns + i); !cells.IsNull(row) {
			into = append(into, pathSeparator+strings.Join(column.Path, pathSeparator)+" = "+canonical(cell(cells, row)))
		}
	}
	if unknown := record.Column(ownColumns - 1).(*array.String); unknown.IsValid(row) {
		into = append(into, documentLeaves(t, []byte(unknown.Value(row)))...)
	}
	return into
}

// cell is an Arrow value as the JSON value that it stands for.
func cell(cells arrow.Array, row int) any {
	if cells.IsNull(row) {
		return nil
	}
	switch a := cells.(type) {
	case *array.String:
		return a.Value(row)
	case *array.Boolean:
		return a.Value(row)
	case *array.Int64:
		return json.Number(strconv.FormatInt(a.Value(row), 10))
	case *array.Float64:
		return json.Number(strconv.FormatFloat(a.Value(row), 'g', -1, 64))
	case *array.Decimal128:
		return decimalNumber(a.Value(row), int(a.DataType().(*arrow.Decimal128Type).Scale))
	case *array.Date32:
		return time.Unix(int64(a.Value(row))*86400, 0).UTC().Format(time.DateOnly)
	case *array.Timestamp:
		return time.UnixMicro(int64(a.Value(row))).UTC().Format(time.RFC3339Nano)
	case *array.List:
		from, to := a.ValueOffsets(row)
		elements := []any{}
		for at := from; at < to; at++ {
			elements = append(elements, cell(a.ListValues(), int(at)))
		}
		return elements
	case *array.Struct:
		members := object{}
		for i, field := range a.DataType().(*arrow.StructType).Fields() {
			members = append(members, member{field.Name, cell(a.Field(i), row)})
		}
		return members
	}
	panic(fmt.Sprintf("no column of ours: %T", cells))
}

// decimalNumber is the number that a DECIMAL of that scale holds.
func decimalNumber(units decimal128.Num, scale int) json.Number {
	one := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	return json.Number(new(big.Rat).SetFrac(units.BigInt(), one).FloatString(scale))
}

// assertSame fails unless the row and its _champs_inconnus have the document's leaves.
func assertSame(t testing.TB, table *Table, record arrow.Record, row int, document []byte) {
	t.Helper()
	want, got := documentLeaves(t, document), rowLeaves(t, table, record, row)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("row and document differ\ndocument: %s\nonly in the document: %q\nonly in the row: %q", document, minus(want, got), minus(got, want))
	}
}

func minus(a, b []string) []string {
	left := slices.Clone(a)
	for _, leaf := range b {
		if at := slices.Index(left, leaf); at >= 0 {
			left = slices.Delete(left, at, at+1)
		}
	}
	return left
}

func TestTheOracleSeesALostAndAnAlteredValue(t *testing.T) {
	whole := documentLeaves(t, []byte(`{"a":1,"b":{"c":"x","d":null,"e":{}},"l":[{"k":1}]}`))
	for _, other := range []string{
		`{"a":1,"b":{"c":"x"}}`, `{"a":1.5,"b":{"c":"x"},"l":[{"k":1}]}`, `{"a":1,"b":{"c":"y"},"l":[{"k":1}]}`,
		`{"a":"1","b":{"c":"x"},"l":[{"k":1}]}`, `{"a":1,"b":{"c":"x"},"l":[{"k":1},null]}`,
	} {
		if slices.Equal(whole, documentLeaves(t, []byte(other))) {
			t.Errorf("the oracle takes %s for the same", other)
		}
	}
	if !slices.Equal(whole, documentLeaves(t, []byte(`{"a":1.0e0,"b":{"c":"x"},"l":[{"z":null,"k":10e-1}]}`))) {
		t.Error("the oracle takes the same values for others")
	}
	if _, err := readValue(json.NewDecoder(strings.NewReader("{"))); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a cut document is read: %v", err)
	}
}
