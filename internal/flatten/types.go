package flatten

import (
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// Kind is what a column's values, or a list's elements, are.
type Kind string

// The kinds, named as BigQuery names them.
const (
	Text   Kind = "STRING"
	Bool   Kind = "BOOLEAN"
	Int    Kind = "INT64"
	Double Kind = "DOUBLE"
	Date   Kind = "DATE"
	Stamp  Kind = "TIMESTAMP"
	List   Kind = "LIST"
	Struct Kind = "STRUCT"
)

// Type is a column's type. Elem is set for a List, Fields for a Struct, which stands only inside a List.
type Type struct {
	Kind   Kind    `json:"kind"`
	Elem   *Type   `json:"elem,omitempty"`
	Fields []Field `json:"fields,omitempty"`
}

// Field is one field of a Struct, named by its JSON key.
type Field struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
}

// String is the type as a person reads it: LIST<STRUCT<code STRING>>.
func (t Type) String() string {
	switch t.Kind {
	case List:
		return "LIST<" + t.Elem.String() + ">"
	case Struct:
		fields := make([]string, len(t.Fields))
		for i, field := range t.Fields {
			fields[i] = field.Name + " " + field.Type.String()
		}
		return "STRUCT<" + strings.Join(fields, ", ") + ">"
	}
	return string(t.Kind)
}

// field is the Struct's field of that key, or nil.
func (t *Type) field(key []byte) (int, *Field) {
	for i := range t.Fields {
		if t.Fields[i].Name == string(key) {
			return i, &t.Fields[i]
		}
	}
	return -1, nil
}

// leaves is how many columns of scalars the type takes in a Parquet file.
func (t Type) leaves() int {
	switch t.Kind {
	case List:
		return t.Elem.leaves()
	case Struct:
		sum := 0
		for _, field := range t.Fields {
			sum += field.Type.leaves()
		}
		return sum
	}
	return 1
}

func (t Type) check() error {
	switch t.Kind {
	case Text, Bool, Int, Double, Date, Stamp:
		return nil
	case List:
		if t.Elem == nil || t.Elem.Kind == List {
			return fmt.Errorf("a LIST needs an element that is no LIST")
		}
		return t.Elem.check()
	case Struct:
		for _, field := range t.Fields {
			if err := field.Type.check(); err != nil {
				return fmt.Errorf("field %s: %w", field.Name, err)
			}
		}
		if len(t.Fields) == 0 {
			return fmt.Errorf("a STRUCT needs a field")
		}
		return nil
	}
	return fmt.Errorf("unknown type %q", t.Kind)
}

func (t Type) arrow() arrow.DataType {
	switch t.Kind {
	case Bool:
		return arrow.FixedWidthTypes.Boolean
	case Int:
		return arrow.PrimitiveTypes.Int64
	case Double:
		return arrow.PrimitiveTypes.Float64
	case Date:
		return arrow.FixedWidthTypes.Date32
	case Stamp:
		return arrow.FixedWidthTypes.Timestamp_us
	case List:
		return arrow.ListOfField(arrow.Field{Name: "element", Type: t.Elem.arrow(), Nullable: true})
	case Struct:
		fields := make([]arrow.Field, len(t.Fields))
		for i, field := range t.Fields {
			fields[i] = arrow.Field{Name: field.Name, Type: field.Type.arrow(), Nullable: true}
		}
		return arrow.StructOf(fields...)
	}
	return arrow.BinaryTypes.String
}
