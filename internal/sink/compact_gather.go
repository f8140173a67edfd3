package sink

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// gatherer makes records of rows that stand here and there in chunks. The schema's last column is the rows' day; a
// column that a chunk lacks is NULL.
type gatherer struct {
	builder *array.RecordBuilder
	chunks  []compactChunk
	columns [][]arrow.Array // by column of the schema and chunk
}

func newGatherer(schema *arrow.Schema, chunks []compactChunk) *gatherer {
	g := &gatherer{builder: array.NewRecordBuilder(memory.DefaultAllocator, schema), chunks: chunks}
	for _, field := range schema.Fields()[:schema.NumFields()-1] {
		column := make([]arrow.Array, len(chunks))
		for i, chunk := range chunks {
			column[i] = columnOf(chunk.record, field.Name)
		}
		g.columns = append(g.columns, column)
	}
	return g
}

func (g *gatherer) release() { g.builder.Release() }

// record is some rows.
func (g *gatherer) record(rows []compactRow) arrow.Record {
	for i, column := range g.columns {
		to := g.builder.Field(i)
		to.Reserve(len(rows))
		for _, row := range rows {
			appendValue(to, column[row.chunk], int(row.row))
		}
	}
	days := g.builder.Field(len(g.columns)).(*array.Date32Builder)
	for _, row := range rows {
		days.Append(arrow.Date32(row.day))
	}
	return g.builder.NewRecord()
}

// appendValue copies one value, of a type that this package writes. No array is a NULL.
func appendValue(to array.Builder, from arrow.Array, row int) {
	if from == nil || from.IsNull(row) {
		to.AppendNull()
		return
	}
	switch to := to.(type) {
	case *array.StringBuilder:
		to.Append(from.(*array.String).Value(row))
	case *array.BinaryBuilder:
		to.Append(from.(*array.Binary).Value(row))
	case *array.BooleanBuilder:
		to.Append(from.(*array.Boolean).Value(row))
	case *array.Int64Builder:
		to.Append(from.(*array.Int64).Value(row))
	case *array.Float64Builder:
		to.Append(from.(*array.Float64).Value(row))
	case *array.Date32Builder:
		to.Append(from.(*array.Date32).Value(row))
	case *array.TimestampBuilder:
		to.Append(from.(*array.Timestamp).Value(row))
	case *array.Decimal128Builder:
		to.Append(from.(*array.Decimal128).Value(row))
	case *array.ListBuilder:
		list := from.(*array.List)
		first, end := list.ValueOffsets(row)
		to.Append(true)
		for i := first; i < end; i++ {
			appendValue(to.ValueBuilder(), list.ListValues(), int(i))
		}
	case *array.StructBuilder:
		of := from.(*array.Struct)
		to.Append(true)
		for i := range to.NumField() {
			appendValue(to.FieldBuilder(i), of.Field(i), row)
		}
	default:
		panic("a layout was made for a type that cannot be written: " + to.Type().String())
	}
}
