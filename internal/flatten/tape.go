package flatten

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrUnreadable marks a body that is no JSON document: not JSON, cut short, or not UTF-8.
var ErrUnreadable = errors.New("the answer is no readable JSON document")

// maxDepth bounds nesting, so that a hostile body cannot exhaust the stack.
const maxDepth = 1000

type tokenKind uint8

const (
	tokenObject tokenKind = iota
	tokenList
	tokenText
	tokenNumber
	tokenTrue
	tokenFalse
	tokenNull
)

// token is one value, or one key of an object. In the tape an object is followed by its keys and values in turn, a
// list by its elements; next is the index of what follows the whole value.
type token struct {
	kind  tokenKind
	flags uint8
	start int32 // first byte in the body; of a text, its opening quote
	end   int32 // byte after the last
	next  int32
}

const (
	flagEscaped  uint8 = 1 << iota // a text with backslashes
	flagUnpaired                   // a text with a lone surrogate, which no UTF-8 string can hold
	flagFraction                   // a number with a fraction or an exponent
)

// tape is a parsed body. It is reused from one body to the next so that parsing allocates nothing.
type tape struct {
	body   []byte
	tokens []token
	at     int
}

// parse checks that body is one JSON value in valid UTF-8 (RFC 8259; a byte order mark is passed over) and lays out its tokens.
func (t *tape) parse(body []byte) error {
	t.body, t.tokens, t.at = body, t.tokens[:0], 0
	if len(body) > 1<<31-2 {
		return fmt.Errorf("%w: larger than 2 GiB", ErrUnreadable)
	}
	if len(body) >= 3 && body[0] == 0xEF && body[1] == 0xBB && body[2] == 0xBF {
		t.at = 3
	}
	t.space()
	if err := t.value(0); err != nil {
		return err
	}
	t.space()
	if t.at != len(body) {
		return t.fail("text after the document")
	}
	return nil
}

func (t *tape) fail(what string) error {
	if t.at >= len(t.body) {
		return fmt.Errorf("%w: it ends too early, at byte %d", ErrUnreadable, t.at)
	}
	return fmt.Errorf("%w: %s at byte %d", ErrUnreadable, what, t.at)
}

func (t *tape) space() {
	for t.at < len(t.body) {
		switch t.body[t.at] {
		case ' ', '\n', '\r', '\t':
			t.at++
		default:
			return
		}
	}
}

func (t *tape) value(depth int) error {
	if t.at >= len(t.body) {
		return t.fail("")
	}
	if depth > maxDepth {
		return t.fail("nesting of more than 1000 levels")
	}
	switch c := t.body[t.at]; {
	case c == '"':
		return t.text()
	case c == '{':
		return t.object(depth)
	case c == '[':
		return t.list(depth)
	case c == '-' || c >= '0' && c <= '9':
		return t.number()
	case c == 't':
		return t.literal("true", tokenTrue)
	case c == 'f':
		return t.literal("false", tokenFalse)
	case c == 'n':
		return t.literal("null", tokenNull)
	}
	return t.fail("an unexpected character")
}

func (t *tape) literal(word string, kind tokenKind) error {
	if len(t.body)-t.at < len(word) || string(t.body[t.at:t.at+len(word)]) != word {
		return t.fail("an unknown word")
	}
	t.push(kind, 0, t.at, t.at+len(word))
	t.at += len(word)
	return nil
}

func (t *tape) push(kind tokenKind, flags uint8, start, end int) {
	t.tokens = append(t.tokens, token{kind: kind, flags: flags, start: int32(start), end: int32(end), next: int32(len(t.tokens) + 1)})
}

// closeContainer ends the object or list whose token is at index opened.
func (t *tape) closeContainer(opened int) {
	t.at++
	t.tokens[opened].end = int32(t.at)
	t.tokens[opened].next = int32(len(t.tokens))
}

func (t *tape) object(depth int) error {
	opened := len(t.tokens)
	t.push(tokenObject, 0, t.at, t.at)
	t.at++
	t.space()
	if t.at < len(t.body) && t.body[t.at] == '}' {
		t.closeContainer(opened)
		return nil
	}
	for {
		if t.at >= len(t.body) || t.body[t.at] != '"' {
			return t.fail("a key was expected")
		}
		if err := t.text(); err != nil {
			return err
		}
		t.space()
		if t.at >= len(t.body) || t.body[t.at] != ':' {
			return t.fail("a colon was expected")
		}
		t.at++
		t.space()
		if err := t.value(depth + 1); err != nil {
			return err
		}
		ended, err := t.separator('}')
		if err != nil {
			return err
		}
		if ended {
			t.closeContainer(opened)
			return nil
		}
	}
}

func (t *tape) list(depth int) error {
	opened := len(t.tokens)
	t.push(tokenList, 0, t.at, t.at)
	t.at++
	t.space()
	if t.at < len(t.body) && t.body[t.at] == ']' {
		t.closeContainer(opened)
		return nil
	}
	for {
		if err := t.value(depth + 1); err != nil {
			return err
		}
		ended, err := t.separator(']')
		if err != nil {
			return err
		}
		if ended {
			t.closeContainer(opened)
			return nil
		}
	}
}

// separator passes over a comma and says false, or stands at the closing character and says true.
func (t *tape) separator(closing byte) (ended bool, err error) {
	t.space()
	if t.at >= len(t.body) {
		return false, t.fail("")
	}
	switch t.body[t.at] {
	case closing:
		return true, nil
	case ',':
		t.at++
		t.space()
		return false, nil
	}
	return false, t.fail("a comma was expected")
}

func (t *tape) number() error {
	start, flags := t.at, uint8(0)
	if t.body[t.at] == '-' {
		t.at++
	}
	if t.at < len(t.body) && t.body[t.at] == '0' {
		t.at++
	} else if !t.digits() {
		return t.fail("a digit was expected")
	}
	if t.at < len(t.body) && t.body[t.at] == '.' {
		t.at++
		flags = flagFraction
		if !t.digits() {
			return t.fail("a digit was expected")
		}
	}
	if t.at < len(t.body) && (t.body[t.at] == 'e' || t.body[t.at] == 'E') {
		t.at++
		flags = flagFraction
		if t.at < len(t.body) && (t.body[t.at] == '+' || t.body[t.at] == '-') {
			t.at++
		}
		if !t.digits() {
			return t.fail("a digit was expected")
		}
	}
	t.push(tokenNumber, flags, start, t.at)
	return nil
}

func (t *tape) digits() bool {
	from := t.at
	for t.at < len(t.body) && t.body[t.at] >= '0' && t.body[t.at] <= '9' {
		t.at++
	}
	return t.at > from
}

func (t *tape) text() error {
	start, flags := t.at, uint8(0)
	t.at++
	for t.at < len(t.body) {
		switch c := t.body[t.at]; {
		case c == '"':
			t.at++
			t.push(tokenText, flags, start, t.at)
			return nil
		case c == '\\':
			escaped, err := t.escape()
			if err != nil {
				return err
			}
			flags |= escaped
		case c < 0x20:
			return t.fail("a bare control character in a text")
		case c < utf8.RuneSelf:
			t.at++
		default:
			r, size := utf8.DecodeRune(t.body[t.at:])
			if r == utf8.RuneError && size <= 1 {
				return t.fail("invalid UTF-8")
			}
			t.at += size
		}
	}
	return t.fail("")
}

// escape passes over one escape, a pair of surrogates being one.
func (t *tape) escape() (flags uint8, err error) {
	if t.at+1 >= len(t.body) {
		t.at = len(t.body)
		return 0, t.fail("")
	}
	switch t.body[t.at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		t.at += 2
		return flagEscaped, nil
	case 'u':
	default:
		return 0, t.fail("an unknown escape")
	}
	unit, ok := hexUnit(t.body, t.at)
	if !ok {
		return 0, t.fail("a bad \\u escape")
	}
	t.at += 6
	switch {
	case unit >= 0xDC00 && unit <= 0xDFFF:
		return flagEscaped | flagUnpaired, nil
	case unit >= 0xD800 && unit <= 0xDBFF:
		low, ok := hexUnit(t.body, t.at)
		if !ok || low < 0xDC00 || low > 0xDFFF {
			return flagEscaped | flagUnpaired, nil
		}
		t.at += 6
	}
	return flagEscaped, nil
}

// hexUnit reads the UTF-16 unit of the escape \uXXXX at body[at:].
func hexUnit(body []byte, at int) (rune, bool) {
	if len(body)-at < 6 || body[at] != '\\' || body[at+1] != 'u' {
		return 0, false
	}
	unit := rune(0)
	for _, c := range body[at+2 : at+6] {
		switch {
		case c >= '0' && c <= '9':
			unit = unit<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			unit = unit<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			unit = unit<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return unit, true
}

// raw is a token's bytes as they came.
func (t *tape) raw(tok token) []byte { return t.body[tok.start:tok.end] }

// textOf is a text token's content, unescaped into scratch when it has escapes. The result is good until scratch is used again.
func (t *tape) textOf(tok token, scratch []byte) (content, grown []byte) {
	inner := t.body[tok.start+1 : tok.end-1]
	if tok.flags&flagEscaped == 0 {
		return inner, scratch
	}
	grown = unescape(scratch[:0], inner)
	return grown, grown
}

// unescape appends inner, whose escapes the tape has checked, to dst. A lone surrogate becomes U+FFFD; callers that
// must not alter a value test flagUnpaired first.
func unescape(dst, inner []byte) []byte {
	for at := 0; at < len(inner); {
		c := inner[at]
		if c != '\\' {
			dst = append(dst, c)
			at++
			continue
		}
		if inner[at+1] != 'u' {
			dst = append(dst, plainEscape(inner[at+1]))
			at += 2
			continue
		}
		unit, _ := hexUnit(inner, at)
		at += 6
		if unit >= 0xD800 && unit <= 0xDBFF {
			if low, ok := hexUnit(inner, at); ok && low >= 0xDC00 && low <= 0xDFFF {
				unit = (unit-0xD800)<<10 + (low - 0xDC00) + 0x10000
				at += 6
			}
		}
		dst = utf8.AppendRune(dst, unit)
	}
	return dst
}

func plainEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
