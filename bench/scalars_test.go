package bench

import (
	"bytes"
	"strconv"
)

// parseWhole is a number's value if it is whole, written plainly, of 64 bits.
func parseWhole(raw []byte) (int64, bool) {
	if len(raw) == 2 && raw[0] == '-' && raw[1] == '0' {
		return 0, false
	}
	value, err := strconv.ParseInt(textOf(raw), 10, 64)
	return value, err == nil
}

// parseDouble is a number's value if a DOUBLE holds it exactly. Fifteen digits always fit; of more, only those
// that the DOUBLE itself would write.
func parseDouble(raw []byte) (float64, bool) {
	value, err := strconv.ParseFloat(textOf(raw), 64)
	if err != nil {
		return 0, false
	}
	if len(raw) <= 15 && bytes.IndexByte(raw, 'e') < 0 && bytes.IndexByte(raw, 'E') < 0 {
		return value, true
	}
	var scratch [32]byte
	return value, bytes.Equal(strconv.AppendFloat(scratch[:0], value, 'f', -1, 64), raw)
}

// parseDay reads YYYY-MM-DD as days since 1970-01-01.
func parseDay(text []byte) (days int64, ok bool) {
	if len(text) != 10 || text[4] != '-' || text[7] != '-' {
		return 0, false
	}
	year, okYear := digits(text[:4])
	month, okMonth := digits(text[5:7])
	day, okDay := digits(text[8:])
	if !okYear || !okMonth || !okDay || year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	if month <= 2 { // the year begins in March, so that the leap day ends it
		year, month = year-1, month+12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 719469, true
}

func daysIn(year, month int64) int64 {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// parseStamp reads YYYY-MM-DDThh:mm:ss[.ffffff] with Z or ±hh:mm as microseconds since 1970-01-01 UTC.
func parseStamp(text []byte) (micros int64, ok bool) {
	if len(text) < 20 || text[10] != 'T' || text[13] != ':' || text[16] != ':' {
		return 0, false
	}
	days, okDay := parseDay(text[:10])
	hour, okHour := digits(text[11:13])
	minute, okMinute := digits(text[14:16])
	second, okSecond := digits(text[17:19])
	if !okDay || !okHour || !okMinute || !okSecond || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	at := 19
	if text[at] == '.' {
		unit := int64(100_000)
		for at++; at < len(text) && text[at] >= '0' && text[at] <= '9'; at++ {
			if unit == 0 {
				return 0, false
			}
			micros += int64(text[at]-'0') * unit
			unit /= 10
		}
		if at == 20 {
			return 0, false
		}
	}
	offset, ok := parseOffset(text[at:])
	return micros + (days*86400+hour*3600+minute*60+second-offset)*1_000_000, ok
}

func parseOffset(text []byte) (seconds int64, ok bool) {
	if len(text) == 1 && text[0] == 'Z' {
		return 0, true
	}
	if len(text) != 6 || text[3] != ':' || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	hour, okHour := digits(text[1:3])
	minute, okMinute := digits(text[4:])
	seconds = hour*3600 + minute*60
	if text[0] == '-' {
		seconds = -seconds
	}
	return seconds, okHour && okMinute && hour <= 23 && minute <= 59
}

func digits(text []byte) (value int64, ok bool) {
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		value = value*10 + int64(c-'0')
	}
	return value, true
}
