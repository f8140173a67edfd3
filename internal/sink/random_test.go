package sink

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// dice gives a number in [0, sides): the source of every random schema and record.
type dice func(sides int) int

func seeded(seed uint64) dice {
	return rand.New(rand.NewPCG(seed, 17)).IntN
}

// read takes the numbers from bytes, and zeros once they are used up.
func read(from []byte) dice {
	return func(sides int) int {
		if len(from) == 0 {
			return 0
		}
		number := int(from[0])
		from = from[1:]
		if sides > 256 && len(from) > 0 {
			number = number<<8 | int(from[0])
			from = from[1:]
		}
		return number % sides
	}
}

func (d dice) scalar() arrow.DataType {
	precision := int32(1 + d(38))
	return []arrow.DataType{
		arrow.BinaryTypes.String,
		arrow.BinaryTypes.Binary,
		arrow.FixedWidthTypes.Boolean,
		arrow.PrimitiveTypes.Int64,
		arrow.PrimitiveTypes.Float64,
		arrow.PrimitiveTypes.Date32,
		arrow.FixedWidthTypes.Timestamp_us,
		&arrow.Decimal128Type{Precision: precision, Scale: int32(d(int(precision) + 1))},
	}[d(8)]
}

func (d dice) typ(depth int) arrow.DataType {
	switch {
	case depth == 0 || d(3) == 0:
		return d.scalar()
	case d(2) == 0:
		return arrow.ListOfField(nullable("element", d.typ(depth-1)))
	}
	return arrow.StructOf(d.fields(depth - 1)...)
}

func (d dice) fields(depth int) []arrow.Field {
	fields := make([]arrow.Field, 1+d(4))
	for i := range fields {
		// Not in the order of the alphabet, which is what parquet.Group would make of them.
		fields[i] = nullable(fmt.Sprintf("%c%d", 'z'-i, i), d.typ(depth))
	}
	return fields
}

func nullable(name string, typ arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: typ, Nullable: true}
}

func (d dice) record(schema *arrow.Schema, rows int) arrow.Record {
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	for range rows {
		for _, field := range builder.Fields() {
			d.append(field)
		}
	}
	return builder.NewRecord()
}

func (d dice) append(to array.Builder) {
	if d(5) == 0 {
		to.AppendNull()
		return
	}
	switch to := to.(type) {
	case *array.StringBuilder:
		to.Append(strings.Repeat(string(rune('a'+d(26))), d(9)))
	case *array.BinaryBuilder:
		to.Append([]byte{byte(d(256)), 0, byte(d(256))}[:d(4)])
	case *array.BooleanBuilder:
		to.Append(d(2) == 1)
	case *array.Int64Builder:
		to.Append([]int64{0, -1, math.MinInt64, math.MaxInt64, int64(d(1000))}[d(5)])
	case *array.Float64Builder:
		to.Append([]float64{0, math.Copysign(0, -1), math.Inf(1), math.SmallestNonzeroFloat64, -float64(d(1000)) / 7}[d(5)])
	case *array.Date32Builder:
		to.Append(arrow.Date32(d(60_000) - 30_000))
	case *array.TimestampBuilder:
		to.Append(arrow.Timestamp(int64(d(60_000)-30_000) * 1_234_567_891))
	case *array.Decimal128Builder:
		to.Append(d.decimal(to.Type().(*arrow.Decimal128Type).Precision))
	case *array.ListBuilder:
		to.Append(true)
		for range d(4) {
			d.append(to.ValueBuilder())
		}
	case *array.StructBuilder:
		to.Append(true)
		for i := range to.NumField() {
			d.append(to.FieldBuilder(i))
		}
	}
}

// decimal is one of precision digits at most, often as large as they allow.
func (d dice) decimal(precision int32) decimal128.Num {
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
	most.Sub(most, big.NewInt(1))
	value := most
	if d(2) == 0 {
		value = new(big.Int).Mod(big.NewInt(int64(d(60_000))), most)
	}
	if d(2) == 0 {
		value = new(big.Int).Neg(value)
	}
	return decimal128.FromBigInt(value)
}

// concat is the records' rows in one, column by column.
func concat(t testing.TB, records []arrow.Record) []arrow.Array {
	t.Helper()
	columns := make([]arrow.Array, records[0].NumCols())
	for i := range columns {
		parts := make([]arrow.Array, len(records))
		for j, record := range records {
			parts[j] = record.Column(i)
		}
		column, err := array.Concatenate(parts, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		columns[i] = column
	}
	return columns
}
