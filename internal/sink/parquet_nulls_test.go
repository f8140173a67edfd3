package sink

import (
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// TestManyRowsOfFewValuesComeBack writes columns that are NULL but for a row in so many, over several pages and read in
// several pieces: some encodings are read back wrong only then.
func TestManyRowsOfFewValuesComeBack(t *testing.T) {
	for _, every := range []int{1, 3, 97, 5000, 100_000} {
		t.Run(fmt.Sprint(every), func(t *testing.T) {
			schema := arrow.NewSchema([]arrow.Field{
				nullable("i", arrow.PrimitiveTypes.Int64), nullable("d", arrow.PrimitiveTypes.Float64), nullable("b", arrow.FixedWidthTypes.Boolean),
				nullable("j", arrow.FixedWidthTypes.Date32), nullable("s", arrow.FixedWidthTypes.Timestamp_us), nullable("t", arrow.BinaryTypes.String),
				nullable("n", &arrow.Decimal128Type{Precision: 12, Scale: 2}), nullable("l", arrow.ListOfField(nullable("element", arrow.PrimitiveTypes.Int64))),
			}, nil)
			builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
			for row := range 30_000 {
				if row%every != every-1 {
					for _, column := range builder.Fields() {
						column.AppendNull()
					}
					continue
				}
				value := int64(row) * 1_000_003 % 10_007
				builder.Field(0).(*array.Int64Builder).Append(value - 5000)
				builder.Field(1).(*array.Float64Builder).Append(float64(value) / 8)
				builder.Field(2).(*array.BooleanBuilder).Append(value%2 == 0)
				builder.Field(3).(*array.Date32Builder).Append(arrow.Date32(value))
				builder.Field(4).(*array.TimestampBuilder).Append(arrow.Timestamp(value * 1_000_000_007))
				builder.Field(5).(*array.StringBuilder).Append(fmt.Sprint(value % 50))
				builder.Field(6).(*array.Decimal128Builder).Append(decimal128.FromI64(value))
				list := builder.Field(7).(*array.ListBuilder)
				list.Append(true)
				list.ValueBuilder().(*array.Int64Builder).AppendValues([]int64{value, -value}, nil)
			}
			record := builder.NewRecord()
			sameBack(t, schema, record.NewSlice(0, 100), record.NewSlice(100, 9_000), record.NewSlice(9_000, 30_000))
		})
	}
}
