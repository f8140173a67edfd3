package source

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxShown is how many characters of a line are shown.
const maxShown = 80

// visible is text for a log or a terminal: cut at maxShown characters, and with every byte that is no printable
// UTF-8 written as an escape, so that a hostile line can neither flood a terminal nor command it.
func visible(text []byte) string {
	var shown strings.Builder
	characters := 0
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		written := string(r)
		switch {
		case r == utf8.RuneError && size == 1:
			written = fmt.Sprintf(`\x%02x`, text[0])
		case !unicode.IsPrint(r):
			written = strings.Trim(strconv.QuoteRuneToASCII(r), "'")
		}
		characters += utf8.RuneCountInString(written)
		if characters > maxShown {
			break
		}
		shown.WriteString(written)
		text = text[size:]
	}
	return shown.String()
}

// quotedRune is the character that text begins with, for a message.
func quotedRune(text []byte) string {
	_, size := utf8.DecodeRune(text)
	return "'" + visible(text[:size]) + "'"
}
