package schemas

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is what a column's values, or a list's elements, are.
type Kind string

// The kinds, named as BigQuery names them.
const (
	Text    Kind = "STRING"
	Bool    Kind = "BOOLEAN"
	Int     Kind = "INT64"
	Double  Kind = "DOUBLE"
	Decimal Kind = "DECIMAL"
	Date    Kind = "DATE"
	Stamp   Kind = "TIMESTAMP"
	List    Kind = "LIST"
	Struct  Kind = "STRUCT"
)

// MaxPrecision is how many digits a DECIMAL may have.
const MaxPrecision = 38

// ColumnType is a column's type.
type ColumnType struct {
	Kind Kind `json:"kind"`
	// Precision and Scale are a Decimal's: how many digits in all, and how many of them after the point.
	Precision int `json:"precision,omitempty"`
	Scale     int `json:"scale,omitempty"`
	// Elem is a List's.
	Elem *ColumnType `json:"elem,omitempty"`
	// Fields are a Struct's, which stands only inside a List.
	Fields []Field `json:"fields,omitempty"`
}

// Field is one field of a Struct, named by its JSON key.
type Field struct {
	Name string     `json:"name"`
	Type ColumnType `json:"type"`
}

// String is the type as the schema files write it: LIST<STRUCT<code STRING, montant DECIMAL(9,2)>>.
func (t ColumnType) String() string {
	switch t.Kind {
	case Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
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

// Equal says whether two types are the same, names and order of fields included.
func (t ColumnType) Equal(other ColumnType) bool { return t.String() == other.String() }

// Leaves is how many columns of scalars the type takes in a Parquet file.
func (t ColumnType) Leaves() int {
	switch t.Kind {
	case List:
		return t.Elem.Leaves()
	case Struct:
		sum := 0
		for _, field := range t.Fields {
			sum += field.Type.Leaves()
		}
		return sum
	}
	return 1
}

// Check says why the type can be no column's, or nil.
func (t ColumnType) Check() error {
	if t.Kind == Struct {
		return errors.New("a STRUCT stands only inside a LIST: an object's fields are columns of their own")
	}
	return t.check()
}

func (t ColumnType) check() error {
	switch t.Kind {
	case Text, Bool, Int, Double, Date, Stamp:
		return nil
	case Decimal:
		if t.Precision < 1 || t.Precision > MaxPrecision || t.Scale < 0 || t.Scale > t.Precision {
			return fmt.Errorf("%s: 1 to %d digits, of which 0 to all after the point", t, MaxPrecision)
		}
		return nil
	case List:
		if t.Elem == nil || t.Elem.Kind == List {
			return errors.New("a LIST needs an element that is no LIST")
		}
		return t.Elem.check()
	case Struct:
		for _, field := range t.Fields {
			if err := field.Type.check(); err != nil {
				return fmt.Errorf("field %s: %w", field.Name, err)
			}
		}
		if len(t.Fields) == 0 {
			return errors.New("a STRUCT needs a field")
		}
		return nil
	}
	return fmt.Errorf("unknown type %q", t.Kind)
}
