package omega

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestTheMessageIsTheAnswersOwnText(t *testing.T) {
	cases := []struct{ name, body, want string }{
		{"the API's", `{"code":"404","message":"La ressource demandée est introuvable"}`, "La ressource demandée est introuvable"},
		{"a label", `{"code":"X1","libelle":"Paramètre de requête manquant"}`, "Paramètre de requête manquant"},
		{"OAuth's", `{"error":"invalid_token","error_description":"The token expired"}`, "The token expired"},
		{"OKTA's", `{"errorCode":"E0000011","errorSummary":"Invalid token provided"}`, "Invalid token provided"},
		{"Spring's", `{"timestamp":"2026-11-23","status":404,"error":"Not Found","message":"","path":"/x"}`, "Not Found"},
		{"a problem document", `{"type":"about:blank","title":"Bad Request","detail":"code_cdgf is missing"}`, "code_cdgf is missing"},
		{"a gateway's", `{"fault":{"faultstring":"Rate limit quota violation","detail":{"errorcode":"policies.ratelimit"}}}`, "Rate limit quota violation"},
		{"nested", `{"error":{"code":400,"message":"Données inexistantes"}}`, "Données inexistantes"},
		{"a list", `[{"code":"A","message":"first"},{"message":"second"}]`, "first"},
		{"a list inside", `{"errors":[{"code":1},{"message":"second"}]}`, "second"},
		{"upper before lower", `{"a":{"message":"below"},"title":"above"}`, "above"},
		{"keys written otherwise", `{"Error-Message":"said so"}`, "said so"},
		{"a code only", `{"code":"ERR_42"}`, "ERR_42"},
		{"words before a code above them", `{"code":"ERR_42","cause":{"message":"because"}}`, "because"},
		{"no text field", `{"code":404}`, `{"code":404}`},
		{"a JSON text", `"introuvable"`, "introuvable"},
		{"plain text", "  upstream\r\n\tfailed\x00\x1b[31m ", "upstream failed [31m"},
		{"a byte order mark", "\xef\xbb\xbf" + `{"message":"ok"}`, "ok"},
		{"invalid UTF-8", "caf\xe9", "caf\uFFFD"},
		{"writing turned round", "a\u202Eb", "ab"},
		{"HTML", "<!DOCTYPE html>\n<html><body>503</body></html>", htmlMessage},
		{"HTML without a type of document", " <HTML><h1>x", htmlMessage},
		{"XML", "<error>no</error>", "<error>no</error>"},
		{"nothing", "", ""},
		{"cut short JSON", `{"message":"cut`, `{"message":"cut`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			check(t, "the message", message([]byte(c.body), "application/json", testToken), c.want)
		})
	}
}

func TestAMessageIsShortAndWithoutTheToken(t *testing.T) {
	long := message([]byte(`{"message":"`+strings.Repeat("é", 5000)+`"}`), "", testToken)
	check(t, "its length", utf8.RuneCountInString(long), messageLength)
	// The token straddles the cut: half of it must not stay.
	echoed := message([]byte(strings.Repeat("a", 190)+" "+testToken), "", testToken)
	if strings.Contains(echoed, testToken[:6]) {
		t.Errorf("the message holds a part of the token: %s", echoed)
	}
	slashed := message([]byte(`{"message":"Bearer a\/b"}`), "", "a/b")
	check(t, "a message with a token that JSON escapes", slashed, "Bearer "+hidden)
}

func TestTheSameAnswerAlwaysGivesTheSameMessage(t *testing.T) {
	body := []byte(`{"b":{"message":"of b"},"a":{"message":"of a"},"c":{"message":"of c"},"d":{"x":1}}`)
	for range 50 {
		check(t, "the message", message(body, "", testToken), "of a")
	}
}

func FuzzAMessageIsAlwaysOneShortPrintableLine(f *testing.F) {
	f.Add([]byte(`{"error":{"message":"x"}}`), "application/json")
	f.Add([]byte("<html>"), "text/html")
	f.Add([]byte(`[[[[[["a"]]]]]]`), "")
	f.Add([]byte("\xff\xfe\x00e\u2028y\u202e"+testToken), "text/plain")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		got := message(body, contentType, testToken)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > messageLength {
			t.Errorf("%q is too long or no UTF-8", got)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q holds what cannot be printed", got)
		}
		if strings.Contains(got, testToken) {
			t.Errorf("%q holds the token", got)
		}
	})
}
