package flatten

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"omega-export/schemas"
)

// vector is an Arrow array in the making: what Arrow's own builders do, without a call through an interface for each
// value, with NULLs that are only written once a value comes after them, and able to take values back.
type vector struct {
	code   vectorCode
	length int

	valid   []byte  // a bit a value
	data    []byte  // the values' bytes, in Arrow's layout
	offsets []int32 // of a text or a list: where each begins, in data or elem
	elem    *vector // of a list

	// Of a struct: the fields by key and in order. A field may be shorter than the struct; it is NULL from there on.
	members siblings[*vector]
	fields  []*vector

	secret *secret // what becomes of the values; nil: they stay
	typ    *schemas.ColumnType
	arrow  arrow.DataType

	lastValid, lastData, lastOffsets int // lengths at the last take, by which room is made for the next
}

// vectorCode is the kind of a vector's values. It says what is in data.
type vectorCode uint8

const (
	vectorText    vectorCode = iota
	vectorBool               // a bit each
	vectorInt                // 8 bytes each
	vectorDouble             // 8
	vectorStamp              // 8
	vectorDate               // 4
	vectorDecimal            // 16
	vectorList
	vectorStruct
)

func newVector(typ *schemas.ColumnType) *vector {
	v := &vector{typ: typ, arrow: arrowType(*typ)}
	switch typ.Kind {
	case schemas.Bool:
		v.code = vectorBool
	case schemas.Int:
		v.code = vectorInt
	case schemas.Double:
		v.code = vectorDouble
	case schemas.Stamp:
		v.code = vectorStamp
	case schemas.Date:
		v.code = vectorDate
	case schemas.Decimal:
		v.code = vectorDecimal
	case schemas.List:
		v.code = vectorList
		v.elem = newVector(typ.Elem)
	case schemas.Struct:
		v.code = vectorStruct
		for i := range typ.Fields {
			field := newVector(&typ.Fields[i].Type)
			v.fields = append(v.fields, field)
			v.members.add(typ.Fields[i].Name).is = field
		}
	}
	return v
}

// width is how many bytes of data a value takes, 0 where they differ or there are none.
func (v *vector) width() int {
	switch v.code {
	case vectorInt, vectorDouble, vectorStamp:
		return 8
	case vectorDate:
		return 4
	case vectorDecimal:
		return 16
	}
	return 0
}

// present counts one more value, not NULL. Its data is the caller's to write.
func (v *vector) present() {
	if v.length&7 == 0 {
		v.valid = append(v.valid, 0)
	}
	v.valid[len(v.valid)-1] |= 1 << (v.length & 7)
	v.length++
}

func (v *vector) put64(value uint64) {
	v.data = binary.NativeEndian.AppendUint64(v.data, value)
	v.present()
}

func (v *vector) putInt(value int64)      { v.put64(uint64(value)) }
func (v *vector) putDouble(value float64) { v.put64(math.Float64bits(value)) }

func (v *vector) putDate(days int32) {
	v.data = binary.NativeEndian.AppendUint32(v.data, uint32(days))
	v.present()
}

func (v *vector) putDecimal(units decimal128.Num) {
	v.data = append(v.data, arrow.Decimal128Traits.CastToBytes([]decimal128.Num{units})...)
	v.present()
}

func (v *vector) putBool(value bool) {
	if v.length&7 == 0 {
		v.data = append(v.data, 0)
	}
	if value {
		v.data[len(v.data)-1] |= 1 << (v.length & 7)
	}
	v.present()
}

// putText adds a text that the program itself has.
func (v *vector) putText(text string) {
	v.offsets = append(v.offsets, int32(len(v.data)))
	v.data = append(v.data, text...)
	v.present()
}

// fill adds NULLs until the vector has that length. It may have it already.
func (v *vector) fill(length int) {
	if v.length >= length {
		return
	}
	v.valid = lengthened(v.valid, (length+7)/8)
	switch v.code {
	case vectorText:
		v.offsets = repeated(v.offsets, int32(len(v.data)), length-v.length)
	case vectorList:
		v.offsets = repeated(v.offsets, int32(v.elem.length), length-v.length)
	case vectorBool:
		v.data = lengthened(v.data, (length+7)/8)
	default:
		v.data = lengthened(v.data, length*v.width())
	}
	v.length = length
}

func lengthened(b []byte, length int) []byte { return append(b, make([]byte, length-len(b))...) }

func repeated(offsets []int32, offset int32, times int) []int32 {
	for range times {
		offsets = append(offsets, offset)
	}
	return offsets
}

// cut takes back the values from length on.
func (v *vector) cut(length int) {
	if v.length <= length {
		return
	}
	v.length = length
	v.valid = cutBits(v.valid, length)
	switch v.code {
	case vectorText:
		v.data, v.offsets = v.data[:v.offsets[length]], v.offsets[:length]
	case vectorList:
		v.elem.cut(int(v.offsets[length]))
		v.offsets = v.offsets[:length]
	case vectorStruct:
		for _, field := range v.fields {
			field.cut(length)
		}
	case vectorBool:
		v.data = cutBits(v.data, length)
	default:
		v.data = v.data[:length*v.width()]
	}
}

func cutBits(b []byte, length int) []byte {
	b = b[:(length+7)/8]
	if rest := length & 7; rest != 0 {
		b[len(b)-1] &= 1<<rest - 1
	}
	return b
}

// values is how many are not NULL.
func (v *vector) values() (count int) {
	for _, b := range v.valid {
		count += bits.OnesCount8(b)
	}
	return count
}

// reserve makes room for as much as the last take had, so that growing does not copy it again and again.
func (v *vector) reserve() {
	if v.lastValid > cap(v.valid) {
		v.valid = make([]byte, 0, v.lastValid)
	}
	if v.lastData > cap(v.data) {
		v.data = make([]byte, 0, v.lastData)
	}
	if v.lastOffsets > cap(v.offsets) {
		v.offsets = make([]int32, 0, v.lastOffsets)
	}
	if v.elem != nil {
		v.elem.reserve()
	}
	for _, field := range v.fields {
		field.reserve()
	}
}

// array is the array of that length; the vector begins anew.
func (v *vector) array(length int) arrow.Array {
	data := v.take(length)
	defer data.Release()
	return array.MakeFromData(data)
}

// take gives the data of that length, and begins anew. The data has the vector's memory.
func (v *vector) take(length int) arrow.ArrayData {
	v.fill(length)
	nulls := length - bitutil.CountSetBits(v.valid, 0, length)
	buffers := make([]*memory.Buffer, 1, 3)
	if nulls > 0 {
		buffers[0] = memory.NewBufferBytes(v.valid)
	}
	var children []arrow.ArrayData
	switch v.code {
	case vectorText:
		offsets := append(v.offsets, int32(len(v.data)))
		buffers = append(buffers, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(v.data))
	case vectorList:
		offsets := append(v.offsets, int32(v.elem.length))
		buffers = append(buffers, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)))
		children = append(children, v.elem.take(v.elem.length))
	case vectorStruct:
		for _, field := range v.fields {
			children = append(children, field.take(length))
		}
	default:
		buffers = append(buffers, memory.NewBufferBytes(v.data))
	}
	v.lastValid, v.lastData, v.lastOffsets = len(v.valid), len(v.data), len(v.offsets)+1
	v.valid, v.data, v.offsets, v.length = nil, nil, nil, 0
	return array.NewData(v.arrow, length, buffers, children, nulls, 0)
}
