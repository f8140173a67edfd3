package source

import (
	"bytes"
	"context"
	"encoding/json"
)

// readNDJSON reads a list of one JSON object a line.
func (l *list) readNDJSON(ctx context.Context, in *lines) error {
	return l.eachLine(ctx, in, func(line []byte) error {
		object := bytes.TrimSpace(line)
		if len(object) == 0 || object[0] == '#' {
			return nil
		}
		found, reason := readObject(object)
		if reason != "" {
			return l.bad(ctx, in.number, line, reason)
		}
		found.line, found.text = in.number, line
		return l.row(ctx, found)
	})
}

// readObject finds the number and the code in a JSON object; other keys do not matter. It walks the bytes itself
// since encoding/json, which it asks first whether they are valid, allocates for each object.
func readObject(object []byte) (found row, reason string) {
	if object[0] != '{' || !json.Valid(object) {
		return row{}, "it is not one JSON object"
	}
	var numero, code jsonMember
	for at := skipBlanks(object, 1); object[at] != '}'; {
		keyEnd := valueEnd(object, at)
		key := object[at:keyEnd]
		at = skipBlanks(object, skipBlanks(object, keyEnd)+len(":"))
		end := valueEnd(object, at)
		switch value := object[at:end]; {
		case isKey(key, numeroColumn):
			numero.set(value)
		case isKey(key, codeColumn):
			code.set(value)
		}
		if at = skipBlanks(object, end); object[at] == ',' {
			at = skipBlanks(object, at+1)
		}
	}
	if reason = numero.fault(); reason != "" {
		return row{}, numeroColumn + " " + reason
	}
	if reason = code.fault(); reason != "" {
		return row{}, codeColumn + " " + reason
	}
	return row{numero: numero.text, code: code.text}, ""
}

// jsonMember is what the object has under one key.
type jsonMember struct {
	text  []byte // trimmed; nil for null
	other bool   // neither a string nor null
	times int
}

func (m *jsonMember) set(value []byte) {
	m.times++
	switch {
	case value[0] == '"':
		m.text = bytes.TrimSpace(unquoted(value))
	case value[0] != 'n': // null
		m.other = true
	}
}

func (m *jsonMember) fault() string {
	switch {
	case m.times > 1:
		return errTwice.Error()
	case m.other:
		return "is not a JSON string"
	}
	return ""
}

// isKey compares as isColumn does, without a string for each key.
func isKey(key []byte, name string) bool {
	return bytes.EqualFold(bytes.TrimSpace(unquoted(key)), []byte(name))
}

// unquoted is the text of a valid JSON string.
func unquoted(quoted []byte) []byte {
	inside := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inside, '\\') < 0 {
		return inside
	}
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		return nil // cannot be: it is valid
	}
	return []byte(text)
}

func skipBlanks(valid []byte, at int) int {
	for valid[at] == ' ' || valid[at] == '\t' || valid[at] == '\r' || valid[at] == '\n' {
		at++
	}
	return at
}

// valueEnd is where the value that begins at ends, in valid JSON that goes on behind it.
func valueEnd(valid []byte, at int) int {
	depth := 0
	for {
		switch valid[at] {
		case '"':
			at = stringEnd(valid, at)
		case '{', '[':
			depth++
			at++
		case '}', ']':
			depth--
			at++
		default:
			at++
		}
		if depth == 0 && ends(valid[at]) {
			return at
		}
	}
}

// ends says whether a byte outside of strings can stand only behind a value.
func ends(c byte) bool {
	switch c {
	case ',', ':', '}', ']', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}

func stringEnd(valid []byte, at int) int {
	for at++; valid[at] != '"'; at++ {
		if valid[at] == '\\' {
			at++
		}
	}
	return at + 1
}
