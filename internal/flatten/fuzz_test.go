package flatten

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"omega-export/schemas"
)

// FuzzNothingIsLost gives any three bodies to a table that was learned from the first or frozen, and in which a person
// has changed types: what is taken must be in the row. The seed draws the types.
func FuzzNothingIsLost(f *testing.F) {
	for _, documents := range corpus(f) {
		f.Add(documents[0], documents[1], documents[2], uint64(len(documents[0])))
	}
	f.Add([]byte(`{"a":1,"b":[{"c":"x"}]}`), []byte(`{"a":"1","b":[{"c":2}],"a":{"d":[[]]}}`), []byte(`{"b":[{"c":"x","c":1}],"a":[]}`), uint64(0))
	f.Add([]byte(`{"x":1.5,"d":"2025-01-31","s":"2025-01-31T10:00:00Z"}`), []byte(`{"x":1e999,"d":"2025-02-30","s":"\ud800"}`), []byte(`{"x":-0.0,"d":{}}`), uint64(1))
	f.Add([]byte(`{"l":[{"a":1,"b":[{"c":2.50}]}]}`), []byte(`{"l":[{"b":[{"c":25e-1},{"c":"x"}]}]}`), []byte(`{"l":[{},{"a":null,"b":[]}]}`), uint64(7))
	root, err := schemas.Embedded()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, first, second, third []byte, seed uint64) {
		table, err := NewTable("T", root)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(seed, 0))
		learner := NewLearner(table)
		for _, body := range [][]byte{first, second}[:1+seed%2] {
			if learner.Observe("N1", time.Unix(1, 0), body) == nil && !json.Valid(trimMark(body)) {
				t.Fatalf("encoding/json refuses %q", body)
			}
		}
		if seed%5 != 4 { // else frozen
			table, _ = learner.Evolve()
			for i := range table.Columns {
				if random.IntN(2) == 0 {
					table.Columns[i].Type = redrawn(random, table.Columns[i].Type)
				}
			}
		}
		builder := NewBuilder(table)
		defer builder.Release()
		var taken [][]byte
		for _, body := range [][]byte{first, second, third, first} {
			var identifier Identifier
			_, _ = identifier.Identify(body)
			if builder.Append(Origin{Numero: "N1"}, body) == nil {
				taken = append(taken, body)
			}
		}
		record := builder.Record()
		defer record.Release()
		if int(record.NumRows()) != len(taken) {
			t.Fatalf("%d rows of %d documents", record.NumRows(), len(taken))
		}
		for row, body := range taken {
			// The row's own number is the program's; the document's stays only where it is another.
			got, want := rowLeaves(t, table, record, row), documentLeaves(t, body)
			own := pathSeparator + ColumnNumero + ` = "N1"`
			if extra := minus(got, want); len(extra) > 1 || len(extra) == 1 && extra[0] != own {
				t.Errorf("only in the row: %q of %q", extra, body)
			}
			if lost := lostLeaves(want, got, own); len(lost) > 0 {
				t.Errorf("lost: %q of %q", lost, body)
			}
		}
		assertDrift(t, builder, len(taken))
	})
}

// assertDrift fails unless the rows with drift are those that its fields were counted in.
func assertDrift(t *testing.T, builder *Builder, rows int) {
	t.Helper()
	drift, counted := builder.Drift(), int64(0)
	for _, field := range drift.Fields {
		counted += field.Count
	}
	if drift.Rows > int64(rows) || counted < drift.Rows || (drift.Rows == 0) != (counted == 0) {
		t.Errorf("drift of %d rows: %+v", rows, drift)
	}
}

// redrawn is another type that a person might declare; lists stay lists as a rule.
func redrawn(random *rand.Rand, typ schemas.ColumnType) schemas.ColumnType {
	switch typ.Kind {
	case schemas.List:
		return listOf(redrawn(random, *typ.Elem))
	case schemas.Struct:
		fields := slices.Clone(typ.Fields)
		for i := range fields {
			fields[i].Type = redrawn(random, fields[i].Type)
		}
		return structOf(fields[:1+random.IntN(len(fields))]...)
	}
	scale := random.IntN(6)
	kinds := []schemas.ColumnType{
		typ, of(schemas.Text), of(schemas.Bool), of(schemas.Int), of(schemas.Double), of(schemas.Date), of(schemas.Stamp),
		decimalOf(max(1, scale+random.IntN(33)), scale),
	}
	return kinds[random.IntN(len(kinds))]
}

// lostLeaves are those of the document that the row lacks. The number itself may be written more than once.
func lostLeaves(want, got []string, own string) []string {
	return slices.DeleteFunc(minus(want, got), func(leaf string) bool { return leaf == own })
}

func trimMark(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF")) }

// FuzzTokenizerAgreesWithStdlib: the room takes what encoding/json takes, but for invalid UTF-8 and too many levels,
// and besides a byte order mark; and it reads the same values.
func FuzzTokenizerAgreesWithStdlib(f *testing.F) {
	for _, documents := range corpus(f) {
		f.Add(documents[0])
	}
	for _, body := range []string{
		"", "{", `{"a" : [ 1 , -0.5e+3 , "\u00e9\ud83d\ude00\n" , null , true , false , { } , [ ] ] } `, `{"a":01}`, `[1,]`, `{"a":1,}`, `"\ud800"`, "\"\xff\"", "\"éèàüabcdefgh\"",
		`"12345678\""`, "\"1234567\t\"", strings.Repeat("[", 1000) + strings.Repeat("]", 1000), strings.Repeat("[", 1001) + strings.Repeat("]", 1001), "\xEF\xBB\xBF{}", "-", "1.", "1e", "nul", "[1}", `{"a":1]`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var parsed tape
		err := parsed.parse(body)
		plain := trimMark(body)
		want := json.Valid(plain) && utf8.Valid(plain) && levels(plain) <= maxDepth
		if (err == nil) != want {
			t.Fatalf("%q: %v, but encoding/json takes it: %t", body, err, want)
		}
		if err != nil {
			if !errors.Is(err, ErrUnreadable) {
				t.Errorf("the error is %v", err)
			}
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(plain))
		decoder.UseNumber()
		last := int32(0)
		if next := sameValue(t, &parsed, decoder, last); int(next) != len(parsed.tokens) {
			t.Errorf("%q: %d tokens, %d were laid out", body, next, len(parsed.tokens))
		}
	})
}

// levels is how many objects and lists stand open in one another in valid JSON.
func levels(body []byte) (deepest int) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	open := 0
	for {
		token, err := decoder.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			open++
		case json.Delim('}'), json.Delim(']'):
			open--
		}
		deepest = max(deepest, open)
	}
}

// sameValue fails unless the value at index i is the decoder's next one, and gives the index of what follows.
func sameValue(t *testing.T, parsed *tape, decoder *json.Decoder, i int32) (next int32) {
	t.Helper()
	tok := parsed.tokens[i]
	want, err := decoder.Token()
	if err != nil {
		t.Fatal(err)
	}
	got := any(nil)
	switch tok.kind {
	case tokenObject, tokenList:
		open, closed := json.Delim('{'), json.Delim('}')
		if tok.kind == tokenList {
			open, closed = '[', ']'
		}
		at := i + 1
		for decoder.More() && at < tok.next {
			at = sameValue(t, parsed, decoder, at)
		}
		end, err := decoder.Token()
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if want != open || end != closed || at != tok.next {
			t.Fatalf("got %v to %v at %d, want %v to %v at %d", want, end, at, open, closed, tok.next)
		}
		if raw := parsed.raw(tok); raw[0] != byte(open) || raw[len(raw)-1] != byte(closed) {
			t.Fatalf("the raw text is %q", raw)
		}
		return tok.next
	case tokenText:
		got = string(parsed.appendText(nil, tok))
	case tokenNumber:
		got = json.Number(parsed.raw(tok))
	case tokenTrue, tokenFalse:
		got = tok.kind == tokenTrue
	}
	if got != want {
		t.Fatalf("got %#v, want %#v", got, want)
	}
	if tok.kind == tokenText && tok.isText() != (strings.Count(want.(string), "\uFFFD") == strings.Count(replacements(parsed.raw(tok)), "\uFFFD")) {
		t.Fatalf("%q: is text: %t", parsed.raw(tok), tok.isText())
	}
	return tok.next
}

// replacements is a raw text in which U+FFFD, however it is written, stands as itself.
func replacements(raw []byte) string {
	text := strings.ReplaceAll(string(raw), `\\`, "")
	for _, escape := range []string{`\ufffd`, `\uFFFD`, `\uFfFD`, `\ufFFD`, `\uFFfD`, `\uFFFd`, `\uffFD`, `\ufFfD`, `\ufFFd`, `\uFffD`, `\uFfFd`, `\uFFfd`, `\ufffD`, `\uffFd`, `\ufFfd`, `\uFffd`} {
		text = strings.ReplaceAll(text, escape, "\uFFFD")
	}
	return text
}

// FuzzNumber compares what the columns hold of a number with its exact value.
func FuzzNumber(f *testing.F) {
	for i, number := range []string{
		"0", "-0", "0.0", "1.50", "15e-1", "1e22", "123456789012345", "1234567890123456", "0.1", "9007199254740993", "1e308", "5e-324", "99999999999999999999999999999999999999",
		"-9223372036854775808", "18446744073709551616", "0.00000000000000000000001", "1e-38", "0e400", "4.35", "-999.99", "2.2250738585072011e-308", "000", "1e+0007",
	} {
		f.Add(number, uint8(i+1), uint8(i))
	}
	f.Fuzz(func(t *testing.T, number string, precision, scale uint8) {
		var parsed tape
		if parsed.parse([]byte(number)) != nil || parsed.tokens[0].kind != tokenNumber {
			return
		}
		tok := parsed.tokens[0]
		raw := string(parsed.raw(tok))
		exact := canonicalNumber(raw)
		if value, ok := parsed.integer(tok); ok != isPlainInteger(raw) || ok && strconv.FormatInt(value, 10) != exact {
			t.Errorf("%s as INT64: %d, %t", raw, value, ok)
		}
		if value, ok := parsed.double(tok); ok != isShortestOfADouble(raw) || ok && canonicalNumber(strconv.FormatFloat(value, 'e', -1, 64)) != exact {
			t.Errorf("%s as DOUBLE: %v, %t", raw, value, ok)
		}
		digits := 1 + int(precision)%schemas.MaxPrecision
		decimals := int(scale) % (digits + 1)
		units, ok := parsed.decimal(tok, digits, decimals)
		if ok != isDecimal(raw, digits, decimals) || ok && canonicalNumber(string(decimalNumber(units, decimals))) != exact {
			t.Errorf("%s as DECIMAL(%d,%d): %s, %t", raw, digits, decimals, units.BigInt(), ok)
		}
	})
}

func isPlainInteger(number string) bool {
	_, err := strconv.ParseInt(number, 10, 64)
	return err == nil && number != "-0"
}

// isShortestOfADouble says whether the number is the same as the shortest text of the DOUBLE next to it.
func isShortestOfADouble(number string) bool {
	value, err := strconv.ParseFloat(number, 64)
	return err == nil && hasExponent(number) && canonicalNumber(number) == canonicalNumber(strconv.FormatFloat(value, 'e', -1, 64))
}

// hasExponent says whether the number's exponent has at most 32 bits. The room looks no further.
func hasExponent(number string) bool {
	_, exponent, ok := strings.Cut(strings.ToLower(number), "e")
	_, err := strconv.ParseInt(exponent, 10, 32)
	return !ok || err == nil
}

// isDecimal says whether the number has at most that many decimals, and digits in all.
func isDecimal(number string, precision, scale int) bool {
	canonical := canonicalNumber(number)
	if !hasExponent(number) || canonical == "-0" || strings.ContainsAny(canonical, "eE") {
		return false
	}
	exact, _ := new(big.Rat).SetString(canonical)
	exact.Mul(exact, new(big.Rat).SetInt(power(scale)))
	return exact.IsInt() && exact.Num().CmpAbs(power(precision)) < 0
}

func power(of int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(of)), nil) }
