package schemas

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
	"unicode/utf8"
)

// FuzzParseType: what is read is a type that a column can have, and is written and read back the same.
func FuzzParseType(f *testing.F) {
	for _, text := range []string{"STRING", "DECIMAL(12,3)", "LIST<STRUCT<code STRING, l LIST<INT64>>>", "STRUCT<a DATE>", "LIST<LIST<DATE>>", "LIST<STRUCT<a DATE, A DATE>>", " LIST\t<DECIMAL ( 038 , 0 )>\n", "INT", deepType(16)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		typ, err := ParseType(text)
		if err != nil {
			assertOneLine(t, err.Error())
			return
		}
		if err := typ.Check(); err != nil {
			t.Fatalf("%q is read as %s, which no column can have: %v", text, typ, err)
		}
		again, err := ParseType(typ.String())
		if err != nil || !again.Equal(typ) || again.Leaves() != typ.Leaves() {
			t.Fatalf("%q is read as %s, and that as %s, %v", text, typ, again, err)
		}
		squeeze := strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace
		if decimalZeros := strings.Contains(text, "(0") || strings.Contains(text, ",0") || strings.Contains(text, " 0"); !decimalZeros && !strings.ContainsAny(text, "\t\r\n") && squeeze(typ.String()) != squeeze(text) {
			t.Fatalf("%q is read as %s", text, typ)
		}
	})
}

// FuzzLoad: any bytes for a file give either mistakes, each with a line that the file has and a reason on one line, or
// a set that is written and read back the same.
func FuzzLoad(f *testing.F) {
	for _, content := range []string{
		withColumns("- chemin: a.b", "  type: DECIMAL(12,3)", "  description: \"d\"", "  depuis: v0"),
		withColumns("- {chemin: a, type: 'LIST<STRUCT<a DATE, b DATE>>', depuis: 2025-01-01}"),
		withColumns("- chemin: a", " type: DATE"), typeHead + "colonnes: []\n---\n", "'", "[", "\xff", "{a: *b}", "%YAML 1.1\n---\n", "? a\n: b\n",
		"version: 1\ncode: CHF\nlibelle: |\n  a\n  b\ncolonnes: []\n", "version: 1\ncolonnes: []\n" + rootTail, "version: 1\ncode: CHF\n\tlibelle: \"\"\n",
	} {
		f.Add([]byte(content), false)
		f.Add([]byte(content), true)
	}
	own := ownFiles(f)
	f.Fuzz(func(t *testing.T, content []byte, isRoot bool) {
		name := "chf.yaml"
		if isRoot {
			name = "racine.yaml"
		}
		set, err := own.under(fstest.MapFS{name: {Data: content}}, "schemas")
		if err != nil {
			assertMistakes(t, err, "schemas/"+name, bytes.Count(content, []byte("\n"))+bytes.Count(content, []byte("\r"))+1)
			return
		}
		chf, _ := set.Type("CHF")
		assertWrittenBack(t, own, chf, nil)
		for _, column := range set.Root() {
			if reason := badPath(column.Path); reason != "" {
				t.Fatalf("the root has %s: %s", column.Name(), reason)
			}
		}
	})
}

// FuzzWriteDemande: whatever stands in a label, a description, a date or a comment, the file says the same and no more.
func FuzzWriteDemande(f *testing.F) {
	f.Add("CHF", "Demande", "a.b", "LIST<STRUCT<a DATE, b DATE>>", "d: \"x\" # y", "v0", "vu 3 fois")
	f.Add("null", "\u00a0\u2028\u0085\uFEFF\U0010FFFF\x00", "true", "DECIMAL(3,1)", "a\r\nb\n\tc ", "2025-01-01", "x\n- chemin: y\u2028z\x00\xff\uFEFF")
	f.Add("A", "", "x", "DATE", "!!int 1", ".inf", "\u0085colonnes: []\r# ")
	own, root := ownFiles(f), embeddedSet(f).Root()
	f.Fuzz(func(t *testing.T, code, label, path, typ, description, since, comment string) {
		columnType, err := ParseType(typ)
		if err != nil {
			columnType = ColumnType{Kind: Text}
		}
		if badCode(code) != "" {
			code = "NULL"
		}
		keys := strings.Split(path, ".")
		isTaken := func(c Column) bool { return strings.EqualFold(c.Name(), strings.Join(keys, "__")) }
		if badPath(keys) != "" || slices.ContainsFunc(root, isTaken) || isTaken(Column{Path: []string{"z", "derniere"}}) {
			keys = []string{"null"}
		}
		texts := label + description + since
		if len(texts)*10+len(comment)+len(typ) > maxFileBytes/2 || columnType.Leaves() > maxColumns/2 {
			return
		}
		d := Demande{Code: code, Label: label, Columns: []Column{
			{Path: keys, Type: columnType, Description: description, Since: since},
			{Path: []string{"z", "derniere"}, Type: ColumnType{Kind: Date}, Since: since},
		}}
		say := func(Column) string { return comment }
		if !utf8.ValidString(label) || !utf8.ValidString(description) || !utf8.ValidString(since) {
			if err := WriteDemande(new(bytes.Buffer), d, say); err == nil {
				t.Fatalf("%q is written", texts)
			}
			return
		}
		assertWrittenBack(t, own, d, say)
	})
}

// ownFiles are the embedded files, read once so that the fuzzer's time goes into its own.
func ownFiles(f *testing.F) *files {
	own, flaws := readFolder(embedded, "schemas")
	if len(flaws) > 0 {
		f.Fatal(joined(flaws))
	}
	return own
}

func assertWrittenBack(t *testing.T, own *files, d Demande, comment func(Column) string) {
	t.Helper()
	content := writtenAs(t, d, comment)
	if strings.ContainsFunc(content, func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) }) {
		t.Fatalf("a character that nobody sees stands in\n%q", content)
	}
	set, err := own.under(fstest.MapFS{"types/" + fileName(d.Code): {Data: []byte(content)}}, "schemas")
	if err != nil {
		t.Fatalf("%v\n%s", err, content)
	}
	again, ok := set.Type(d.Code)
	if !ok || again.Code != d.Code || again.Label != d.Label || !sameColumns(again.Columns, d.Columns) {
		t.Fatalf("%+v is read back as %+v from\n%s", d, again, content)
	}
}

// assertMistakes: each is of that file, on one of its lines, none before the last one told.
func assertMistakes(t *testing.T, err error, file string, lines int) {
	t.Helper()
	all, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%v is not joined", err)
	}
	before := 0
	for _, each := range all.Unwrap() {
		var flaw *FileError
		if !errors.As(each, &flaw) || flaw.File != file || flaw.Line < max(before, 1) || flaw.Line > lines {
			t.Fatalf("the mistake %v, behind line %d, in a file of %d lines", each, before, lines)
		}
		before = flaw.Line
		assertOneLine(t, flaw.Reason)
	}
}

func assertOneLine(t *testing.T, text string) {
	t.Helper()
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		t.Fatalf("the message %q", text)
	}
}
