package sink

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// dayLine is the last line of a compacted file's schema.
const dayLine = partitionColumn + " DATE"

// compactSchema is a table's columns, of lines as schemaLines writes them, and the rows' day.
func compactSchema(lines []string) (*arrow.Schema, error) {
	fields := make([]arrow.Field, 0, len(lines)+1)
	for _, line := range append(lines[:len(lines):len(lines)], dayLine) {
		name, text, _ := strings.Cut(line, " ")
		typ, rest, err := arrowTypeOf(text)
		if err == nil && rest != "" {
			err = fmt.Errorf("%q follows its type", rest)
		}
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
		fields = append(fields, arrow.Field{Name: name, Type: typ, Nullable: true})
	}
	return arrow.NewSchema(fields, nil), nil
}

// arrowTypeOf takes a type, as typeText writes it, off the front of a text.
func arrowTypeOf(text string) (typ arrow.DataType, rest string, err error) {
	end := strings.IndexFunc(text, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') })
	if end < 0 {
		end = len(text)
	}
	rest = text[end:]
	switch name := text[:end]; name {
	case "STRING":
		return arrow.BinaryTypes.String, rest, nil
	case "BYTES":
		return arrow.BinaryTypes.Binary, rest, nil
	case "BOOLEAN":
		return arrow.FixedWidthTypes.Boolean, rest, nil
	case "INT64":
		return arrow.PrimitiveTypes.Int64, rest, nil
	case "DOUBLE":
		return arrow.PrimitiveTypes.Float64, rest, nil
	case "DATE":
		return arrow.FixedWidthTypes.Date32, rest, nil
	case "TIMESTAMP":
		return arrow.FixedWidthTypes.Timestamp_us, rest, nil
	case "DECIMAL":
		return decimalTypeOf(rest)
	case "LIST":
		return listTypeOf(rest)
	case "STRUCT":
		return structTypeOf(rest)
	}
	return nil, "", fmt.Errorf("type %q is none that this program writes", text)
}

// decimalTypeOf takes what follows DECIMAL.
func decimalTypeOf(text string) (typ arrow.DataType, rest string, err error) {
	inner, rest, closed := strings.Cut(text, ")")
	digits, after, _ := strings.Cut(strings.TrimPrefix(inner, "("), ",")
	precision, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || !closed || inner == "" || inner[0] != '(' {
		return nil, "", fmt.Errorf("precision %q", digits)
	}
	scale, err := strconv.ParseInt(after, 10, 32)
	if err != nil {
		return nil, "", fmt.Errorf("scale %q", after)
	}
	return &arrow.Decimal128Type{Precision: int32(precision), Scale: int32(scale)}, rest, nil
}

// listTypeOf takes what follows LIST.
func listTypeOf(text string) (typ arrow.DataType, rest string, err error) {
	inner, opened := strings.CutPrefix(text, "<")
	element, rest, err := arrowTypeOf(inner)
	if err != nil {
		return nil, "", err
	}
	rest, closed := strings.CutPrefix(rest, ">")
	if !opened || !closed {
		return nil, "", fmt.Errorf("the list %q is not closed", text)
	}
	return arrow.ListOfField(arrow.Field{Name: "element", Type: element, Nullable: true}), rest, nil
}

// structTypeOf takes what follows STRUCT.
func structTypeOf(text string) (typ arrow.DataType, rest string, err error) {
	rest, opened := strings.CutPrefix(text, "<")
	if !opened {
		return nil, "", fmt.Errorf("the struct %q is not opened", text)
	}
	var fields []arrow.Field
	for {
		name, after, _ := strings.Cut(rest, " ")
		if !columnPattern.MatchString(name) {
			return nil, "", fmt.Errorf("field %q", name)
		}
		field, after, err := arrowTypeOf(after)
		if err != nil {
			return nil, "", fmt.Errorf("field %s: %w", name, err)
		}
		fields = append(fields, arrow.Field{Name: name, Type: field, Nullable: true})
		if more, ok := strings.CutPrefix(after, ", "); ok {
			rest = more
			continue
		}
		after, closed := strings.CutPrefix(after, ">")
		if !closed {
			return nil, "", fmt.Errorf("the struct %q is not closed", text)
		}
		return arrow.StructOf(fields...), after, nil
	}
}

// filterOn gives a column of texts a Bloom filter, by which a reader that looks for one value leaves out row groups.
// The column has no dictionary then: of one that has grown too large the library's filter knows the dictionary's values
// alone, and would deny the others.
func (l *layout) filterOn(column string) error {
	at := slices.IndexFunc(l.leaves, func(leaf leafSpec) bool { return len(leaf.path) == 1 && leaf.path[0] == column })
	if at < 0 || l.leaves[at].typ.ID() != arrow.STRING {
		return fmt.Errorf("column %s is no column of texts", column)
	}
	l.filtered = column
	return nil
}
