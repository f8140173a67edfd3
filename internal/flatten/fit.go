package flatten

import (
	"bytes"
	"strconv"
	"time"
	"unsafe"

	"omega-export/schemas"
)

// fits says whether the value at index i of the tape is held exactly by a column, or list element, of type typ.
func (t *tape) fits(i int32, typ *schemas.ColumnType) bool {
	tok := t.tokens[i]
	switch typ.Kind {
	case schemas.Text:
		return tok.kind == tokenText && tok.flags&flagUnpaired == 0
	case schemas.Bool:
		return tok.kind == tokenTrue || tok.kind == tokenFalse
	case schemas.Int:
		_, ok := t.integer(tok)
		return ok
	case schemas.Double:
		_, ok := t.double(tok)
		return ok
	case schemas.Date:
		_, ok := t.date(tok)
		return ok
	case schemas.Stamp:
		_, ok := t.stamp(tok)
		return ok
	case schemas.List:
		return tok.kind == tokenList && t.listFits(i, typ.Elem)
	case schemas.Struct:
		return tok.kind == tokenObject && t.structFits(i, typ)
	}
	return false
}

// listFits says whether each element fits. A null does not: a BigQuery array holds none.
func (t *tape) listFits(i int32, elem *schemas.ColumnType) bool {
	for at, end := i+1, t.tokens[i].next; at < end; at = t.tokens[at].next {
		if !t.fits(at, elem) {
			return false
		}
	}
	return true
}

// structFits says whether each key has a field that holds its value. A null or {} needs none; a key that comes twice has none for its second value.
func (t *tape) structFits(i int32, typ *schemas.ColumnType) bool {
	end := t.tokens[i].next
	for at := i + 1; at < end; at = t.tokens[at+1].next {
		if t.isNull(at + 1) {
			continue
		}
		_, field := fieldOf(typ, t.key(at))
		if field == nil || !t.fits(at+1, &field.Type) || t.repeated(i+1, at) {
			return false
		}
	}
	return true
}

// repeated says whether a key between from and the key at at is the same, with a value that is not null.
func (t *tape) repeated(from, at int32) bool {
	for before := from; before < at; before = t.tokens[before+1].next {
		if bytes.Equal(t.key(before), t.key(at)) && !t.isNull(before+1) {
			return true
		}
	}
	return false
}

// key is a key without its quotes. One with escapes is given as it came, so that it equals no column's name:
// it is kept in _champs_inconnus rather than guessed at.
func (t *tape) key(at int32) []byte {
	tok := t.tokens[at]
	return t.body[tok.start+1 : tok.end-1]
}

// isNull says whether a value is what the tables hold as NULL: null and {}.
func (t *tape) isNull(i int32) bool {
	tok := t.tokens[i]
	return tok.kind == tokenNull || tok.kind == tokenObject && tok.next == i+1
}

// integer is a number's value if it is a whole number, written plainly, of 64 bits. -0 is none: its sign would be lost.
func (t *tape) integer(tok token) (int64, bool) {
	if tok.kind != tokenNumber || tok.flags&flagFraction != 0 {
		return 0, false
	}
	raw := t.raw(tok)
	if len(raw) == 2 && raw[0] == '-' && raw[1] == '0' {
		return 0, false
	}
	value, err := strconv.ParseInt(view(raw), 10, 64)
	return value, err == nil
}

// double is a number's value if the DOUBLE's own shortest text is the same number.
func (t *tape) double(tok token) (float64, bool) {
	if tok.kind != tokenNumber {
		return 0, false
	}
	raw := t.raw(tok)
	value, err := strconv.ParseFloat(view(raw), 64)
	if err != nil {
		return 0, false
	}
	var scratch [32]byte
	shortest := strconv.AppendFloat(scratch[:0], value, 'e', -1, 64)
	return value, sameNumber(raw, shortest)
}

// date is a text's days since 1970-01-01 if it is a date that exists, written YYYY-MM-DD.
func (t *tape) date(tok token) (int32, bool) {
	if tok.kind != tokenText || tok.end-tok.start != 12 || tok.flags != 0 {
		return 0, false
	}
	day, ok := parseDay(t.body[tok.start+1 : tok.end-1])
	return int32(day), ok
}

// stamp is a text's microseconds since 1970-01-01 UTC if it is a date and a time with an offset, to the microsecond at most.
func (t *tape) stamp(tok token) (int64, bool) {
	if tok.kind != tokenText || tok.flags != 0 {
		return 0, false
	}
	return parseStamp(t.body[tok.start+1 : tok.end-1])
}

// parseDay reads YYYY-MM-DD of the years 0001 to 9999.
func parseDay(text []byte) (days int64, ok bool) {
	if len(text) != 10 || text[4] != '-' || text[7] != '-' {
		return 0, false
	}
	year, okYear := decimal(text[:4])
	month, okMonth := decimal(text[5:7])
	day, okDay := decimal(text[8:10])
	if !okYear || !okMonth || !okDay || year < 1 || month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, false
	}
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if date.Day() != day {
		return 0, false // the 30th of February
	}
	return date.Unix() / 86400, true
}

// parseStamp reads YYYY-MM-DDThh:mm:ss[.f]Z or with ±hh:mm, of one to six decimals.
func parseStamp(text []byte) (micros int64, ok bool) {
	if len(text) < 20 || text[10] != 'T' || text[13] != ':' || text[16] != ':' {
		return 0, false
	}
	days, okDay := parseDay(text[:10])
	hour, okHour := decimal(text[11:13])
	minute, okMinute := decimal(text[14:16])
	second, okSecond := decimal(text[17:19])
	if !okDay || !okHour || !okMinute || !okSecond || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	fraction, rest, ok := parseFraction(text[19:])
	if !ok {
		return 0, false
	}
	offset, ok := parseOffset(rest)
	if !ok {
		return 0, false
	}
	seconds := days*86400 + int64(hour*3600+minute*60+second-offset)
	if seconds < -62135596800 || seconds > 253402300799 {
		return 0, false // beyond the years 0001 to 9999 once in UTC
	}
	return seconds*1_000_000 + int64(fraction), true
}

func parseFraction(text []byte) (micros int, rest []byte, ok bool) {
	if text[0] != '.' {
		return 0, text, true
	}
	at, unit := 1, 100_000
	for at < len(text) && text[at] >= '0' && text[at] <= '9' {
		if at > 6 {
			return 0, nil, false
		}
		micros += int(text[at]-'0') * unit
		unit /= 10
		at++
	}
	return micros, text[at:], at > 1
}

func parseOffset(text []byte) (seconds int, ok bool) {
	if len(text) == 1 && text[0] == 'Z' {
		return 0, true
	}
	if len(text) != 6 || text[3] != ':' || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	hour, okHour := decimal(text[1:3])
	minute, okMinute := decimal(text[4:6])
	if !okHour || !okMinute || hour > 23 || minute > 59 {
		return 0, false
	}
	seconds = hour*3600 + minute*60
	if text[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

func decimal(digits []byte) (value int, ok bool) {
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		value = value*10 + int(c-'0')
	}
	return value, true
}

// sameNumber says whether two JSON numbers are the same decimal number: the same sign, digits and power of ten.
func sameNumber(a, b []byte) bool {
	var bufferA, bufferB [64]byte
	negativeA, digitsA, exponentA, okA := normalise(bufferA[:0], a)
	negativeB, digitsB, exponentB, okB := normalise(bufferB[:0], b)
	return okA && okB && negativeA == negativeB && exponentA == exponentB && bytes.Equal(digitsA, digitsB)
}

// normalise gives a number as its significant digits, without zeros at either end, and a power of ten.
func normalise(digits, number []byte) (negative bool, significant []byte, exponent int64, ok bool) {
	if len(number) > 0 && number[0] == '-' {
		negative, number = true, number[1:]
	}
	point := false
	for at, c := range number {
		switch {
		case c == '.':
			point = true
		case c == 'e' || c == 'E':
			power, err := strconv.ParseInt(view(number[at+1:]), 10, 32)
			if err != nil {
				return false, nil, 0, false
			}
			exponent += power
			number = number[:at]
		default:
			if c != '0' || len(digits) > 0 {
				digits = append(digits, c)
			}
			if point {
				exponent--
			}
		}
		if at >= len(number) {
			break
		}
	}
	for len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
		exponent++
	}
	if len(digits) == 0 {
		exponent = 0
	}
	return negative, digits, exponent, true
}

// view is bytes as a string without a copy, for parsers that do not keep it.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
