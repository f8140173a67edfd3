package source

import (
	"strings"
	"testing"
)

// thePairs is what formats writes in each of them: two numbers with a code, one without.
const thePairs = "WD00APSW/A04000000X WD_00-b/A04000000X wd00apsy"

type parquetRow struct {
	Autre string  `parquet:"autre"`
	Code  *string `parquet:"code_cdgf,optional,dict"`
	N     string  `parquet:"numero_demande"`
}

func formats(t testing.TB) map[string]string {
	code := "A04000000X"
	return map[string]string{
		"csv": "# a list\n\nnumero_demande,code_cdgf\nWD00APSW,A04000000X\n\nWD_00-b,A04000000X\nwd00apsy,\n",
		"csv, other order, other columns and case": "Ref;  Code_CDGF ;NUMERO_DEMANDE;note\n1;A04000000X;WD00APSW;x\n2;A04000000X; WD_00-b ;\n" +
			"3;;wd00apsy;\"a;\"\"b\"\"\n\nc\"\n",
		"csv, all quoted":                    `"code_cdgf","numero_demande"` + "\n" + `"A04000000X","WD00APSW"` + "\n" + `"A04000000X","WD_00-b" ` + "\n" + `"","wd00apsy"`,
		"tsv":                                "code_cdgf\tnumero_demande\tnote\nA04000000X\tWD00APSW\ta \"quote\" within\nA04000000X\tWD_00-b\n\twd00apsy\tx\n",
		"csv with a separator in the header": "numero_demande;code_cdgf;\"nom, prénom, ville\"\nWD00APSW;A04000000X;a\nWD_00-b;A04000000X;b,c,d,e\nwd00apsy;;\n",
		"ndjson": `{"numero_demande":"WD00APSW","code_cdgf":"A04000000X"}` + "\n\n" +
			` { "x" : {"numero_demande":["}",1,{}],"y":"\"}"}, "code_cdgf" :"A040\u00300000X", "numero_demande": " WD_00-b " , "z":[1e5,true,null] } ` + "\n" +
			`{"NUMERO_DEMANDE":"wd00apsy","code_cdgf":null}`,
		"parquet": asParquet(t, []parquetRow{{"x", &code, "WD00APSW"}, {"", &code, "WD_00-b"}, {"y", nil, "wd00apsy"}}),
	}
}

func TestEveryFormatGivesTheSameNumbersHoweverItIsWritten(t *testing.T) {
	for name, content := range formats(t) {
		written := map[string]string{"plain": content}
		if name != "parquet" {
			written["byte order mark"] = "\uFEFF" + content
			written["CRLF"] = strings.ReplaceAll(content, "\n", "\r\n")
			written["CRLF and byte order mark"] = "\uFEFF" + written["CRLF"]
			written["no last newline"] = strings.TrimRight(content, "\n")
		}
		for how, content := range written {
			for compression, content := range map[string]string{
				"as it is": content, "gzip": gzipped(t, content), "zstd": zstded(t, content),
				"gzip of two members":              gzipped(t, content[:len(content)/2]) + gzipped(t, content[len(content)/2:]),
				"zstd of two frames":               zstded(t, content[:len(content)/2]) + zstded(t, content[len(content)/2:]),
				"zstd after a frame to be skipped": "\x51\x2A\x4D\x18\x03\x00\x00\x00abc" + zstded(t, content),
			} {
				t.Run(name+"/"+how+"/"+compression, func(t *testing.T) {
					path := write(t, "a misleading name.csv.gz", content)
					for door, got := range map[string]outcome{
						"file":           readLists(t, Options{}, path),
						"standard input": readLists(t, Options{Stdin: strings.NewReader(content)}, "-"),
					} {
						if got.err != nil || len(got.badLines) > 0 || got.pairs() != thePairs {
							t.Errorf("%s: numbers %q, bad lines %v, error %v", door, got.pairs(), got.badLines, got.err)
						}
					}
				})
			}
		}
	}
}

func TestATextListHasCommentsAndBlanks(t *testing.T) {
	got := readContent(t, "\n# WD1\n \t \nWD2  # urgent, seen by A; B\nWD3\t#x\n\tWD4\u00a0\n#\nWD#5\nWD6")
	if got.err != nil || got.pairs() != "WD2 WD3 WD4 WD6" {
		t.Errorf("numbers %q, error %v", got.pairs(), got.err)
	}
	if len(got.badLines) != 1 || got.badLines[0].Position.Line != 8 || got.badLines[0].Text != "WD#5" {
		t.Errorf("bad lines %+v", got.badLines)
	}
	want := Summary{Lists: 1, Entries: 4, BadLines: 1}
	if got.summary != want {
		t.Errorf("summary %+v, want %+v", got.summary, want)
	}
	if place := got.entries[0].Position.String(); !strings.HasSuffix(place, "list:4") {
		t.Errorf("the first number is told to stand at %s", place)
	}
}

func TestATextListMayBeginWithAFormatsMagic(t *testing.T) {
	for _, content := range []string{"PAR1\nWD1", "PAR10042\nWD1", "PAR1", "ORC1\nPK03", "BZh91AY\nWD1"} {
		if got := readContent(t, content); got.err != nil || got.pairs() != strings.ReplaceAll(content, "\n", " ") {
			t.Errorf("%q: numbers %q, error %v", content, got.pairs(), got.err)
		}
	}
}

func TestAListWithNothingInItIsNoError(t *testing.T) {
	for _, content := range []string{"", "\n", "# nothing today\n", "\uFEFF", "numero_demande\n", "numero_demande;code_cdgf", gzipped(t, ""), asParquet[parquetRow](t, nil)} {
		got := readContent(t, content)
		if want := (Summary{Lists: 1}); got.err != nil || got.summary != want {
			t.Errorf("%q: %+v, error %v", content, got.summary, got.err)
		}
	}
}

func TestALineThatIsNoNumberIsToldOfAndLeftOut(t *testing.T) {
	long := strings.Repeat("x", maxValue)
	for _, test := range []struct{ name, list, numbers, text, reason string }{
		{"a character that no number has", "WD1\nWD.2\n", "WD1", "WD.2", "'.'"},
		{"a blank within", "WD1\nWD 2\n", "WD1", "WD 2", "' '"},
		{"beyond ASCII", "WD1\nWDé\n", "WD1", "WDé", "'é'"},
		{"no UTF-8", "WD1\nWD\xff\n", "WD1", `WD\xff`, `'\xff'`},
		{"control characters", "WD1\nWD\x1b[2J\u202e\x00\n", "WD1", `WD\x1b[2J\u202e\x00`, `'\x1b'`},
		{"65 characters", long + "\n" + long + "x", long, long + "x", "more than 64"},
		{"a text of many characters", "WD1\n" + strings.Repeat("é", 200), "WD1", strings.Repeat("é", 80), "more than 64"},
		{"longer than a line may be", "WD1\n" + strings.Repeat("y", 3<<20) + "\nWD2", "WD1 WD2", strings.Repeat("y", 80), "1 MiB"},
		{"the same at the beginning", strings.Repeat("y", maxRecord+1) + "\nWD2", "WD2", strings.Repeat("y", 80), "1 MiB"},
		{"the same at the end", "WD1\n" + strings.Repeat("y", maxRecord+1), "WD1", strings.Repeat("y", 80), "1 MiB"},
		{"csv without a number", "numero_demande,x\nWD1,y\n,z\n", "WD1", ",z", "missing"},
		{"csv with a bad code", "numero_demande,code_cdgf\nWD1,A\nWD2,A/B\n", "WD1/A", "WD2,A/B", "code_cdgf holds '/'"},
		{"a row that ends before the number", "x,numero_demande\ny,WD1\nz\n", "WD1", "z", "ends before"},
		{"a row of shifted fields", "note,numero_demande\ny,WD1\noui,non,WD2\n", "WD1", "oui,non,WD2", "has 3 fields"},
		{"text behind a quoted field", "numero_demande,x\n\"WD1\",y\n\"WD2\"3,y\n", "WD1", `"WD2"3,y`, "closing quote"},
		{"a JSON number", `{"numero_demande":"WD1"}` + "\n" + `{"numero_demande":12}`, "WD1", `{"numero_demande":12}`, "not a JSON string"},
		{"a JSON code that is no string", `{"numero_demande":"WD1"}` + "\n" + `{"numero_demande":"WD2","code_cdgf":[]}`, "WD1", `{"numero_demande":"WD2","code_cdgf":[]}`, "code_cdgf is not"},
		{"a JSON null", `{"numero_demande":"WD1"}` + "\n" + `{"numero_demande":null}`, "WD1", `{"numero_demande":null}`, "missing"},
		{"no such key", `{"numero_demande":"WD1"}` + "\n" + `{"x":{"numero_demande":"WD2"}}`, "WD1", `{"x":{"numero_demande":"WD2"}}`, "missing"},
		{"a key twice", `{"numero_demande":"WD1"}` + "\n" + `{"numero_demande":"WD2","Numero_Demande":"WD3"}`, "WD1", `{"numero_demande":"WD2","Numero_Demande":"WD3"}`, "twice"},
		{"two objects on a line", `{"numero_demande":"WD1"}` + "\n" + `{"numero_demande":"WD2"}{}`, "WD1", `{"numero_demande":"WD2"}{}`, "not one JSON object"},
		{"no object", `{"numero_demande":"WD1"}` + "\n" + `["WD2"]`, "WD1", `["WD2"]`, "not one JSON object"},
		{"an object cut short", `{"numero_demande":"WD1"}` + "\n" + `{"numero_demande":"WD2"`, "WD1", `{"numero_demande":"WD2"`, "not one JSON object"},
		{"a lone surrogate", `{"numero_demande":"WD1"}` + "\n" + `{"numero_demande":"W\ud800"}`, "WD1", `{"numero_demande":"W\ud800"}`, "only letters"},
		{"a NULL in Parquet", asParquet(t, []nullableRow{{&long}, {nil}}), long, "", "missing"},
		{"a bad value in Parquet", asParquet(t, []parquetRow{{N: "WD1"}, {N: "W\nD"}}), "WD1", `W\nD`, `'\n'`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := readContent(t, test.list)
			if got.err != nil || got.pairs() != test.numbers {
				t.Errorf("numbers %q, error %v", got.pairs(), got.err)
			}
			if len(got.badLines) != 1 {
				t.Fatalf("%d bad lines, want one: %+v", len(got.badLines), got.badLines)
			}
			if bad := got.badLines[0]; bad.Text != test.text || !strings.Contains(bad.Reason, test.reason) {
				t.Errorf("told %q, %q; want %q, …%q…", bad.Text, bad.Reason, test.text, test.reason)
			}
		})
	}
}

func TestALineOfOneMiBIsRead(t *testing.T) {
	padded := "WD1" + strings.Repeat(" ", maxRecord-3)
	for _, end := range []string{"", "\n", "\r\n"} {
		if got := readContent(t, padded+end); got.err != nil || got.pairs() != "WD1" {
			t.Errorf("ended by %q: numbers %q, error %v", end, got.pairs(), got.err)
		}
	}
}

func TestAListWithoutOneNumberFailsAfterItsBadLines(t *testing.T) {
	got := readContent(t, "<html>\n<p>not found</p>\n</html>\n")
	if len(got.badLines) != 3 || len(got.entries) != 0 {
		t.Errorf("entries %v, bad lines %v", got.entries, got.badLines)
	}
	var failure *ListError
	if !asListError(got.err, &failure) || !strings.Contains(failure.Error(), "no line is a demande number; is it a list?") {
		t.Errorf("error %v", got.err)
	}
	if want := (Summary{BadLines: 3}); got.summary != want {
		t.Errorf("summary %+v, want %+v", got.summary, want)
	}
}
