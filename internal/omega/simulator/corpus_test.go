package simulator

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func embedded(t testing.TB) (*corpus, [][]byte) {
	t.Helper()
	ndjson, err := unpackEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := loadCorpus(nil)
	if err != nil {
		t.Fatal(err)
	}
	return loaded, bytes.Split(bytes.TrimSuffix(ndjson, []byte("\n")), []byte("\n"))
}

func written(t testing.TB, p piece) []byte {
	t.Helper()
	var buffer bytes.Buffer
	if err := p.writeTo(&buffer); err != nil {
		t.Fatal(err)
	}
	if buffer.Len() != p.size() {
		t.Fatalf("%d bytes written, size %d", buffer.Len(), p.size())
	}
	return buffer.Bytes()
}

func TestTheEmbeddedCorpusHasTwentyDocumentsOfEachOfTheGuidesTypes(t *testing.T) {
	_, lines := embedded(t)
	types := map[string]int{}
	for _, line := range lines {
		var document struct {
			Type struct{ Code string } `json:"type_demande"`
		}
		if err := json.Unmarshal(line, &document); err != nil {
			t.Fatal(err)
		}
		types[document.Type.Code]++
	}
	if len(types) != 23 {
		t.Errorf("%d types, want 23: %v", len(types), types)
	}
	for code, documents := range types {
		if documents != 20 {
			t.Errorf("%d documents of %s, want 20", documents, code)
		}
	}
}

func TestANumberOfTheCorpusGetsItsOwnLine(t *testing.T) {
	loaded, lines := embedded(t)
	for i, numero := range loaded.numbers() {
		if got := written(t, loaded.of(numero)); !bytes.Equal(got, lines[i]) {
			t.Fatalf("%s: got %.80s..., want %.80s...", numero, got, lines[i])
		}
	}
}

func TestAnotherNumberGetsALineWhereOnlyTheNumberDiffers(t *testing.T) {
	loaded, _ := embedded(t)
	for _, numero := range []string{"WD0004MX", "X", strings.Repeat("a", maxNumero), "a-b_c"} {
		p := loaded.of(numero)
		got := written(t, p)
		want := bytes.Replace(p.document.whole, []byte(`"`+p.document.numero+`"`), []byte(`"`+numero+`"`), 1)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: got %.80s..., want %.80s...", numero, got, want)
		}
		if again := written(t, loaded.of(numero)); !bytes.Equal(got, again) {
			t.Errorf("%s: another answer the second time", numero)
		}
	}
}

func TestOnlyTheNumberAtTheRootIsReplaced(t *testing.T) {
	for _, test := range []struct{ name, document, want string }{
		{"deeper first", `{"a":{"numero_demande":"IN"},"b":["numero_demande","x"],"numero_demande":"OUT","c":"OUT"}`, `{"a":{"numero_demande":"IN"},"b":["numero_demande","x"],"numero_demande":"NEW","c":"OUT"}`},
		{"white space", "{ \"numero_demande\"\t:  \"OUT\" , \"n\": 1.50 }", "{ \"numero_demande\"\t:  \"NEW\" , \"n\": 1.50 }"},
		{"escaped", `{"numero_d\u0065mande":"O\u0055T"}`, `{"numero_d\u0065mande":"NEW"}`},
		{"twice", `{"numero_demande":"OUT","numero_demande":"SECOND"}`, `{"numero_demande":"NEW","numero_demande":"SECOND"}`},
		{"as a value", `{"a":"numero_demande","numero_demande":"OUT"}`, `{"a":"numero_demande","numero_demande":"NEW"}`},
	} {
		document, err := newDocument([]byte(test.document))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := string(written(t, piece{&document, "NEW"})); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		if got := string(written(t, piece{&document, "OUT"})); got != test.document {
			t.Errorf("%s under its own number: got %s", test.name, got)
		}
	}
}

func TestABadCorpusIsAnErrorThatNamesTheLineAndQuotesNothing(t *testing.T) {
	const good = `{"numero_demande":"WD000001","nom":"DURAND"}`
	for _, test := range []struct{ name, ndjson, want string }{
		{"empty", " \n\n", "no document"},
		{"no JSON", good + "\n\n{DURAND", "line 3"},
		{"two on a line", good + good, "line 1"},
		{"no object", `["DURAND"]`, "line 1"},
		{"no number", `{"nom":"DURAND"}`, "line 1"},
		{"number null", `{"numero_demande":null,"nom":"DURAND"}`, "line 1"},
		{"number no text", `{"numero_demande":5,"nom":"DURAND"}`, "line 1"},
		{"number empty", `{"numero_demande":"","nom":"DURAND"}`, "line 1"},
		{"number with a slash", `{"numero_demande":"DURAND/1"}`, "line 1"},
		{"the same number", good + "\n" + good, "line 2"},
	} {
		_, err := loadCorpus([]byte(test.ndjson))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", test.name, err, test.want)
		} else if strings.Contains(err.Error(), "DURAND") {
			t.Errorf("%s: the error quotes the document: %v", test.name, err)
		}
	}
}

func TestTheDocumentOfAnotherNumberIsReallyOfAnother(t *testing.T) {
	one, err := loadCorpus([]byte(`{"numero_demande":"WD000001"}`))
	if err != nil {
		t.Fatal(err)
	}
	two, err := loadCorpus([]byte(twoDocuments))
	if err != nil {
		t.Fatal(err)
	}
	for _, loaded := range []*corpus{one, two} {
		for _, numero := range []string{"WD000001", "WD000002", "WD000003"} {
			var got struct {
				Numero string `json:"numero_demande"`
			}
			if err := json.Unmarshal(written(t, loaded.notOf(numero)), &got); err != nil || got.Numero == "" || got.Numero == numero {
				t.Errorf("%d documents, asked for %s: got %q, %v", len(loaded.documents), numero, got.Numero, err)
			}
		}
	}
}

func FuzzReplaceNumber(f *testing.F) {
	for _, document := range strings.Split(strings.TrimSpace(twoDocuments), "\n") {
		f.Add([]byte(document), "WD0004MX")
	}
	f.Add([]byte(`{"a":{"numero_demande":"IN"},"numero_d\u0065mande" : "O\u0055T","n":1e400}`), "X")
	f.Add([]byte("{\"numero_demande\":\"A\",\"b\":\"\xff\"}"), "B")
	f.Fuzz(func(t *testing.T, text []byte, numero string) {
		document, err := newDocument(text)
		if err != nil || !isNumero(numero) {
			return
		}
		if got := written(t, piece{&document, document.numero}); !bytes.Equal(got, text) {
			t.Fatalf("under its own number: got %q, want %q", got, text)
		}
		got := written(t, piece{&document, numero})
		again, err := newDocument(got)
		if err != nil || again.numero != numero {
			t.Fatalf("%q: got %q, which has the number %q, %v", text, got, again.numero, err)
		}
		if !bytes.Equal(again.before, document.before) || !bytes.Equal(again.after, document.after) {
			t.Fatalf("%q: got %q, where more than the number differs", text, got)
		}
		var before, after map[string]json.RawMessage
		if json.Unmarshal(text, &before) != nil || json.Unmarshal(got, &after) != nil {
			t.Fatalf("%q: got %q, which is not what JSON says it is", text, got)
		}
		delete(before, numeroKey)
		delete(after, numeroKey)
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("%q: got %q, where another field differs", text, got)
		}
	})
}
