package flatten

import (
	"github.com/apache/arrow/go/v17/arrow"

	"omega-export/schemas"
)

// arrowType is the Arrow type of a column, of a list's elements, or of a struct's field.
func arrowType(t schemas.ColumnType) arrow.DataType {
	switch t.Kind {
	case schemas.Bool:
		return arrow.FixedWidthTypes.Boolean
	case schemas.Int:
		return arrow.PrimitiveTypes.Int64
	case schemas.Double:
		return arrow.PrimitiveTypes.Float64
	case schemas.Decimal:
		return &arrow.Decimal128Type{Precision: int32(t.Precision), Scale: int32(t.Scale)}
	case schemas.Date:
		return arrow.FixedWidthTypes.Date32
	case schemas.Stamp:
		return arrow.FixedWidthTypes.Timestamp_us
	case schemas.List:
		return arrow.ListOfField(arrow.Field{Name: "element", Type: arrowType(*t.Elem), Nullable: true})
	case schemas.Struct:
		fields := make([]arrow.Field, len(t.Fields))
		for i, field := range t.Fields {
			fields[i] = arrow.Field{Name: field.Name, Type: arrowType(field.Type), Nullable: true}
		}
		return arrow.StructOf(fields...)
	}
	return arrow.BinaryTypes.String
}
