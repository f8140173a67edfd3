package config

import (
	"reflect"
	"strings"
	"testing"
)

func testShape() Shape {
	keys := map[string]Key{"out": {}, "rate": {}, "list": {List: true}, "supplier": {List: true, Fields: []string{"code-cdgf", "client-id"}}}
	return Shape{
		Commands: map[string]map[string]Key{
			"run": keys, "schema infer": {"out": {}, "answers": {}}, "schema list": {"out": {}},
		},
		Exports:   keys,
		Forbidden: map[string]string{"client-secret": "a secret has no place here"},
	}
}

func variables(name string) (string, bool) {
	value, set := map[string]string{"SET": "v", "EMPTY": "", "YAML": "a\nout: b\n- [c]", "DOLLAR": "${SET}"}[name]
	return value, set
}

func TestEverythingWrongIsToldWithItsLine(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"comments alone", "# nothing\n", nil},
		{"a misspelt key", "out: o\nraet: 5\n", []string{"line 2: raet: no flag is named raet; did you mean rate?"}},
		{"a key with underscores", "run: {sup_plier: x}\n", []string{"line 1: run.sup_plier: no flag is named sup_plier; did you mean supplier?"}},
		{"a key like no other", "frobnicate: 5\n", []string{"line 1: frobnicate: no flag is named frobnicate"}},
		{"a misspelt command", "rnu:\n  rate: 5\n", []string{"line 1: rnu: no flag is named rnu; did you mean run?"}},
		{"another command's key", "run: {answers: 5}\n", []string{"line 1: run.answers: no flag is named answers"}},
		{"a command of two words", "schema:\n  infer: {answers: 1}\n  list: {answers: 1}\n", []string{"line 3: schema.list.answers: no flag is named answers"}},
		{"a list's name is no command", "list: [a]\n", nil},
		{"a secret", "exports:\n  a:\n    client-secret: x\n", []string{"line 3: exports.a.client-secret: a secret has no place here"}},
		{"a key twice", "out: a\nout: b\n", []string{"line 2: out: the key stands already on line 1"}},
		{"an export twice", "exports: {a: {out: x}, a: {out: y}}\n", []string{"line 1: exports.a: the key stands already on line 1"}},
		{"an export that is none", "exports: {a: x}\n", []string{"line 1: exports.a: keys and values are wanted, as key: value"}},
		{"exports in a list", "exports: [a]\n", []string{"line 1: exports: keys and values are wanted, as key: value"}},
		{"a list for a file", "- a\n", []string{"line 1: keys and values are wanted, as key: value"}},
		{"a key that is a list", "[a]: b\n", []string{"line 1: a key is plain text"}},
		{"two documents", "out: a\n---\nout: b\n", []string{"one YAML document is wanted, and there is more after it"}},
		{"no YAML", "out: [\n", []string{"line 1: did not find expected node content"}},
		{"two at once", "a1: x\nrun:\n  b1: y\n", []string{"line 1: a1: no flag is named a1", "line 3: run.b1: no flag is named b1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, problem := range Read([]byte(test.text), testShape()).Problems() {
				got = append(got, problem.Error())
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestAnExportBeatsTheCommandWhichBeatsTheTop(t *testing.T) {
	file := Read([]byte("out: top\nrate: 1\nlist: [a]\nrun: {out: run, rate: 2}\nexports:\n  x: {out: x}\n  y: {}\n"), testShape())
	if problems := file.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, test := range []struct {
		place     Place
		key, want string
	}{
		{Place{"run", "x"}, "out", "exports.x.out"},
		{Place{"run", "y"}, "out", "run.out"},
		{Place{"run", ""}, "rate", "run.rate"},
		{Place{"status", "x"}, "rate", "rate"},
		{Place{"run", "x"}, "list", "list"},
	} {
		if got := file.Find(test.place, test.key); got == nil || got.Key != test.want {
			t.Errorf("%v %s: got %+v, want %s", test.place, test.key, got, test.want)
		}
	}
	if got := file.Find(Place{Command: "run"}, "supplier"); got != nil {
		t.Errorf("found %+v where nothing is", got)
	}
	if got := file.Exports(); !reflect.DeepEqual(got, []string{"x", "y"}) {
		t.Errorf("exports %q", got)
	}
}

func TestAValueIsWhatIsWrittenWithItsVariables(t *testing.T) {
	one := func(text string) []Element { return []Element{{Text: text}} }
	for _, test := range []struct {
		text string
		key  string
		want []Element
		err  string
	}{
		{"rate: 08", "rate", one("08"), ""},
		{"rate: 1.0", "rate", one("1.0"), ""},
		{"rate: ''", "rate", one(""), ""},
		{"rate: ${SET}", "rate", one("v"), ""},
		{"rate: a${SET}b${SET}", "rate", one("avbv"), ""},
		{"rate: ${EMPTY}", "rate", one(""), ""},
		{"rate: ${EMPTY:-d}", "rate", one("d"), ""},
		{"rate: ${UNSET:-}", "rate", one(""), ""},
		{"rate: '${UNSET:-a:-b}'", "rate", one("a:-b"), ""},
		{"rate: $$5 and $${SET}", "rate", one("$5 and ${SET}"), ""},
		{"rate: ${DOLLAR}", "rate", one("${SET}"), ""},
		{"rate: ${YAML}", "rate", one("a\nout: b\n- [c]"), ""},
		{"list: ['${YAML}', x]", "list", []Element{{Text: "a\nout: b\n- [c]"}, {Text: "x"}}, ""},
		{"list: x", "list", one("x"), ""},
		{"out: &a x\nlist: [*a]", "list", one("x"), ""},
		{"supplier: [{code-cdgf: B, client-id: '${SET}'}]", "supplier", []Element{{Fields: []Field{{"code-cdgf", "B", 1}, {"client-id", "v", 1}}}}, ""},

		{"rate: ${UNSET}", "rate", nil, "line 1: rate: the variable UNSET is not set: set it, or write ${UNSET:-default}"},
		{"\nlist: [a, '${UNSET}']", "list", nil, "line 2: list: the variable UNSET is not set: set it, or write ${UNSET:-default}"},
		{"rate: $SET", "rate", nil, "line 1: rate: a lone $: write ${NAME} for a variable, $$ for a dollar"},
		{"rate: ${SET", "rate", nil, "line 1: rate: a ${ without its }"},
		{"rate: ${1A}", "rate", nil, `line 1: rate: "1A" is no name of a variable: write ${NAME} or ${NAME:-default}`},
		{"rate:", "rate", nil, "line 1: rate: it has no value: give it one, or take the key out"},
		{"rate: [1]", "rate", nil, "line 1: rate: one plain value is wanted"},
		{"list: [[a]]", "list", nil, "line 1: list: an element is one plain value"},
		{"list: [{a: b}]", "list", nil, "line 1: list: an element is one plain value"},
		{"list: [~]", "list", nil, "line 1: list: an element has no value"},
		{"supplier: {code-cdgf: B}", "supplier", nil, "line 1: supplier: a list is wanted, each element on a line after a dash"},
		{"supplier:\n  - code-cdfg: B", "supplier", nil, "line 2: supplier: code-cdfg is none of code-cdgf, client-id; did you mean code-cdgf?"},
		{"supplier: [{client-secret: B}]", "supplier", nil, "line 1: supplier: a secret has no place here"},
		{"supplier: [{client-id: [B]}]", "supplier", nil, "line 1: supplier: client-id wants one plain value"},
		{"supplier: [{client-id: a, client-id: b}]", "supplier", nil, "line 1: supplier: client-id stands there twice"},
		{"supplier: [[a]]", "supplier", nil, "line 1: supplier: an element is a mapping of code-cdgf, client-id"},
	} {
		t.Run(test.text, func(t *testing.T) {
			file := Read([]byte(test.text), testShape())
			if problems := file.Problems(); len(problems) > 0 {
				t.Fatal(problems)
			}
			value, err := file.Find(Place{Command: "run"}, test.key).Value(variables)
			switch {
			case err != nil && err.Error() != test.err:
				t.Errorf("got the error %q, want %q", err, test.err)
			case err == nil && test.err != "":
				t.Errorf("got %+v, want the error %q", value, test.err)
			case err == nil && !reflect.DeepEqual(value.Elements, test.want):
				t.Errorf("got %+v, want %+v", value.Elements, test.want)
			}
		})
	}
}

func TestTheNearestWordIsMeant(t *testing.T) {
	words := []string{"rate", "out", "state", "client-id", "client-secret-file", "max-calls"}
	for word, want := range map[string]string{
		"raet": "rate", "ot": "out", "client_id": "client-id", "clientid": "client-id", "max-cals": "max-calls", "statee": "state", "zzzzzz": "", "secret-file": "",
	} {
		if got := nearest(word, words); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
}

// What is read never panics, never loses a key in silence, and no variable changes how many settings there are.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"out: a\nrun: {rate: 1}\nexports: {a: {list: [x]}}", "a: &a [*a]", "&a a: *a", "<<: {out: x}", "supplier: [{code-cdgf: ${SET}}]", "? [a]\n: b", "out: !!null", "exports:", "---\n---\n", "schema: {infer: {out: ${UNSET}}, list: []}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := Read([]byte(text), testShape())
		if len(file.Problems()) == 0 && strings.Contains(text, "frobnicate:") && !strings.ContainsAny(text, `#"'|>&*{}[]`+"$%!?-\\") {
			t.Errorf("a key was passed over in %q", text)
		}
		file.Each(func(setting *Setting) {
			value, err := setting.Value(variables)
			var bare Value
			if err == nil {
				bare, err = setting.Value(func(string) (string, bool) { return "", true })
			}
			if err == nil && (len(value.Elements) != len(bare.Elements) || value.IsList != bare.IsList) {
				t.Errorf("a variable changed the shape of %s in %q", setting.Key, text)
			}
		})
	})
}

func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"${SET}", "$$", "${A:-b}", "${", "}$$${EMPTY}", "$"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		doubled := strings.ReplaceAll(text, "$", "$$")
		got, used, err := expand(doubled, variables)
		if err != nil || got != text || len(used) != 0 {
			t.Errorf("%q, its dollars doubled, became %q (%v)", text, got, err)
		}
		_, _, _ = expand(text, variables)
	})
}
