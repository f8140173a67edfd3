package privacy

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Normalise is a value of that mark in the one writing that its code is made of.
//
//   - telephone: the digits in the international form, +33612345678 for 06 12 34 56 78, 0033612345678 and 612345678
//   - courriel: in lower case, without spaces around
//   - nom, prenom, adresse: in capitals, without accents, words of letters and digits parted by one space
//   - all else: without spaces around
//
// What says nothing once it is written so (a name of dots only) stays as it came.
func Normalise(mark, value string) string {
	normal := value
	switch mark {
	case markPhone:
		normal = phone(value)
	case markEmail:
		normal = strings.ToLower(strings.TrimSpace(norm.NFKC.String(value)))
	case markName, markFirstName, markAddress:
		normal = words(value)
	default:
		normal = strings.TrimSpace(norm.NFC.String(value))
	}
	if normal == "" {
		return value
	}
	return normal
}

// words is a text in capitals, its words parted by one space and nothing else left. O'Neil and ONEIL are two: an
// apostrophe parts words, as it does in L'ÉGLISE.
func words(value string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(strings.ToUpper(norm.NFKC.String(value))) {
		switch {
		case unicode.Is(unicode.M, r), unicode.Is(unicode.Cf, r):
		case unicode.IsLetter(r), unicode.IsNumber(r):
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			// Letters that are no letter and accent to Unicode, but are to whoever types without them.
			switch r {
			case 'Œ':
				b.WriteString("OE")
			case 'Æ':
				b.WriteString("AE")
			default:
				b.WriteRune(r)
			}
		default:
			gap = true
		}
	}
	return b.String()
}

// phone is a number in the international form. A number without a country is a French one, as the API's are.
func phone(value string) string {
	value = norm.NFKC.String(value)
	plus := strings.HasPrefix(strings.TrimSpace(value), "+")
	// +33 (0)6 12 34 56 78: the zero in parentheses is not dialled from abroad.
	value = strings.ReplaceAll(value, "(0)", "")
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, value)
	switch {
	case digits == "":
		return strings.ToUpper(strings.TrimSpace(value))
	case plus:
	case strings.HasPrefix(digits, "00"):
		digits = digits[2:]
	case len(digits) == 10 && digits[0] == '0':
		digits = "33" + digits[1:]
	case len(digits) == 9 && digits[0] != '0': // a number that was kept as a number has lost its zero
		digits = "33" + digits
	case len(digits) == 11 && strings.HasPrefix(digits, "33"): // as above, of one with the country
	default:
		return digits // a short number, or one that cannot be told
	}
	if rest, french := strings.CutPrefix(digits, "330"); french && len(rest) == 9 {
		digits = "33" + rest // +33 06 12 34 56 78, as people write it
	}
	return "+" + digits
}
