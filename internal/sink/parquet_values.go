package sink

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/parquet-go/parquet-go"
)

// values are those of one leaf in a record.
type values interface {
	// fill makes the values from the one numbered from, those that are NULL included: they are of no meaning. They are
	// good as long as the record is, those of wide decimals until the batch is sent.
	fill(to []parquet.Value, from int, batch *batch)
	// size is how many bytes the values [from, to) hold; it adds up over neighbouring ranges.
	size(from, to int) int64
}

func valuesOf(from arrow.Array, typ arrow.DataType) values {
	switch from := from.(type) {
	case *array.String:
		return textsOf(from.ValueOffsets(), from.Data())
	case *array.Binary:
		return textsOf(from.ValueOffsets(), from.Data())
	case *array.Boolean:
		return booleans{from}
	case *array.Int64:
		return int64s(from.Int64Values())
	case *array.Float64:
		return doubles(from.Float64Values())
	case *array.Date32:
		return dates(from.Date32Values())
	case *array.Timestamp:
		return stamps(from.TimestampValues())
	case *array.Decimal128:
		return decimals{from, typ.(*arrow.Decimal128Type).Precision}
	}
	panic("a layout was made for a type that cannot be written: " + typ.String())
}

type texts struct {
	offsets []int32
	content []byte
}

func textsOf(offsets []int32, data arrow.ArrayData) *texts {
	t := &texts{offsets: offsets}
	if buffer := data.Buffers()[2]; buffer != nil {
		t.content = buffer.Bytes()
	}
	return t
}

func (t *texts) fill(to []parquet.Value, from int, _ *batch) {
	if len(to) == 0 {
		return
	}
	offsets := t.offsets[from : from+len(to)+1]
	start := offsets[0]
	for i, end := range offsets[1:] {
		to[i] = parquet.ByteArrayValue(t.content[start:end])
		start = end
	}
}

func (t *texts) size(from, to int) int64 {
	if from == to {
		return 0
	}
	return int64(t.offsets[to] - t.offsets[from])
}

type booleans struct{ *array.Boolean }

func (b booleans) fill(to []parquet.Value, from int, _ *batch) {
	for i := range to {
		to[i] = parquet.BooleanValue(b.Value(from + i))
	}
}

func (booleans) size(from, to int) int64 { return int64(to - from) }

type int64s []int64

func (v int64s) fill(to []parquet.Value, from int, _ *batch) {
	for i, value := range v[from : from+len(to)] {
		to[i] = parquet.Int64Value(value)
	}
}

func (int64s) size(from, to int) int64 { return 8 * int64(to-from) }

type stamps []arrow.Timestamp

func (v stamps) fill(to []parquet.Value, from int, _ *batch) {
	for i, value := range v[from : from+len(to)] {
		to[i] = parquet.Int64Value(int64(value))
	}
}

func (stamps) size(from, to int) int64 { return 8 * int64(to-from) }

type dates []arrow.Date32

func (v dates) fill(to []parquet.Value, from int, _ *batch) {
	for i, value := range v[from : from+len(to)] {
		to[i] = parquet.Int32Value(int32(value))
	}
}

func (dates) size(from, to int) int64 { return 4 * int64(to-from) }

type doubles []float64

func (v doubles) fill(to []parquet.Value, from int, _ *batch) {
	for i, value := range v[from : from+len(to)] {
		to[i] = parquet.DoubleValue(value)
	}
}

func (doubles) size(from, to int) int64 { return 8 * int64(to-from) }

type decimals struct {
	*array.Decimal128
	precision int32
}

func (d decimals) fill(to []parquet.Value, from int, batch *batch) {
	for i := range to {
		switch value := d.Value(from + i); {
		case d.precision <= int32Digits:
			to[i] = parquet.Int32Value(int32(value.LowBits()))
		case d.precision <= int64Digits:
			to[i] = parquet.Int64Value(int64(value.LowBits()))
		default:
			start := len(batch.wide)
			batch.wide = appendWide(batch.wide, value) // values already made keep the memory that it may leave
			to[i] = parquet.FixedLenByteArrayValue(batch.wide[start:])
		}
	}
}

func (decimals) size(from, to int) int64 { return decimalBytes * int64(to-from) }
