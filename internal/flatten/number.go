package flatten

import (
	"bytes"
	"math/bits"
	"strconv"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// integer is a number's value if it is a whole number, written plainly, of 64 bits. -0 is none: its sign would be lost.
func (t *tape) integer(tok token) (int64, bool) {
	if tok.kind != tokenNumber || tok.flags&flagFraction != 0 {
		return 0, false
	}
	raw := t.raw(tok)
	digits := raw
	if raw[0] == '-' {
		digits = raw[1:]
	}
	if len(digits) > 18 {
		value, err := strconv.ParseInt(view(raw), 10, 64)
		return value, err == nil
	}
	value := int64(0)
	for _, c := range digits {
		value = value*10 + int64(c-'0')
	}
	if raw[0] == '-' {
		return -value, value != 0
	}
	return value, true
}

// double is a number's value if the DOUBLE's own shortest text is the same number.
func (t *tape) double(tok token) (float64, bool) {
	if tok.kind != tokenNumber {
		return 0, false
	}
	raw := t.raw(tok)
	if value, ok := plainDouble(raw); ok {
		return value, true
	}
	return exactDouble(raw)
}

// plainDouble is the value of a number without exponent, of at most 15 digits. Both the digits and the power of ten are
// then whole numbers that a DOUBLE holds, so that their quotient is rounded once, to the nearest DOUBLE; and no two
// numbers of 15 digits have the same nearest DOUBLE, so that its shortest text is the number itself.
func plainDouble(raw []byte) (value float64, ok bool) {
	number, ok := plainNumber(raw)
	if !ok || number.digits > 15 || number.decimals >= len(powersOfTen) {
		return 0, false
	}
	value = float64(number.coefficient) / powersOfTen[number.decimals]
	if number.negative {
		value = -value
	}
	return value, true
}

// powersOfTen are those that a DOUBLE holds exactly. It is never changed.
var powersOfTen = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// exactDouble is double for any number.
func exactDouble(raw []byte) (float64, bool) {
	var bufferA, bufferB [64]byte
	written, ok := normalise(bufferA[:0], raw)
	if !ok || len(written.digits) > 17 {
		return 0, false // no DOUBLE's shortest text has more digits
	}
	value, err := strconv.ParseFloat(view(raw), 64)
	if err != nil {
		return 0, false
	}
	var scratch [32]byte
	held, _ := normalise(bufferB[:0], strconv.AppendFloat(scratch[:0], value, 'e', -1, 64))
	return value, written.negative == held.negative && written.exponent == held.exponent && bytes.Equal(written.digits, held.digits)
}

// decimal is a number's value as a whole number of the DECIMAL's smallest units, if the DECIMAL holds it exactly,
// however the number is written. -0 is none: its sign would be lost.
func (t *tape) decimal(tok token, precision, scale int) (decimal128.Num, bool) {
	if tok.kind != tokenNumber {
		return decimal128.Num{}, false
	}
	raw := t.raw(tok)
	number, ok := plainNumber(raw)
	if missing := scale - number.decimals; ok && missing >= 0 && number.digits+missing <= min(precision, 18) && number.coefficient != 0 {
		units := int64(number.coefficient)
		for range missing {
			units *= 10
		}
		if number.negative {
			units = -units
		}
		return decimal128.FromI64(units), true
	}
	return exactDecimal(raw, precision, scale)
}

// exactDecimal is decimal for any number.
func exactDecimal(raw []byte, precision, scale int) (decimal128.Num, bool) {
	var buffer [64]byte
	number, ok := normalise(buffer[:0], raw)
	if !ok {
		return decimal128.Num{}, false
	}
	if len(number.digits) == 0 {
		return decimal128.Num{}, !number.negative
	}
	zeros := number.exponent + int64(scale) // that the units have behind the digits
	if zeros < 0 || int64(len(number.digits))+zeros > int64(precision) {
		return decimal128.Num{}, false
	}
	high, low := uint64(0), uint64(0)
	for _, c := range number.digits {
		high, low = timesTenPlus(high, low, uint64(c-'0'))
	}
	for range zeros {
		high, low = timesTenPlus(high, low, 0)
	}
	units := decimal128.New(int64(high), low)
	if number.negative {
		units = units.Negate()
	}
	return units, true
}

// timesTenPlus is ten times the number of 128 bits, and a digit more. It does not overflow below 38 digits.
func timesTenPlus(high, low, digit uint64) (uint64, uint64) {
	carry, low := bits.Mul64(low, 10)
	low, more := bits.Add64(low, digit, 0)
	return high*10 + carry + more, low
}

// plain is a number that is written without exponent, of at most 18 digits.
type plain struct {
	negative    bool
	coefficient uint64 // the number without its point
	digits      int    // of the coefficient
	decimals    int    // how many stand behind the point
}

func plainNumber(raw []byte) (number plain, ok bool) {
	if raw[0] == '-' {
		number.negative, raw = true, raw[1:]
	}
	if len(raw) > 40 {
		return number, false
	}
	point := len(raw) - 1
	for at, c := range raw {
		if digit := c - '0'; digit <= 9 {
			number.coefficient = number.coefficient*10 + uint64(digit)
			if number.coefficient != 0 {
				number.digits++
			}
			continue
		}
		if c != '.' {
			return number, false
		}
		point = at
	}
	number.decimals = len(raw) - 1 - point
	return number, number.digits <= 18
}

// normal is a number in its one normal form: digits without a zero at either end, times a power of ten.
type normal struct {
	negative bool
	digits   []byte // none for zero
	exponent int64
}

// normalise brings a JSON number to its normal form, putting the digits into the buffer. It is not ok if the
// exponent is beyond all reason.
func normalise(buffer, number []byte) (n normal, ok bool) {
	n.digits = buffer
	if number[0] == '-' {
		n.negative, number = true, number[1:]
	}
	if e := bytes.IndexAny(number, "eE"); e >= 0 {
		power, err := strconv.ParseInt(view(number[e+1:]), 10, 32)
		if err != nil {
			return n, false
		}
		n.exponent, number = power, number[:e]
	}
	behind := false
	for _, c := range number {
		if c == '.' {
			behind = true
			continue
		}
		if c != '0' || len(n.digits) > 0 {
			n.digits = append(n.digits, c)
		}
		if behind {
			n.exponent--
		}
	}
	for len(n.digits) > 0 && n.digits[len(n.digits)-1] == '0' {
		n.digits = n.digits[:len(n.digits)-1]
		n.exponent++
	}
	if len(n.digits) == 0 {
		n.exponent = 0
	}
	return n, true
}

// view is bytes as a string without a copy, for parsers that do not keep it.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
