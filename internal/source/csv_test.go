package source

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestACSVRecordStandsWhereItsFirstLineDoes(t *testing.T) {
	got := readContent(t, "note,numero_demande\n\"a\n\nb\",WD1\nx,WD2\n\"\"\"\n\"\"\",WD3\n")
	if got.err != nil || got.pairs() != "WD1 WD2 WD3" {
		t.Fatalf("numbers %q, bad %v, error %v", got.pairs(), got.badLines, got.err)
	}
	var places []int64
	for _, entry := range got.entries {
		places = append(places, entry.Position.Line)
	}
	if want := []int64{2, 5, 6}; !slices.Equal(places, want) {
		t.Errorf("lines %v, want %v", places, want)
	}
}

func TestAStrayQuoteCostsOneLineNotTheList(t *testing.T) {
	for name, list := range map[string]string{
		"never closed":               "numero_demande,note\nWD1,x\nWD2,\"y\nWD3,z\nWD4,\n",
		"closed by another":          "numero_demande,note\nWD1,x\nWD2,\"y\nWD3,z\nWD4,\"w\"\n",
		"swallowing more than a MiB": "numero_demande,note\nWD1,x\nWD2,\"y\nWD3,z\n" + strings.Repeat("\n", maxRecord) + "WD4,\n",
	} {
		t.Run(name, func(t *testing.T) {
			got := readContent(t, list)
			if got.err != nil || got.pairs() != "WD1 WD3 WD4" {
				t.Errorf("numbers %q, error %v", got.pairs(), got.err)
			}
			if !slices.Equal(got.badPlaces(), []int64{3}) {
				t.Errorf("bad lines %+v", got.badLines)
			}
			if line := got.entries[1].Position.Line; line != 4 {
				t.Errorf("WD3 is told to stand on line %d, not 4", line)
			}
		})
	}
}

func TestRowsOfASpreadsheetMayBeShortOrPadded(t *testing.T) {
	got := readContent(t, "numero_demande;code_cdgf;note\nWD1\nWD2;A\nWD3;A;n;;\n")
	if got.err != nil || len(got.badLines) > 0 || got.pairs() != "WD1 WD2/A WD3/A" {
		t.Errorf("numbers %q, bad lines %v, error %v", got.pairs(), got.badLines, got.err)
	}
}

func TestACommentInACSVIsARowOnlyWhereItCanBeOne(t *testing.T) {
	if got := readContent(t, "numero_demande\nWD1\n# WD2, later\nWD3\n"); got.pairs() != "WD1 WD3" || len(got.badLines) > 0 {
		t.Errorf("numbers %q, bad lines %v", got.pairs(), got.badLines)
	}
	if got := readContent(t, "rang,numero_demande\n#1,WD1\n#2,WD2\n"); got.pairs() != "WD1 WD2" || len(got.badLines) > 0 {
		t.Errorf("numbers %q, bad lines %v", got.pairs(), got.badLines)
	}
}

func TestAHeaderIsFoundInItsOddForms(t *testing.T) {
	for header, row := range map[string]string{
		"numero_demande":                                "WD1",
		" Numero_Demande\t":                             "WD1",
		`"numero_demande"`:                              "WD1",
		`" numero_demande"`:                             `"WD1"`,
		"numero_demande # of November":                  "WD1",
		"numero_demande,":                               "WD1,",
		"numero_demande;\"a\nb\"":                       "WD1",
		"numero_demande;# of the file":                  "WD1;2",
		"a,b,c,d;numero_demande":                        "x;WD1",
		"a,b\tnumero_demande\tc,d":                      "x\tWD1",
		"\n# \"a comment, with a quote\nnumero_demande": "WD1",
	} {
		if got := readContent(t, header+"\n"+row+"\n"); got.err != nil || got.pairs() != "WD1" {
			t.Errorf("header %q: numbers %q, error %v", header, got.pairs(), got.err)
		}
	}
}

func TestAHeaderThatCannotBeUsedIsExplained(t *testing.T) {
	for _, test := range []struct{ list, told string }{
		{"# x\n\nnumero;code\nWD1;A\n", "line 3: it has no column numero_demande (found: numero, code)"},
		{"WD1,A04\nWD2,A04\n", "line 1: it has no column numero_demande (found: WD1, A04)"},
		{"numero_demande,NUMERO_DEMANDE\nWD1,WD2\n", "line 1: its column numero_demande stands twice"},
		{"numero_demande,code_cdgf,code_cdgf\nWD1,A,B\n", "line 1: its column code_cdgf stands twice"},
		{"numero,\"x\nWD1,A\n", "line 1: its header is no CSV: a quote is opened and never closed"},
		{"numero,\x1b[2J\n", `(found: numero, \x1b[2J)`},
		{strings.Repeat("c,", 100) + "\n", "c, c, …)"},
	} {
		got := readContent(t, test.list)
		var failure *ListError
		if !asListError(got.err, &failure) || !strings.Contains(failure.Error(), test.told) || len(got.entries) > 0 {
			t.Errorf("%.40q: error %v, want …%s…", test.list, got.err, test.told)
		}
	}
}

func TestTextWithinAQuotedFieldIsNeverTakenForARowWhereTheListIsCut(t *testing.T) {
	content := gzipped(t, "numero_demande,note\nWD1,x\nWD2,\"y\n") + gzipped(t, "no_number\n") + "\x1F\x8B"
	got := readContent(t, content)
	if got.pairs() != "WD1" || len(got.badLines) > 0 || !errors.Is(got.err, io.ErrUnexpectedEOF) {
		t.Errorf("numbers %q, bad lines %v, error %v", got.pairs(), got.badLines, got.err)
	}
}

func TestADoubledQuoteIsOneOfTheValue(t *testing.T) {
	got := readContent(t, "numero_demande\n\"WD1\"\n\"WD\"\"2\"\n")
	if got.pairs() != "WD1" || len(got.badLines) != 1 || !strings.Contains(got.badLines[0].Reason, `holds '"'`) {
		t.Errorf("numbers %q, bad lines %+v, error %v", got.pairs(), got.badLines, got.err)
	}
}
