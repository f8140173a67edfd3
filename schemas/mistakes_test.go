package schemas

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// mistakes is Load's error for a folder, without the folder's own path.
func mistakes(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := folder(t, files)
	_, err := Load(dir)
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")
}

const (
	typeHead = "version: 1\ncode: CHF\nlibelle: \"Changement\"\n"
	rootTail = "blocs: [{cle: informations_client}]\n"
)

// withColumns is the file of CHF with columns of those lines; the first stands on line 5.
func withColumns(lines ...string) string {
	return typeHead + "colonnes:\n  " + strings.Join(lines, "\n  ") + "\n"
}

func TestAMistakeIsToldWithFileLineAndReason(t *testing.T) {
	levels := strings.Repeat("a.", 15) + "a"
	long := strings.Repeat("n", 298) + ".m"
	structOf := func(fields int) string {
		var all []string
		for i := range fields {
			all = append(all, fmt.Sprintf("f%d DATE", i))
		}
		return "LIST<STRUCT<" + strings.Join(all, ", ") + ">>"
	}
	types := "; the types are STRING, BOOLEAN, INT64, DOUBLE, DECIMAL(12,3), DATE, TIMESTAMP, LIST<STRING>, LIST<STRUCT<code STRING, n INT64>>"
	cases := map[string]struct{ content, message string }{
		// The text as a whole.
		"an empty file":         {"", "1: the file is empty: see the README of the schemas for what it must hold"},
		"a file of comments":    {"# rien\n", "1: the file is empty: see the README of the schemas for what it must hold"},
		"a file of 1 MiB and 1": {typeHead + strings.Repeat("#", maxFileBytes), " the file is larger than 1 MiB, which no schema needs: is it the right file?"},
		"Latin-1":               {"version: 1\nlibelle: \"T\xe9l\xe9\"\n", "2: the byte 0xE9 is no UTF-8: save the file as UTF-8"},
		"UTF-16":                {"\xff\xfev\x00", "1: the byte 0xFF is no UTF-8: save the file as UTF-8"},
		"a control character":   {"version: 1\r\rlibelle: \"\x00\"\n", `3: the character U+0000 cannot stand in YAML: take it out, or write it as "\u0000"`},
		"a mark in the middle":  {"version: 1\n\uFEFFcode: CHF\n", `2: the character U+FEFF cannot stand in YAML: take it out, or write it as "\uFEFF"`},
		"a document of nothing": {"---\n", "1: a type's file is a set of keys (version, code, libelle, colonnes), not nothing"},
		"a mistake behind line ends that are none to editors": {"version: 1\ncode: CHF\nlibelle: \"\u2028\u2029\u0085\"\ncolonnes: 1", `4: colonnes: a list of columns is wanted, or [] for none, not the number "1"`},
		"two documents": {typeHead + "colonnes: []\n---\nversion: 1\n", "5: a second YAML document begins here: give each its own file"},

		// YAML.
		"a tab":                          {"version: 1\ncode: CHF\n\tlibelle: \"\"\n", "3: this is no YAML, found a tab character that violates indentation: indent with spaces, not tabs, and put a text that begins with a sign between quotes"},
		"a text that begins with a sign": {"version: 1\ncode: CHF\nlibelle: @\n", "3: this is no YAML, found character that cannot start any token: indent with spaces, not tabs, and put a text that begins with a sign between quotes"},
		"a quote that is not closed":     {"version: 1\nlibelle: \"Chan\ncode: CHF\ncolonnes: []\n", "2: this is no YAML, found unexpected end of stream: a quote is not closed"},
		"the same on the first line":     {"'", "1: this is no YAML, found unexpected end of stream: a quote is not closed"},
		"a colon in a text":              {"version: 1\ncode: CHF\nlibelle: a: b\n", "3: this is no YAML, mapping values are not allowed in this context: keys of one level are indented alike, and a text with a colon in it stands between quotes"},
		"a key without a colon":          {"version: 1\ncode CHF\nlibelle: \"\"\n", "2: this is no YAML, could not find expected ':': a key has a colon and a space behind it"},
		"a key indented too little":      {withColumns("- chemin: a", " type: DATE"), "6: this is no YAML, did not find expected '-' indicator: look at the indentation, and at brackets and commas, here and just above"},
		"a key indented too much":        {withColumns("- chemin: a", "   type: DATE"), "6: this is no YAML, mapping values are not allowed in this context: keys of one level are indented alike, and a text with a colon in it stands between quotes"},
		"a brace that is not closed":     {withColumns("- {chemin: a, type: DATE", "- {chemin: b, type: DATE}"), "5: this is no YAML, did not find expected ',' or '}': look at the indentation, and at brackets and commas, here and just above"},
		"a bracket too many":             {typeHead + "colonnes: []\n]\n", "5: this is no YAML, did not find expected key: look at the indentation, and at brackets and commas, here and just above"},
		"text behind the document":       {typeHead + "colonnes: []\n...\na\n", "6: this is no YAML, did not find expected <document start>: look at the indentation, and at brackets and commas, here and just above"},
		"a reference to nothing":         {"version: 1\ncode: *a\n", "2: this is no YAML, unknown anchor 'a' referenced"},
		"ten thousand brackets":          {strings.Repeat("[", 20_000), "1: this is no YAML, exceeded max depth of 10000"},

		// Keys and values.
		"a list for a file":        {"- a\n", "1: a type's file is a set of keys (version, code, libelle, colonnes), not a list"},
		"an unknown key":           {typeHead + "titre: x\ncolonnes: []\n", `4: a type's file has no key "titre" (its keys: version, code, libelle, colonnes)`},
		"a slip in a key":          {typeHead + "colones: []\ncolonnes: []\n", `4: a type's file has no key "colones": did you mean colonnes? (its keys: version, code, libelle, colonnes)`},
		"a key of the root's":      {typeHead + "blocs: []\ncolonnes: []\n", `4: a type's file has no key "blocs" (its keys: version, code, libelle, colonnes)`},
		"a merged key":             {typeHead + "<<: {}\ncolonnes: []\n", `4: a type's file has no key "<<" (its keys: version, code, libelle, colonnes)`},
		"a key twice":              {typeHead + "code: CHF\ncolonnes: []\n", "4: the key code stands on line 2 already: leave one out"},
		"a key that is a list":     {typeHead + "[a]: b\ncolonnes: []\n", "4: a key is a word (version, code, libelle, colonnes), not a list"},
		"no version":               {"code: CHF\nlibelle: \"\"\ncolonnes: []\n", "1: a type's file needs the key version: add it"},
		"no code":                  {"version: 1\nlibelle: \"\"\ncolonnes: []\n", "1: a type's file needs the key code: add it"},
		"no libelle":               {"version: 1\ncode: CHF\ncolonnes: []\n", "1: a type's file needs the key libelle: add it"},
		"no colonnes":              {typeHead, "1: a type's file needs the key colonnes: add it"},
		"version 2":                {"version: 2\ncode: CHF\nlibelle: \"\"\ncolonnes: []\n", `1: version: this program reads version 1, not "2"`},
		"a version that is text":   {"version: v1\ncode: CHF\nlibelle: \"\"\ncolonnes: []\n", `1: version: the number 1 is wanted, not the text "v1"`},
		"a code that is no text":   {"version: 1\ncode: true\nlibelle: \"\"\ncolonnes: []\n", `2: code: a text is wanted, not the boolean "true": put it between quotes`},
		"a code that is a list":    {"version: 1\ncode: [CHF]\nlibelle: \"\"\ncolonnes: []\n", "2: code: a text is wanted, not a list"},
		"a code by reference":      {"version: 1\nlibelle: &l CHF\ncode: *l\ncolonnes: []\n", "3: code: a text is wanted, not a reference by *, which is not read here"},
		"a code that is no code":   {"version: 1\ncode: CHF-2\nlibelle: \"\"\ncolonnes: []\n", `2: code: "CHF-2" is no type's code: a letter, then letters, digits and _, 64 characters at most`},
		"a code of 65 characters":  {"version: 1\ncode: " + strings.Repeat("C", 65) + "\nlibelle: \"\"\ncolonnes: []\n", `2: code: "` + strings.Repeat("C", 60) + `…" is no type's code: a letter, then letters, digits and _, 64 characters at most`},
		"another type's code":      {"version: 1\ncode: CHT\nlibelle: \"\"\ncolonnes: []\n", "2: a type's file is named after its code: rename this one to cht.yaml, or write code: CHF"},
		"a label that is nothing":  {"version: 1\ncode: CHF\nlibelle:\ncolonnes: []\n", "3: libelle: a text is wanted, not nothing"},
		"a label that is a number": {"version: 1\ncode: CHF\nlibelle: 12\ncolonnes: []\n", `3: libelle: a text is wanted, not the number "12": put it between quotes`},
		"columns that are nothing": {typeHead + "colonnes:\n", "4: colonnes: a list of columns is wanted, or [] for none, not nothing"},
		"columns that are keys":    {typeHead + "colonnes: {a: DATE}\n", "4: colonnes: a list of columns is wanted, or [] for none, not a set of keys"},
		"a column that is a text":  {withColumns("- a"), `5: a column is a set of keys (chemin, type, description, depuis, personnel), not the text "a"`},
		"a column without a path":  {withColumns("- type: DATE"), "5: a column needs the key chemin: add it"},
		"a column without a type":  {withColumns("- chemin: a"), "5: a column needs the key type: add it"},
		"a slip in a column's key": {withColumns("- chemin: a", "  type: DATE", "  Depuis: v0"), `7: a column has no key "Depuis": did you mean depuis? (its keys: chemin, type, description, depuis, personnel)`},
		"a description in a list":  {withColumns("- {chemin: a, type: DATE, description: [x]}"), "5: description: a text is wanted, not a list"},
		"a since that is nothing":  {withColumns("- {chemin: a, type: DATE, depuis: }"), "5: depuis: a text is wanted, not nothing"},
		"a type that is a date":    {withColumns("- chemin: a", "  type: 2025-01-01"), `6: type: a text is wanted, not the date "2025-01-01": put it between quotes`},
		"a type with a tag":        {withColumns("- chemin: a", "  type: !t DATE"), `6: type: a text is wanted, not a value tagged "!t": put it between quotes`},

		// Paths and types.
		"the path as a list":              {withColumns("- chemin: [a, b]", "  type: DATE"), "5: chemin: a text is wanted, not a list"},
		"an empty path":                   {withColumns("- chemin: \"\"", "  type: DATE"), `5: chemin: key 1, "", can be no column: it is empty; such a field stands in _champs_inconnus`},
		"an empty key":                    {withColumns("- type: DATE", "  chemin: a..b"), `6: chemin: key 2, "", can be no column: it is empty; such a field stands in _champs_inconnus`},
		"a key with an accent":            {withColumns("- chemin: a.année", "  type: DATE"), `5: chemin: key 2, "année", can be no column: it has characters other than A to Z, a to z, 0 to 9 and _; such a field stands in _champs_inconnus`},
		"a key that begins with a digit":  {withColumns("- chemin: a.1b", "  type: DATE"), `5: chemin: key 2, "1b", can be no column: it begins with a digit; such a field stands in _champs_inconnus`},
		"16 levels":                       {withColumns("- chemin: "+levels, "  type: DATE"), "5: chemin: the path has 16 levels, and a column 15 at most; deeper fields stand in _champs_inconnus"},
		"301 characters":                  {withColumns("- chemin: "+long, "  type: DATE"), "5: chemin: the column's name has 301 characters, and may have 300; such a field stands in _champs_inconnus"},
		"the number's own name":           {withColumns("- chemin: Numero_demande", "  type: STRING"), "5: chemin: no column can be named Numero_demande: the program writes that one itself"},
		"the partition's name":            {withColumns("- chemin: date_export", "  type: DATE"), "5: chemin: no column can be named date_export: the tables' folders are partitioned by that name"},
		"a name that begins with _":       {withColumns("- chemin: _lot.a", "  type: STRING"), "5: chemin: no column can be named _lot__a: the names that begin with _ are the program's own"},
		"a type that is none":             {withColumns("- chemin: a", "  type: LIST<STRNG>"), `6: type "LIST<STRNG>", character 6: "STRNG" is no type: did you mean STRING?` + types},
		"a STRUCT outside a LIST":         {withColumns("- chemin: a", "  type: STRUCT<b DATE>"), `6: type "STRUCT<b DATE>", character 1: a STRUCT stands only inside a LIST: declare the object's fields as columns of their own, as chemin: a.b`},
		"a LIST of LISTs":                 {withColumns("- chemin: a", "  type: LIST<LIST<DATE>>"), `6: type "LIST<LIST<DATE>>", character 6: a LIST can hold no LIST: leave the column out, and its values stand in _champs_inconnus`},
		"a type cut at its comma":         {withColumns("- {chemin: a, type: DECIMAL(12,3)}"), "5: a column has no key \"3)\" (its keys: chemin, type, description, depuis, personnel)\nchf.yaml:5: type \"DECIMAL(12\", character 11: DECIMAL says how many digits it has in all, and how many after the point, as DECIMAL(12,3); here is the end; within { } a comma ends the type unless it stands between quotes, as type: \"DECIMAL(12,3)\""},
		"two columns of one name":         {withColumns("- {chemin: a.b, type: DATE}", "- {chemin: A.B, type: DATE}"), "6: the column A__B is declared on line 5 already (upper and lower case are one here, and so are . and __): leave one out"},
		"two paths of one name":           {withColumns("- {chemin: a__b.c, type: DATE}", "- {chemin: a.b__c, type: DATE}"), "6: the column a__b__c is declared on line 5 already (upper and lower case are one here, and so are . and __): leave one out"},
		"a column of the root's":          {withColumns("- {chemin: Cdgf.Code, type: STRING}"), "5: the column Cdgf__Code is declared for all types in racine.yaml, line 7 already (upper and lower case are one here, and so are . and __): leave one out"},
		"973 fields beside the root's 21": {withColumns("- chemin: a", "  type: "+structOf(973)), ""},
		"974 fields": {
			withColumns("- chemin: a", "  type: "+structOf(973), "- {chemin: b, type: DATE}", "- {chemin: c, type: DATE}"),
			"7: with the column b the table has more than 1000 columns, the root's, 6 of the program's own and each field of a STRUCT counted: leave some out, and their values stand in _champs_inconnus",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			want := c.message
			if want != "" {
				want = "chf.yaml:" + want
			}
			if got := mistakes(t, map[string]string{"chf.yaml": c.content}); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

func TestAMistakeInTheRootIsToldWithLineAndReason(t *testing.T) {
	var thousand strings.Builder
	for i := range 995 {
		fmt.Fprintf(&thousand, "  - {chemin: c%d, type: DATE}\n", i)
	}
	for name, c := range map[string]struct{ content, message string }{
		"no blocks":          {"version: 1\ncolonnes: []\n", "1: the root's file needs the key blocs: add it"},
		"a type's key":       {"version: 1\ncode: CHF\ncolonnes: []\n" + rootTail, `2: the root's file has no key "code" (its keys: version, colonnes, blocs)`},
		"blocks as words":    {"version: 1\ncolonnes: []\nblocs: [informations_client]\n", `3: a block is a set of keys (cle, description), not the text "informations_client"`},
		"a block without":    {"version: 1\ncolonnes: []\nblocs: [{description: x}]\n", "3: a block needs the key cle: add it"},
		"a block of a path":  {"version: 1\ncolonnes: []\nblocs: [{cle: a.b}]\n", `3: cle: "a.b" can be no block: it has characters other than A to Z, a to z, 0 to 9 and _`},
		"a block twice":      {"version: 1\ncolonnes: []\nblocs:\n- cle: a\n- cle: a\n", "5: cle: the block a stands on line 4 already: leave one out"},
		"a described list":   {"version: 1\ncolonnes: []\nblocs: [{cle: a, description: []}]\n", "3: description: a text is wanted, not a list"},
		"a thousand and one": {"version: 1\ncolonnes:\n" + thousand.String() + rootTail, "997: with the column c994 the table has more than 1000 columns, the root's, 6 of the program's own and each field of a STRUCT counted: leave some out, and their values stand in _champs_inconnus"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := mistakes(t, map[string]string{"racine.yaml": c.content}); got != "racine.yaml:"+c.message {
				t.Errorf("\n got %s\nwant racine.yaml:%s", got, c.message)
			}
		})
	}
}

func TestAllMistakesOfAllFilesAreToldAtOnceInOrder(t *testing.T) {
	files := map[string]string{
		"racine.yaml":    "version: 1\ncolonnes: [{chemin: a, type: DATE}]\n" + rootTail,
		"chf.yaml":       "version: 3\n" + withColumns("- {chemin: 1, type: DAT}", "- {chemin: a, type: DATE}")[len("version: 1\n"):],
		"CHF.yml":        typeHead + "colonnes: []\n",
		"types/mes.yaml": "[\n",
	}
	dir := folder(t, files)
	_, err := Load(dir)
	var lines []string
	for _, each := range err.(interface{ Unwrap() []error }).Unwrap() {
		var flaw *FileError
		if !errors.As(each, &flaw) {
			t.Fatalf("%v is no FileError", each)
		}
		name, _ := filepath.Rel(dir, flaw.File)
		lines = append(lines, fmt.Sprintf("%s:%d", filepath.ToSlash(name), flaw.Line))
	}
	// CHF.yml is read first, so that chf.yaml is the second of its code.
	if got := strings.Join(lines, " "); got != "chf.yaml:1 chf.yaml:2 chf.yaml:5 chf.yaml:5 chf.yaml:6 types/mes.yaml:1" {
		t.Errorf("got %s\n%v", got, err)
	}
}
