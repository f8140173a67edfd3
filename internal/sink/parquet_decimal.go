package sink

import (
	"encoding/binary"
	"fmt"
	"math/big"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// A decimal is an INT32 up to 9 digits, an INT64 up to 18, and beyond 16 bytes in two's complement, big end first.
const (
	int32Digits   = 9
	int64Digits   = 18
	decimalDigits = 38
	decimalBytes  = 16
)

func decimalNode(precision, scale int) (parquet.Node, error) {
	switch {
	case precision < 1 || precision > decimalDigits || scale < 0 || scale > precision:
		return nil, fmt.Errorf("DECIMAL(%d,%d) cannot be written", precision, scale)
	case precision <= int32Digits:
		return parquet.Decimal(scale, precision, parquet.Int32Type), nil
	case precision <= int64Digits:
		return parquet.Decimal(scale, precision, parquet.Int64Type), nil
	}
	node := parquet.Decimal(scale, precision, parquet.FixedLenByteArrayType(decimalBytes))
	return parquet.Leaf(wideDecimal{Type: node.Type(), precision: precision}), nil
}

// boundless says whether the library would write wrong bounds: it orders bytes as unsigned, and so puts every negative
// decimal above every positive one; a reader that skips by bounds would lose rows.
func boundless(typ arrow.DataType) bool {
	decimal, ok := typ.(*arrow.Decimal128Type)
	return ok && decimal.Precision > int64Digits
}

// wideDecimal is the type of a decimal in 16 bytes. Its column chunks bear no bounds, but a page index cannot go
// without: there each page is said to span all that the precision allows.
type wideDecimal struct {
	parquet.Type
	precision int
}

func (t wideDecimal) NewColumnIndexer(int) parquet.ColumnIndexer {
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.precision)), nil)
	most.Sub(most, big.NewInt(1))
	return &wideIndexer{
		low:  appendWide(nil, decimal128.FromBigInt(new(big.Int).Neg(most))),
		high: appendWide(nil, decimal128.FromBigInt(most)),
	}
}

type wideIndexer struct {
	low, high []byte
	index     format.ColumnIndex
}

func (i *wideIndexer) Reset() { i.index = format.ColumnIndex{} }

func (i *wideIndexer) IndexPage(values, nulls int64, _, _ parquet.Value) {
	low, high := i.low, i.high
	if values == nulls {
		low, high = nil, nil
	}
	i.index.NullPages = append(i.index.NullPages, values == nulls)
	i.index.NullCounts = append(i.index.NullCounts, nulls)
	i.index.MinValues = append(i.index.MinValues, low)
	i.index.MaxValues = append(i.index.MaxValues, high)
}

func (i *wideIndexer) ColumnIndex() format.ColumnIndex { return i.index }

func appendWide(to []byte, value decimal128.Num) []byte {
	to = binary.BigEndian.AppendUint64(to, uint64(value.HighBits()))
	return binary.BigEndian.AppendUint64(to, value.LowBits())
}
