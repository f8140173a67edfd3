package omega

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	messageLength = 200      // characters
	messageScope  = 64 << 10 // bytes of a body that are looked at
	messageDepth  = 4        // levels of objects; errors nest their text one or two deep
	htmlMessage   = "an HTML page, not an answer of the API"
)

// textKeys are the fields that hold an error's words, the most telling first: those of the API's own kind, of OAuth,
// of OKTA and of the usual gateways. codeKeys are looked at when there is none of them.
const (
	textKeys = "message libelle errormessage errordescription errorsummary description detail details faultstring title error reason"
	codeKeys = "code errorcode coderetour status"
)

// message is the text of an answer that is no document, on one line, without control characters and without secret.
func message(body []byte, contentType, secret string) string {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	body = bytes.TrimSpace(body[:min(len(body), messageScope)])
	if isHTML(body, contentType) {
		return htmlMessage
	}
	text := string(body)
	var document any
	if json.Unmarshal(body, &document) == nil {
		for _, keys := range []string{textKeys, codeKeys} {
			if found := textIn(document, strings.Fields(keys)); found != "" {
				text = found
				break
			}
		}
	}
	text = oneLine(text)
	if secret != "" {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	return firstCharacters(text, messageLength)
}

func isHTML(body []byte, contentType string) bool {
	start := bytes.ToLower(body[:min(len(body), 512)])
	if !bytes.HasPrefix(start, []byte("<")) {
		return false
	}
	return strings.HasPrefix(strings.ToLower(contentType), "text/html") ||
		bytes.Contains(start, []byte("<html")) || bytes.Contains(start, []byte("<!doctype html"))
}

// textIn is the first text under one of the keys, the upper level before the lower, the earlier key before the later.
func textIn(document any, keys []string) string {
	level := []any{document}
	for depth := 0; depth < messageDepth && len(level) > 0; depth++ {
		var below []any
		var objects []map[string]any
		for _, value := range level {
			switch value := value.(type) {
			case string:
				if depth == 0 && strings.TrimSpace(value) != "" {
					return value // the whole answer is a text
				}
			case map[string]any:
				objects = append(objects, normal(value))
				for _, name := range slices.Sorted(maps.Keys(value)) {
					below = append(below, value[name])
				}
			case []any:
				below = append(below, value...)
			}
		}
		for _, key := range keys {
			for _, object := range objects {
				if text, ok := object[key].(string); ok && strings.TrimSpace(text) != "" {
					return text
				}
			}
		}
		level = below
	}
	return ""
}

// normal is an object with its keys in lower case and without what joins words: errorMessage, error_message and
// ERROR-MESSAGE are one. Of keys that become equal, the last in order stays.
func normal(object map[string]any) map[string]any {
	joints := strings.NewReplacer("_", "", "-", "", " ", "")
	with := make(map[string]any, len(object))
	for _, name := range slices.Sorted(maps.Keys(object)) {
		with[joints.Replace(strings.ToLower(name))] = object[name]
	}
	return with
}

// oneLine replaces what is neither printable nor a space, and makes one space of several.
func oneLine(text string) string {
	printable := strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '\uFFFD'
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1 // such as the marks that turn the direction of writing
		}
		return r
	}, text)
	return strings.Join(strings.Fields(printable), " ")
}

// firstCharacters is text, or its beginning and "…" in count characters.
func firstCharacters(text string, count int) string {
	if utf8.RuneCountInString(text) <= count {
		return text
	}
	return string([]rune(text)[:count-1]) + "…"
}
