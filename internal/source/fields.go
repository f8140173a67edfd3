package source

import "bytes"

// fields splits a CSV record as RFC 4180 says. Quotes count only where they begin a field; blanks may follow the
// closing one.
type fields struct {
	separator byte
	spans     []span // of the fields found so far, quotes included
	begin     int    // of the field that is being split
	resume    int    // where its closing quote is to be looked for, if beyond begin
}

// span is a part of a record.
type span struct{ from, to int }

func (f *fields) reset() {
	f.spans, f.begin, f.resume = f.spans[:0], 0, 0
}

// split splits the record, from where the last call stopped: it says whether the record is whole, or ends within a
// quoted field, and is to be called again with the next line joined.
func (f *fields) split(record []byte) (whole bool, err error) {
	for {
		value := f.begin // its end is looked for from here
		if value < len(record) && record[value] == '"' {
			closing := closingQuote(record, max(value+1, f.resume))
			if closing < 0 {
				f.resume = len(record)
				return false, nil
			}
			value = closing + 1
		}
		end := len(record)
		if i := bytes.IndexByte(record[value:], f.separator); i >= 0 {
			end = value + i
		}
		if value > f.begin && len(bytes.TrimSpace(record[value:end])) > 0 {
			return false, errAfterQuote
		}
		f.spans = append(f.spans, span{f.begin, end})
		if end == len(record) {
			return true, nil
		}
		f.begin, f.resume = end+1, 0
	}
}

// closingQuote finds the first quote from at on that is not doubled; -1 if there is none.
func closingQuote(record []byte, at int) int {
	for {
		i := bytes.IndexByte(record[at:], '"')
		if i < 0 {
			return -1
		}
		at += i
		if at+1 == len(record) || record[at+1] != '"' {
			return at
		}
		at += 2
	}
}

// value is field i of the record, unquoted and trimmed.
func (f *fields) value(record []byte, i int) []byte {
	raw := record[f.spans[i].from:f.spans[i].to]
	if len(raw) == 0 || raw[0] != '"' {
		return bytes.TrimSpace(raw)
	}
	inside := raw[1:bytes.LastIndexByte(raw, '"')]
	if bytes.IndexByte(inside, '"') >= 0 {
		inside = bytes.ReplaceAll(inside, []byte(`""`), []byte(`"`))
	}
	return bytes.TrimSpace(inside)
}
