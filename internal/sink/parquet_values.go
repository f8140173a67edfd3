package sink

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/parquet-go/parquet-go"
)

// values reads an array's elements that are not NULL. The values are good as long as the array is, those of wide
// decimals until the batch is sent.
func (l *leaf) values(of arrow.Array) func(i int) parquet.Value {
	switch of := of.(type) {
	case *array.String:
		return byteValues(of.ValueOffsets(), of.Data())
	case *array.Binary:
		return byteValues(of.ValueOffsets(), of.Data())
	case *array.Boolean:
		return func(i int) parquet.Value { return parquet.BooleanValue(of.Value(i)) }
	case *array.Int64:
		values := of.Int64Values()
		return func(i int) parquet.Value { return parquet.Int64Value(values[i]) }
	case *array.Float64:
		values := of.Float64Values()
		return func(i int) parquet.Value { return parquet.DoubleValue(values[i]) }
	case *array.Date32:
		values := of.Date32Values()
		return func(i int) parquet.Value { return parquet.Int32Value(int32(values[i])) }
	case *array.Timestamp:
		values := of.TimestampValues()
		return func(i int) parquet.Value { return parquet.Int64Value(int64(values[i])) }
	case *array.Decimal128:
		return l.decimals(of)
	}
	panic("a layout was made for a type that cannot be written: " + of.DataType().String())
}

func byteValues(offsets []int32, data arrow.ArrayData) func(i int) parquet.Value {
	var content []byte
	if buffer := data.Buffers()[2]; buffer != nil {
		content = buffer.Bytes()
	}
	return func(i int) parquet.Value { return parquet.ByteArrayValue(content[offsets[i]:offsets[i+1]]) }
}

func (l *leaf) decimals(of *array.Decimal128) func(i int) parquet.Value {
	switch precision := l.typ.(*arrow.Decimal128Type).Precision; {
	case precision <= int32Digits:
		return func(i int) parquet.Value { return parquet.Int32Value(int32(of.Value(i).LowBits())) }
	case precision <= int64Digits:
		return func(i int) parquet.Value { return parquet.Int64Value(int64(of.Value(i).LowBits())) }
	}
	return func(i int) parquet.Value {
		from := len(l.wide)
		l.wide = appendWide(l.wide, of.Value(i)) // values already made keep the memory that it may leave
		return parquet.FixedLenByteArrayValue(l.wide[from:])
	}
}
