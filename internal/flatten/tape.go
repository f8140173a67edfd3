package flatten

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrUnreadable marks a body that is no JSON document: not JSON, cut short, or not UTF-8.
var ErrUnreadable = errors.New("the answer is no readable JSON document")

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
}

// keptTokens is how many tokens a tape may hold on to after a large body, for the small ones that follow.
const keptTokens = 1 << 18

// parse checks that body is one JSON value in valid UTF-8 (RFC 8259; a byte order mark is passed over) and lays out its tokens.
func (t *tape) parse(body []byte) error {
	if cap(t.tokens) > keptTokens && len(body) < keptTokens {
		t.tokens = nil
	}
	t.body, t.tokens = body, t.tokens[:0]
	if len(body) > 1<<31-2 {
		return fmt.Errorf("%w: larger than 2 GiB", ErrUnreadable)
	}
	at := 0
	if len(body) >= 3 && body[0] == 0xEF && body[1] == 0xBB && body[2] == 0xBF {
		at = 3
	}
	tokens, at, problem := scan(body, at, t.tokens)
	t.tokens = tokens
	switch {
	case problem == "":
		return nil
	case at >= len(body):
		return fmt.Errorf("%w: it ends too early, at byte %d", ErrUnreadable, len(body))
	}
	return fmt.Errorf("%w: %s at byte %d", ErrUnreadable, problem, at)
}

// isObject says whether the whole body is one object.
func (t *tape) isObject() bool { return len(t.tokens) > 0 && t.tokens[0].kind == tokenObject }

// raw is a token's bytes as they came.
func (t *tape) raw(tok token) []byte { return t.body[tok.start:tok.end] }

// key is a key without its quotes, as it came.
func (t *tape) key(at int32) []byte {
	tok := &t.tokens[at]
	return t.body[tok.start+1 : tok.end-1]
}

// isNull says whether a value is what the tables hold as NULL: null and {}.
func (t *tape) isNull(i int32) bool {
	tok := &t.tokens[i]
	return tok.kind == tokenNull || tok.kind == tokenObject && tok.next == i+1
}

// isText says whether a value is a text that UTF-8 can hold.
func (tok *token) isText() bool { return tok.kind == tokenText && tok.flags&flagUnpaired == 0 }

// appendText adds a text's content to dst.
func (t *tape) appendText(dst []byte, tok token) []byte {
	inner := t.body[tok.start+1 : tok.end-1]
	if tok.flags&flagEscaped == 0 {
		return append(dst, inner...)
	}
	return unescape(dst, inner)
}

// unescape appends inner, whose escapes the tape has checked, to dst. A lone surrogate becomes U+FFFD; callers that
// must not alter a value test isText first.
func unescape(dst, inner []byte) []byte {
	for {
		plain := bytes.IndexByte(inner, '\\')
		if plain < 0 {
			return append(dst, inner...)
		}
		dst = append(dst, inner[:plain]...)
		inner = inner[plain:]
		if inner[1] != 'u' {
			dst = append(dst, plainEscape(inner[1]))
			inner = inner[2:]
			continue
		}
		unit, _ := hexUnit(inner, 0)
		inner = inner[6:]
		if unit >= 0xD800 && unit <= 0xDBFF {
			if low, ok := hexUnit(inner, 0); ok && low >= 0xDC00 && low <= 0xDFFF {
				unit = (unit-0xD800)<<10 + (low - 0xDC00) + 0x10000
				inner = inner[6:]
			}
		}
		dst = utf8.AppendRune(dst, unit)
	}
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
