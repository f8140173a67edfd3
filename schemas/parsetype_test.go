package schemas

import (
	"strings"
	"testing"
)

func TestATypeIsReadAsItIsWritten(t *testing.T) {
	for text, canonical := range map[string]string{
		"STRING":                "STRING",
		" BOOLEAN\t":            "BOOLEAN",
		"INT64":                 "INT64",
		"DOUBLE":                "DOUBLE",
		"DATE":                  "DATE",
		"\nTIMESTAMP\r\n":       "TIMESTAMP",
		"DECIMAL(12,3)":         "DECIMAL(12,3)",
		"DECIMAL ( 38 , 38 )":   "DECIMAL(38,38)",
		"DECIMAL(01,0)":         "DECIMAL(1,0)",
		"LIST<STRING>":          "LIST<STRING>",
		"LIST < DECIMAL(9,2) >": "LIST<DECIMAL(9,2)>",
		"LIST<STRUCT<code STRING, l LIST<INT64>>>":       "LIST<STRUCT<code STRING, l LIST<INT64>>>",
		"LIST<STRUCT<code STRING,l LIST<INT64> >>":       "LIST<STRUCT<code STRING, l LIST<INT64>>>",
		"LIST<STRUCT<STRING STRING, x_ DATE>>":           "LIST<STRUCT<STRING STRING, x_ DATE>>",
		"LIST<STRUCT<o STRUCT<p LIST<STRUCT<q DATE>>>>>": "LIST<STRUCT<o STRUCT<p LIST<STRUCT<q DATE>>>>>",
		deepType(15): deepType(15),
	} {
		typ, err := ParseType(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if typ.String() != canonical {
			t.Errorf("%q is read as %s", text, typ)
		}
		if err := typ.Check(); err != nil {
			t.Errorf("%q: Check: %v", text, err)
		}
	}
}

// deepType has so many STRUCTs inside one another.
func deepType(structs int) string {
	return strings.Repeat("LIST<STRUCT<a ", structs) + "DATE" + strings.Repeat(">>", structs)
}

func TestAnIllFormedTypeIsToldWithItsCharacter(t *testing.T) {
	list := "; the types are STRING, BOOLEAN, INT64, DOUBLE, DECIMAL(12,3), DATE, TIMESTAMP, LIST<STRING>, LIST<STRUCT<code STRING, n INT64>>"
	long := strings.Repeat("n", 301)
	for text, message := range map[string]string{
		"LIST<STRUCT<_x DATE>>":           `type "LIST<STRUCT<_x DATE>>", character 13: no field can be named "_x": names that begin with _ are kept, some of them by BigQuery: leave it out`,
		"":                                `type "", character 1: a type is wanted, but here is the end` + list,
		"string":                          `type "string", character 1: types are written in upper case: write STRING`,
		"LIST<Struct<a DATE>>":            `type "LIST<Struct<a DATE>>", character 6: types are written in upper case: write STRUCT`,
		"STRNG":                           `type "STRNG", character 1: "STRNG" is no type: did you mean STRING?` + list,
		"BOOL":                            `type "BOOL", character 1: "BOOL" is no type: did you mean BOOLEAN?` + list,
		"INT":                             `type "INT", character 1: "INT" is no type: did you mean INT64?` + list,
		"VARCHAR":                         `type "VARCHAR", character 1: "VARCHAR" is no type` + list,
		"LIST<>":                          `type "LIST<>", character 6: a type is wanted, but here is ">"` + list,
		"LIST<é>":                         `type "LIST<é>", character 6: a type is wanted, but here is "é"` + list,
		"STRING STRING":                   `type "STRING STRING", character 8: nothing may follow "STRING", but here is "STRING"`,
		"LIST<DATE>>":                     `type "LIST<DATE>>", character 11: nothing may follow "LIST<DATE>", but here is ">"`,
		"DECIMAL":                         `type "DECIMAL", character 8: DECIMAL says how many digits it has in all, and how many after the point, as DECIMAL(12,3); here is the end`,
		"DECIMAL(12)":                     `type "DECIMAL(12)", character 11: DECIMAL says how many digits it has in all, and how many after the point, as DECIMAL(12,3); here is ")"`,
		"DECIMAL(12,x)":                   `type "DECIMAL(12,x)", character 12: a number of digits is wanted, as in DECIMAL(12,3), but here is "x"`,
		"DECIMAL(-1,3)":                   `type "DECIMAL(-1,3)", character 9: a number of digits is wanted, as in DECIMAL(12,3), but here is "-"`,
		"DECIMAL(99999999999,3)":          `type "DECIMAL(99999999999,3)", character 9: a number of digits is wanted, as in DECIMAL(12,3), but here is "99999999999"`,
		"DECIMAL(12,3":                    `type "DECIMAL(12,3", character 13: DECIMAL ends with ); here is the end`,
		"DECIMAL(39,3)":                   `type "DECIMAL(39,3)", character 1: DECIMAL(39,3) has 1 to 38 digits in all, and 0 to all of them after the point`,
		"LIST<DECIMAL(3,4)>":              `type "LIST<DECIMAL(3,4)>", character 6: DECIMAL(3,4) has 1 to 38 digits in all, and 0 to all of them after the point`,
		"LIST":                            `type "LIST", character 5: LIST says what its elements are, as LIST<STRING>; here is the end`,
		"LIST<STRING":                     `type "LIST<STRING", character 12: LIST ends with > after its element's type; here is the end`,
		"LIST<LIST<STRING>>":              `type "LIST<LIST<STRING>>", character 6: a LIST can hold no LIST: leave the column out, and its values stand in _champs_inconnus`,
		"STRUCT<a STRING>":                `type "STRUCT<a STRING>", character 1: a STRUCT stands only inside a LIST: declare the object's fields as columns of their own, as chemin: a.b`,
		"LIST<STRUCT>":                    `type "LIST<STRUCT>", character 12: STRUCT says what its fields are, as STRUCT<code STRING, n INT64>; here is ">"`,
		"LIST<STRUCT<>>":                  `type "LIST<STRUCT<>>", character 13: a field's name is wanted, made of A to Z, a to z, 0 to 9 and _, the first no digit, but here is ">"`,
		"LIST<STRUCT<1a DATE>>":           `type "LIST<STRUCT<1a DATE>>", character 13: a field's name is wanted, made of A to Z, a to z, 0 to 9 and _, the first no digit, but here is "1a"`,
		"LIST<STRUCT<é DATE>>":            `type "LIST<STRUCT<é DATE>>", character 13: a field's name is wanted, made of A to Z, a to z, 0 to 9 and _, the first no digit, but here is "é"`,
		"LIST<STRUCT<a DATE,>>":           `type "LIST<STRUCT<a DATE,>>", character 20: a field's name is wanted, made of A to Z, a to z, 0 to 9 and _, the first no digit, but here is ">"`,
		"LIST<STRUCT<a DATE b>>":          `type "LIST<STRUCT<a DATE b>>", character 20: STRUCT has a comma between its fields, and ends with >; here is "b"`,
		"LIST<STRUCT<a DATE":              `type "LIST<STRUCT<a DATE", character 19: STRUCT has a comma between its fields, and ends with >; here is the end`,
		"LIST<STRUCT<a>>":                 `type "LIST<STRUCT<a>>", character 14: a type is wanted, but here is ">"` + list,
		"LIST<STRUCT<a DATE, A DATE>>":    `type "LIST<STRUCT<a DATE, A DATE>>", character 21: a second field is named "A" (upper and lower case are one here): leave one out`,
		"LIST<STRUCT<" + long + " DATE>>": `type "LIST<STRUCT<` + long[:48] + `…", character 13: the field's name has more than 300 characters: leave it out`,
		deepType(16):                      `type "` + deepType(16)[:60] + `…", character 216: more than 15 STRUCTs inside one another: leave the inner ones out`,
	} {
		if typ, err := ParseType(text); err == nil {
			t.Errorf("%q is read as %s", text, typ)
		} else if err.Error() != message {
			t.Errorf("%q\n got %s\nwant %s", text, err, message)
		}
	}
}

func TestFieldsOfSTRUCTsOfOneListMayHaveTheNamesOfAnothers(t *testing.T) {
	typ := parsed(t, "LIST<STRUCT<a STRUCT<a STRING>, b LIST<STRUCT<a DATE>>>>")
	if typ.Leaves() != 2 {
		t.Errorf("%s has %d leaves", typ, typ.Leaves())
	}
}
