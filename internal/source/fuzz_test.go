package source

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

var valid = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// FuzzRead: no list, however damaged, makes Read panic, visit what is no number, or fail other than by a *ListError.
func FuzzRead(f *testing.F) {
	for _, content := range formats(f) {
		f.Add([]byte(content))
		f.Add([]byte(gzipped(f, content)))
		f.Add([]byte(zstded(f, content)))
	}
	f.Add([]byte("numero_demande,x\nWD1,\"y\nWD2,z\"w\n\"WD3"))
	f.Add([]byte("{\"numero_demande\":\"W\\ud800\"}\n{\"a\":{\"b\":[\"\\\"\"]}}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		lines := int64(bytes.Count(content, []byte("\n")) + 1)
		text := !isGzip(content) && !isZstd(content) && !isParquet(content[:min(headBytes, len(content))])
		last := int64(0)
		at := func(position Position) {
			if position.Line <= last || text && position.Line > lines {
				t.Fatalf("line %d comes after line %d of %d", position.Line, last, lines)
			}
			last = position.Line
		}
		options := Options{Stdin: bytes.NewReader(content), BadLine: func(bad BadLine) {
			at(bad.Position)
			if len([]rune(bad.Text)) > maxShown || bad.Reason == "" || strings.ContainsFunc(bad.Text, func(r rune) bool { return r < ' ' }) {
				t.Fatalf("told %q, %q", bad.Text, bad.Reason)
			}
		}}
		_, err := Read(t.Context(), []string{"-"}, options, func(entry Entry) error {
			at(entry.Position)
			if !valid.MatchString(entry.Numero) || entry.CodeCDGF != "" && !valid.MatchString(entry.CodeCDGF) {
				t.Fatalf("visited %+v", entry)
			}
			return nil
		})
		var failure *ListError
		if err != nil && !asListError(err, &failure) {
			t.Fatalf("error %v", err)
		}
	})
}

// FuzzFormats: the same numbers come out of each format, whatever stands in the other columns. The other columns are
// written by the standard library, so the CSV and JSON read here are theirs.
func FuzzFormats(f *testing.F) {
	f.Add("WD1 WD2 wd_3", "a \"quoted\", text\r\nof two lines", "numéro;")
	f.Add("PAR1 1", "\"", "#")
	f.Add("x", "\\\"}{", "\t")
	f.Fuzz(func(t *testing.T, numbers, other, title string) {
		wanted := strings.Fields(numbers)
		for _, numero := range wanted {
			if !valid.MatchString(numero) {
				t.Skip("not a list")
			}
		}
		if len(wanted) == 0 || isTitle([]byte(wanted[0])) || len(other)+len(title) > 1000 || isColumn(title, numeroColumn) || isColumn(title, codeColumn) {
			t.Skip("not a list")
		}
		if strings.HasPrefix(strings.TrimSpace(title), "{") || strings.Contains(title, "#") || strings.ContainsAny(title, "\n\r\"") || !json.Valid([]byte(`"`+title+`"`)) {
			title = "autre" // a first line of the CSV that would tell of another format
		}
		for name, content := range map[string]string{
			"text":   strings.Join(wanted, "\n"),
			"csv":    writeCSV(t, ',', title, other, wanted),
			"csv;":   writeCSV(t, ';', title, other, wanted),
			"tsv":    writeCSV(t, '\t', title, other, wanted),
			"ndjson": writeNDJSON(t, title, other, wanted),
		} {
			got := outcome{}
			_, got.err = read(t.Context(), content, func(entry Entry) error { got.entries = append(got.entries, entry); return nil })
			if got.err != nil || got.pairs() != strings.Join(wanted, " ") {
				t.Errorf("%s: %q gave %q, error %v", name, content, got.pairs(), got.err)
			}
		}
	})
}

func writeCSV(t *testing.T, separator rune, title, other string, numbers []string) string {
	var out strings.Builder
	writer := csv.NewWriter(&out)
	writer.Comma = separator
	rows := [][]string{{"note", "numero_demande", title}}
	for _, numero := range numbers {
		rows = append(rows, []string{other, numero, other})
	}
	if err := writer.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func writeNDJSON(t *testing.T, title, other string, numbers []string) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	for _, numero := range numbers {
		if err := encoder.Encode(map[string]any{title: other, "numero_demande": numero, "a": []any{other, 1.5, nil, map[string]any{other: title}}}); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}
