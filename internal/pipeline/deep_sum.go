package pipeline

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"omega-export/internal/flatten"
)

// dayColumn is the column that compacted files have behind the table's.
const dayColumn = "date_export"

// rowSums sums the rows of records. Two rows have one sum if they have the same values in columns of the same names; a
// column that is NULL is as one that is not there, since older files have fewer.
type rowSums struct {
	record  arrow.Record
	own     [5]arrow.Array // number, time, lot, body, day
	buffer  []byte
	columns []arrow.Array
	names   []string
}

// open goes to a record.
func (s *rowSums) open(record arrow.Record) error {
	*s = rowSums{record: record, buffer: s.buffer}
	for i, field := range record.Schema().Fields() {
		column := record.Column(i)
		switch field.Name {
		case flatten.ColumnNumero:
			s.own[0] = column
		case flatten.ColumnFetched:
			s.own[1] = column
		case flatten.ColumnLot:
			s.own[2] = column
		case flatten.ColumnSHA256:
			s.own[3] = column
		case dayColumn:
			s.own[4] = column
			continue
		}
		s.columns, s.names = append(s.columns, column), append(s.names, field.Name)
	}
	for i, want := range []arrow.DataType{arrow.BinaryTypes.String, arrow.FixedWidthTypes.Timestamp_us, arrow.BinaryTypes.String, arrow.BinaryTypes.String} {
		if s.own[i] == nil || !arrow.TypeEqual(s.own[i].DataType(), want) {
			return fmt.Errorf("the rows lack one of the program's own columns")
		}
	}
	return nil
}

func (s *rowSums) numero(row int) string { return s.own[0].(*array.String).Value(row) }
func (s *rowSums) fetched(row int) int64 { return int64(s.own[1].(*array.Timestamp).Value(row)) }
func (s *rowSums) lot(row int) string    { return s.own[2].(*array.String).Value(row) }
func (s *rowSums) body(row int) string   { return s.own[3].(*array.String).Value(row) }

// day is the row's own, of a compacted file.
func (s *rowSums) day(row int) string {
	if days, ok := s.own[4].(*array.Date32); ok && days.IsValid(row) {
		return days.Value(row).FormattedString()
	}
	return ""
}

// sum is that of a row of a day.
func (s *rowSums) sum(row int, day string) (sum rowKey) {
	b := append(s.buffer[:0], day...)
	for i, column := range s.columns {
		if column.IsNull(row) {
			continue
		}
		b = appendText(b, s.names[i])
		b = appendExact(b, column, row)
	}
	s.buffer = b
	whole := sha256.Sum256(b)
	copy(sum[:], whole[:])
	return sum
}

func appendText(b []byte, text string) []byte {
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

// appendExact writes a value so that no two of a column's type are written alike.
func appendExact(b []byte, of arrow.Array, row int) []byte {
	if of.IsNull(row) {
		return append(b, 0)
	}
	b = append(b, 1)
	switch of := of.(type) {
	case *array.String:
		return appendText(b, of.Value(row))
	case *array.Binary:
		return appendText(b, string(of.Value(row)))
	case *array.Boolean:
		if of.Value(row) {
			return append(b, 1)
		}
		return append(b, 0)
	case *array.Int64:
		return binary.LittleEndian.AppendUint64(b, uint64(of.Value(row)))
	case *array.Float64:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(of.Value(row)))
	case *array.Date32:
		return binary.LittleEndian.AppendUint32(b, uint32(of.Value(row)))
	case *array.Timestamp:
		return binary.LittleEndian.AppendUint64(b, uint64(of.Value(row)))
	case *array.Decimal128:
		value := of.Value(row)
		b = binary.LittleEndian.AppendUint64(b, uint64(value.HighBits()))
		return binary.LittleEndian.AppendUint64(b, value.LowBits())
	case *array.List:
		from, to := of.ValueOffsets(row)
		b = binary.AppendUvarint(b, uint64(to-from))
		for i := from; i < to; i++ {
			b = appendExact(b, of.ListValues(), int(i))
		}
		return b
	case *array.Struct:
		for i := range of.NumField() {
			b = appendExact(b, of.Field(i), row)
		}
		return b
	}
	return appendText(b, of.ValueStr(row)) // of a type that no table has
}
