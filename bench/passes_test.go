package bench

import (
	"flag"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write testdata/laisse-passer.txt anew")

const golden = "testdata/laisse-passer.txt"

// hostile is one input. rule is what RFC 8259 says of it: valid, refused, or either. want is the members of a right
// reading.
type hostile struct {
	name, rule, body string
	want             []string
}

// value is a document with that one value, which is to be kept as it is written.
func value(name, raw string) hostile {
	return hostile{name, "valid", `{"v":` + raw + `}`, []string{"v:" + raw}}
}

// wrong is a document that is to be refused.
func wrong(name, body string) hostile { return hostile{name: name, rule: "refused", body: body} }

func deep(name string, levels int) hostile {
	return hostile{name, "valid", strings.Repeat(`{"v":`, levels) + "1" + strings.Repeat("}", levels), []string{"v:{…}"}}
}

func hostiles() []hostile {
	return []hostile{
		value("number 0.1", `0.1`),
		value("number 1.0", `1.0`),
		value("number 1.50", `1.50`),
		value("number 1E2", `1E2`),
		value("number -0", `-0`),
		value("number 9007199254740993", `9007199254740993`),
		value("number 9007199254740993.0", `9007199254740993.0`),
		value("number 18446744073709551615", `18446744073709551615`),
		value("number 12345678901234567890123", `12345678901234567890123`),
		value("number 1e400", `1e400`),
		value("number 1e-400", `1e-400`),
		wrong("number 007", `{"v":007}`),
		wrong("number +1", `{"v":+1}`),
		wrong("number .5", `{"v":.5}`),
		wrong("number 1.", `{"v":1.}`),
		wrong("number 1-2", `{"v":1-2}`),
		wrong("number NaN", `{"v":NaN}`),
		wrong("number nan", `{"v":nan}`),
		wrong("number -Inf", `{"v":-Inf}`),
		{"a key twice", "valid", `{"v":1,"v":2}`, []string{"v:1", "v:2"}},
		value("a text with escapes", `"\u00e9"`),
		value("a lone surrogate, high", `"\ud800"`),
		value("a lone surrogate, low", `"\udc00x"`),
		wrong("invalid UTF-8: FF", "{\"v\":\"\xff\"}"),
		wrong("invalid UTF-8: cut short", "{\"v\":\"a\xc3\"}"),
		wrong("invalid UTF-8: a surrogate", "{\"v\":\"\xed\xa0\x80\"}"),
		wrong("invalid UTF-8: too long", "{\"v\":\"\xc0\xaf\"}"),
		wrong("invalid UTF-8 in a key", "{\"v\xff\":1}"),
		wrong("control character 01", "{\"v\":\"\x01\"}"),
		wrong("control character 00", "{\"v\":\"\x00\"}"),
		wrong("a line end in a text", "{\"v\":\"a\nb\"}"),
		wrong("a control character in a key", "{\"v\x01\":1}"),
		wrong(`an unknown escape \x`, `{"v":"\x"}`),
		wrong(`a bad escape \u12G4`, `{"v":"\u12G4"}`),
		{"a byte order mark", "either", "\xef\xbb\xbf" + `{"v":1}`, []string{"v:1"}},
		wrong("text behind", `{"v":1} x`),
		wrong("a second document behind", `{"v":1}{"v":2}`),
		wrong("a NUL behind", "{\"v\":1}\x00"),
		wrong("a comma too many", `{"v":1,}`),
		wrong("cut short", `{"v":1`),
		wrong("nothing", ``),
		deep("depth 40", 40),
		deep("depth 200", 200),
		deep("depth 500", 500),
		deep("depth 9,999", 9_999),
		deep("depth 100,000", 100_000),
	}
}

// TestWhatEachLetsThrough shows what each parser makes of what RFC 8259 calls valid or refuses. "kept as" is the same
// number, whose own text is lost.
func TestWhatEachLetsThrough(t *testing.T) {
	all := parsers(t)
	if !slices.ContainsFunc(all, func(p parser) bool { return p.name == "simdjson-go" }) {
		t.Skip("the table has a column of simdjson-go, which does not run here")
	}
	table := [][]string{{"input", "RFC 8259"}}
	for _, p := range all {
		table[0] = append(table[0], p.name)
	}
	for _, h := range hostiles() {
		row := []string{h.name, h.rule}
		for _, p := range all {
			row = append(row, verdict(p, h))
		}
		table = append(table, row)
	}
	got := markdown(table)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	wantLines, gotLines := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i, line := range gotLines {
		if i >= len(wantLines) || wantLines[i] != line {
			t.Errorf("line %d is\n%s\nand not as in %s (-update, if that is right)", i+1, line, golden)
		}
	}
}

func verdict(p parser, h hostile) string {
	members, err := p.read([]byte(h.body))
	shown := strings.Join(members, ", ")
	switch {
	case err != nil:
		return "refused"
	case slices.Equal(members, h.want):
		return "kept"
	case h.want == nil:
		return "LET IN: " + shown
	case len(members) == 1 && sameNumber(members[0], h.want[0]):
		return "kept as " + shown
	}
	return "ALTERED: " + shown
}

// sameNumber says whether two members have the same number, written in two ways.
func sameNumber(a, b string) bool {
	x, okX := new(big.Rat).SetString(strings.TrimPrefix(a, "v:"))
	y, okY := new(big.Rat).SetString(strings.TrimPrefix(b, "v:"))
	return okX && okY && x.Cmp(y) == 0 && strings.Contains(a, "-") == strings.Contains(b, "-")
}

// member shows one member of an object, and quoted a text, in plain ASCII.
func member(key []byte, shown string) string {
	return strings.Trim(quoted(key), `"`) + ":" + shown
}

func quoted(content []byte) string { return strconv.QuoteToASCII(string(content)) }

// markdown is a table whose columns stand one under the other in a text editor too.
func markdown(table [][]string) string {
	widths := make([]int, len(table[0]))
	for _, row := range table {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	line := func(row []string, fill string) {
		for i, cell := range row {
			text.WriteString("|" + fill[:1] + cell + strings.Repeat(fill[:1], widths[i]-utf8.RuneCountInString(cell)) + fill[:1])
		}
		text.WriteString("|\n")
	}
	line(table[0], " ")
	line(make([]string, len(widths)), "-")
	for _, row := range table[1:] {
		line(row, " ")
	}
	return text.String()
}
