package sink

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"
)

// layout is how an Arrow schema stands in a Parquet file. Every field is optional, whatever the Arrow schema says.
type layout struct {
	arrow  *arrow.Schema
	leaves []leafSpec
	wide   [][]string // paths of the leaves whose bounds must not be written
	lines  []string   // a line a column: name, space, type

	// filtered is the column of texts that gets a Bloom filter, and no dictionary; or "".
	filtered string

	encodings []encoding.Encoding // of the leaves, while a file's schema is built
}

// leafSpec is one Parquet column: a scalar and the lists and structs that it stands in.
type leafSpec struct {
	column int // of the record
	path   []string
	steps  []step
	typ    arrow.DataType // of the scalar
}

// step leads from a column, or from inside of one, towards the scalar.
type step struct {
	kind  stepKind
	field int // of the struct
	lists int // how many lists the path has up to here, this one included
}

type stepKind int

const (
	intoValue stepKind = iota
	intoList
	intoStruct
)

// newLayout refuses types and names that have no sure place in Parquet, DuckDB and BigQuery.
func newLayout(schema *arrow.Schema) (*layout, error) {
	if schema == nil || schema.NumFields() == 0 {
		return nil, errors.New("it has no column")
	}
	l := &layout{arrow: schema, lines: schemaLines(schema)}
	if _, err := l.build(); err != nil {
		return nil, err
	}
	return l, nil
}

// build makes the tree, and notes its leaves.
func (l *layout) build() (*parquet.Schema, error) {
	root := &group{}
	schema := l.arrow
	for column, field := range schema.Fields() {
		node, err := l.node(column, nil, []string{field.Name}, field.Type)
		if err == nil {
			err = root.add(field.Name, node)
		}
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", field.Name, err)
		}
	}
	return parquet.NewSchema("schema", root), nil
}

// with is the Parquet schema whose leaves have these encodings.
func (l *layout) with(encodings []encoding.Encoding) *parquet.Schema {
	build := &layout{arrow: l.arrow, encodings: encodings}
	schema, err := build.build()
	if err != nil {
		panic(err) // newLayout has built it before
	}
	return schema
}

// node is a field's place in the Parquet schema; its leaves are added in the order in which Parquet counts them.
func (l *layout) node(column int, steps []step, path []string, typ arrow.DataType) (parquet.Node, error) {
	switch typ := typ.(type) {
	case *arrow.ListType:
		into := step{kind: intoList, lists: listsOf(steps) + 1}
		element, err := l.node(column, then(steps, into), then(path, "list", "element"), typ.Elem())
		if err != nil {
			return nil, err
		}
		return parquet.Optional(parquet.List(element)), nil
	case *arrow.StructType:
		fields := &group{}
		for i, field := range typ.Fields() {
			into := step{kind: intoStruct, field: i, lists: listsOf(steps)}
			node, err := l.node(column, then(steps, into), then(path, field.Name), field.Type)
			if err == nil {
				err = fields.add(field.Name, node)
			}
			if err != nil {
				return nil, fmt.Errorf("field %s: %w", field.Name, err)
			}
		}
		if len(fields.fields) == 0 {
			return nil, errors.New("a struct needs a field")
		}
		return parquet.Optional(fields), nil
	}
	node, err := scalarNode(typ)
	if err != nil {
		return nil, err
	}
	if boundless(typ) {
		l.wide = append(l.wide, path)
	}
	if l.encodings != nil {
		node = parquet.Encoded(node, l.encodings[len(l.leaves)])
	}
	l.leaves = append(l.leaves, leafSpec{column: column, steps: then(steps, step{kind: intoValue}), path: path, typ: typ})
	return parquet.Optional(node), nil
}

func listsOf(steps []step) int {
	if len(steps) == 0 {
		return 0
	}
	return steps[len(steps)-1].lists
}

// then is a list with more behind, which shares no memory with it.
func then[T any](list []T, more ...T) []T { return append(list[:len(list):len(list)], more...) }

// fits says whether a record's schema is that of the layout.
func (l *layout) fits(schema *arrow.Schema) bool {
	if schema == l.arrow {
		return true
	}
	if schema.NumFields() != l.arrow.NumFields() {
		return false
	}
	for i, field := range schema.Fields() {
		there := l.arrow.Field(i)
		if field.Name != there.Name || !arrow.TypeEqual(field.Type, there.Type) {
			return false
		}
	}
	return true
}

// scalarNode is a required node of the type; the caller makes it optional.
func scalarNode(typ arrow.DataType) (parquet.Node, error) {
	switch typ := typ.(type) {
	case *arrow.StringType:
		return parquet.String(), nil
	case *arrow.BinaryType:
		return parquet.Leaf(parquet.ByteArrayType), nil
	case *arrow.BooleanType:
		return parquet.Leaf(parquet.BooleanType), nil
	case *arrow.Int64Type:
		return parquet.Leaf(parquet.Int64Type), nil
	case *arrow.Float64Type:
		return parquet.Leaf(parquet.DoubleType), nil
	case *arrow.Date32Type:
		return parquet.Date(), nil
	case *arrow.TimestampType:
		if typ.Unit == arrow.Microsecond && typ.TimeZone == "UTC" {
			return parquet.TimestampAdjusted(parquet.Microsecond, true), nil
		}
	case *arrow.Decimal128Type:
		return decimalNode(int(typ.Precision), int(typ.Scale))
	}
	return nil, fmt.Errorf("type %v cannot be written", typ)
}

// group is a Parquet group that keeps its fields in order, which parquet.Group does not.
type group struct {
	parquet.Group
	fields []parquet.Field
}

func (g *group) Fields() []parquet.Field { return g.fields }

func (g *group) String() string {
	names := make([]string, len(g.fields))
	for i, field := range g.fields {
		names[i] = field.Name()
	}
	return "group{" + strings.Join(names, ", ") + "}"
}

func (g *group) add(name string, node parquet.Node) error {
	if !columnPattern.MatchString(name) {
		return fmt.Errorf("its name %q must be 1 to 300 of A-Z, a-z, 0-9 and _, and begin with no digit", name)
	}
	for _, there := range g.fields {
		// DuckDB and BigQuery do not tell them apart.
		if strings.EqualFold(there.Name(), name) {
			return fmt.Errorf("%s and %s differ by case at most", there.Name(), name)
		}
	}
	g.fields = append(g.fields, &groupField{Node: node, name: name})
	return nil
}

type groupField struct {
	parquet.Node
	name string
}

func (f *groupField) Name() string { return f.name }

// Value serves writing from Go structs, which this package never does.
func (f *groupField) Value(reflect.Value) reflect.Value { return reflect.Value{} }

// schemaLines is the schema as the commit record keeps it and as verify compares it.
func schemaLines(schema *arrow.Schema) []string {
	lines := make([]string, schema.NumFields())
	for i, field := range schema.Fields() {
		lines[i] = field.Name + " " + typeText(field.Type)
	}
	return lines
}

func typeText(typ arrow.DataType) string {
	switch typ := typ.(type) {
	case *arrow.StringType:
		return "STRING"
	case *arrow.BinaryType:
		return "BYTES"
	case *arrow.BooleanType:
		return "BOOLEAN"
	case *arrow.Int64Type:
		return "INT64"
	case *arrow.Float64Type:
		return "DOUBLE"
	case *arrow.Date32Type:
		return "DATE"
	case *arrow.TimestampType:
		if typ.Unit == arrow.Microsecond && typ.TimeZone == "UTC" {
			return "TIMESTAMP"
		}
	case *arrow.Decimal128Type:
		return fmt.Sprintf("DECIMAL(%d,%d)", typ.Precision, typ.Scale)
	case *arrow.ListType:
		return "LIST<" + typeText(typ.Elem()) + ">"
	case *arrow.StructType:
		fields := make([]string, typ.NumFields())
		for i, field := range typ.Fields() {
			fields[i] = field.Name + " " + typeText(field.Type)
		}
		return "STRUCT<" + strings.Join(fields, ", ") + ">"
	}
	return typ.String() // one that this package does not write
}
