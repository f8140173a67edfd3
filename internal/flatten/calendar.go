package flatten

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
	year, okYear := wholeNumber(text[:4])
	month, okMonth := wholeNumber(text[5:7])
	day, okDay := wholeNumber(text[8:10])
	if !okYear || !okMonth || !okDay || year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	return daysSince1970(year, month, day), true
}

func daysIn(year, month int) int {
	switch {
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	case month != 2:
		return 31
	case year%4 == 0 && (year%100 != 0 || year%400 == 0):
		return 29
	}
	return 28
}

// daysSince1970 counts the days in years that begin in March, so that the leap day is the last of its year.
func daysSince1970(year, month, day int) int64 {
	if month < 3 {
		year--
		month += 12
	}
	const from0000 = 719468 // days from 0000-03-01 to 1970-01-01
	inYear := (153*(month-3)+2)/5 + day - 1
	return int64(year*365+year/4-year/100+year/400+inYear) - from0000
}

// parseStamp reads YYYY-MM-DDThh:mm:ss[.f]Z or with ±hh:mm, of one to six decimals.
func parseStamp(text []byte) (micros int64, ok bool) {
	if len(text) < 20 || text[10] != 'T' || text[13] != ':' || text[16] != ':' {
		return 0, false
	}
	days, okDay := parseDay(text[:10])
	hour, okHour := wholeNumber(text[11:13])
	minute, okMinute := wholeNumber(text[14:16])
	second, okSecond := wholeNumber(text[17:19])
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
	hour, okHour := wholeNumber(text[1:3])
	minute, okMinute := wholeNumber(text[4:6])
	if !okHour || !okMinute || hour > 23 || minute > 59 {
		return 0, false
	}
	seconds = hour*3600 + minute*60
	if text[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

func wholeNumber(digits []byte) (value int, ok bool) {
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		value = value*10 + int(c-'0')
	}
	return value, true
}
