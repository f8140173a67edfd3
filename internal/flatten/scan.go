package flatten

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// maxDepth is how many objects and lists may stand open in one another.
const maxDepth = 1000

// scan appends the tokens of the JSON value that is all of body from at on. It fails with what is wrong where; a
// body that ends too early is wrong at its end.
//
// While an object or list stands open, its token's next is the index of the one around it, so that no stack is needed.
func scan(body []byte, at int, tokens []token) (all []token, failedAt int, problem string) {
	const none = -1
	open, depth := int32(none), 0
	for {
		at = pastSpace(body, at)
		if at >= len(body) {
			return tokens, at, "a value was expected"
		}
		start, kind, flags := at, tokenText, uint8(0)
		switch c := body[at]; c {
		case '"':
			at, flags, problem = scanText(body, at)
		case '{', '[':
			if depth == maxDepth {
				return tokens, at, "nesting of more than 1000 levels"
			}
			kind = tokenObject
			if c == '[' {
				kind = tokenList
			}
			if at = pastSpace(body, at+1); at < len(body) && body[at] == c+2 { // { and }, [ and ] are two apart
				at++
				break
			}
			depth++
			tokens = append(tokens, token{kind: kind, start: int32(start), next: open})
			open = int32(len(tokens) - 1)
			if c == '{' {
				if tokens, at, problem = scanKey(body, at, tokens); problem != "" {
					return tokens, at, problem
				}
			}
			continue
		case 't':
			kind = tokenTrue
			at, problem = scanWord(body, at, "true")
		case 'f':
			kind = tokenFalse
			at, problem = scanWord(body, at, "false")
		case 'n':
			kind = tokenNull
			at, problem = scanWord(body, at, "null")
		default:
			kind = tokenNumber
			at, flags, problem = scanNumber(body, at)
		}
		if problem != "" {
			return tokens, at, problem
		}
		tokens = append(tokens, token{kind: kind, flags: flags, start: int32(start), end: int32(at), next: int32(len(tokens) + 1)})

		// A value has ended, and perhaps what it stands in.
		for {
			at = pastSpace(body, at)
			if open == none {
				if at < len(body) {
					return tokens, at, "text after the document"
				}
				return tokens, at, ""
			}
			if at >= len(body) {
				return tokens, at, "a comma was expected"
			}
			around := &tokens[open]
			if body[at] == ',' {
				at++
				break
			}
			if body[at] != closing(around.kind) {
				return tokens, at, "a comma was expected"
			}
			at++
			depth--
			open = around.next
			around.end, around.next = int32(at), int32(len(tokens))
		}
		if tokens[open].kind == tokenObject {
			if tokens, at, problem = scanKey(body, at, tokens); problem != "" {
				return tokens, at, problem
			}
		}
	}
}

func closing(kind tokenKind) byte {
	if kind == tokenObject {
		return '}'
	}
	return ']'
}

// scanKey passes over a key and its colon.
func scanKey(body []byte, at int, tokens []token) (all []token, next int, problem string) {
	at = pastSpace(body, at)
	if at >= len(body) || body[at] != '"' {
		return tokens, at, "a key was expected"
	}
	end, flags, problem := scanText(body, at)
	if problem != "" {
		return tokens, end, problem
	}
	tokens = append(tokens, token{kind: tokenText, flags: flags, start: int32(at), end: int32(end), next: int32(len(tokens) + 1)})
	at = pastSpace(body, end)
	if at >= len(body) || body[at] != ':' {
		return tokens, at, "a colon was expected"
	}
	return tokens, at + 1, ""
}

// pastSpace is the first place from at on that is no white space. As a rule there is none.
func pastSpace(body []byte, at int) int {
	if at < len(body) && body[at] > ' ' {
		return at
	}
	return pastMoreSpace(body, at)
}

func pastMoreSpace(body []byte, at int) int {
	for at < len(body) && (body[at] == ' ' || body[at] == '\n' || body[at] == '\r' || body[at] == '\t') {
		at++
	}
	return at
}

func scanWord(body []byte, at int, word string) (end int, problem string) {
	if len(body)-at < len(word) || string(body[at:at+len(word)]) != word {
		return at, "an unknown word"
	}
	return at + len(word), ""
}

func scanNumber(body []byte, at int) (end int, flags uint8, problem string) {
	const noDigit = "a digit was expected"
	first := at
	if body[at] == '-' {
		at++
	}
	if at < len(body) && body[at] == '0' {
		at++
	} else {
		from := at
		if at = pastDigits(body, at); at == from {
			if from == first {
				return at, 0, "an unexpected character"
			}
			return at, 0, noDigit
		}
	}
	if at < len(body) && body[at] == '.' {
		flags = flagFraction
		from := at + 1
		if at = pastDigits(body, from); at == from {
			return at, 0, noDigit
		}
	}
	if at < len(body) && body[at]|0x20 == 'e' {
		flags = flagFraction
		at++
		if at < len(body) && (body[at] == '+' || body[at] == '-') {
			at++
		}
		from := at
		if at = pastDigits(body, from); at == from {
			return at, 0, noDigit
		}
	}
	return at, flags, ""
}

func pastDigits(body []byte, at int) int {
	for at < len(body) && body[at]-'0' <= 9 {
		at++
	}
	return at
}

// Eight bytes of a text are looked at in one word. Subtracting sets the high bit of a byte that was smaller than what
// was taken from it, and of none before the first such byte; so the lowest bit set tells the first byte sought.
const (
	each        = 0x0101010101010101
	highBits    = each << 7
	quotes      = each * '"'
	backslashes = each * '\\'
	blanks      = each * ' '
)

// scanText passes over the text whose opening quote is at at. Most texts are plain: ASCII without escapes.
func scanText(body []byte, at int) (end int, flags uint8, problem string) {
	at++
	first := at
	for len(body)-at >= 8 {
		word := binary.LittleEndian.Uint64(body[at:])
		special := ((word ^ quotes - each) | (word ^ backslashes - each) | (word - blanks) | word) & highBits
		if special == 0 {
			at += 8
			continue
		}
		at += bits.TrailingZeros64(special) >> 3
		if body[at] == '"' {
			return at + 1, 0, ""
		}
		return scanRichText(body, first, at)
	}
	return scanRichText(body, first, at)
}

// scanRichText goes on at at with the text whose first byte is at first: any text, to the end of the body.
func scanRichText(body []byte, first, at int) (end int, flags uint8, problem string) {
	wide := uint64(0) // high bits that were seen
	for {
		for len(body)-at >= 8 {
			word := binary.LittleEndian.Uint64(body[at:])
			wide |= word & highBits
			special := ((word ^ quotes - each) | (word ^ backslashes - each) | (word - blanks)) &^ word & highBits
			if special != 0 {
				at += bits.TrailingZeros64(special) >> 3
				break
			}
			at += 8
		}
		if at >= len(body) {
			return at, 0, "a quote was expected"
		}
		switch c := body[at]; {
		case c == '"':
			if wide != 0 && !utf8.Valid(body[first:at]) {
				return first, 0, "invalid UTF-8 in the text"
			}
			return at + 1, flags, ""
		case c == '\\':
			var escaped uint8
			if at, escaped, problem = scanEscape(body, at); problem != "" {
				return at, 0, problem
			}
			flags |= escaped
		case c < ' ':
			return at, 0, "a bare control character in a text"
		default:
			wide |= uint64(c & utf8.RuneSelf)
			at++
		}
	}
}

// scanEscape passes over one escape, a pair of surrogates being one.
func scanEscape(body []byte, at int) (next int, flags uint8, problem string) {
	if at+1 >= len(body) {
		return len(body), 0, "an escape was expected"
	}
	switch body[at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return at + 2, flagEscaped, ""
	case 'u':
	default:
		return at, 0, "an unknown escape"
	}
	unit, ok := hexUnit(body, at)
	if !ok {
		return at, 0, "a bad \\u escape"
	}
	at += 6
	switch {
	case unit >= 0xDC00 && unit <= 0xDFFF:
		return at, flagEscaped | flagUnpaired, ""
	case unit >= 0xD800 && unit <= 0xDBFF:
		low, ok := hexUnit(body, at)
		if !ok || low < 0xDC00 || low > 0xDFFF {
			return at, flagEscaped | flagUnpaired, ""
		}
		at += 6
	}
	return at, flagEscaped, ""
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
