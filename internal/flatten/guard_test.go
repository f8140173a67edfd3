package flatten

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"omega-export/internal/privacy"
	"omega-export/schemas"
)

func policyOf(t testing.TB, fallback privacy.Action, byMark ...string) *privacy.Policy {
	t.Helper()
	key, err := privacy.ParseKey([]byte("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"))
	if err != nil {
		t.Fatal(err)
	}
	var marks []string
	for _, mark := range schemas.AllMarks() {
		marks = append(marks, string(mark))
	}
	policy, err := privacy.NewPolicy(privacy.Options{Marks: marks, Default: fallback, ByMark: byMark, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

// guarded is the record of documents, with the columns that they teach a table, under a policy.
func guarded(t testing.TB, table *Table, policy Policy, freeze bool, documents ...[]byte) (*Table, arrow.Record, Drift) {
	t.Helper()
	learner := NewLearnerUnder(table, policy)
	for _, body := range documents {
		if err := learner.Observe("N1", time.Unix(1, 0), body); err != nil {
			t.Fatal(err)
		}
	}
	if !freeze {
		table, _ = learner.Evolve()
	}
	table = table.Under(policy)
	builder, err := NewBuilderUnder(table, policy)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range documents {
		if err := builder.Append(Origin{Numero: "N1", FetchedAt: time.Unix(1, 0)}, body); err != nil {
			t.Fatal(err)
		}
	}
	drift := builder.Drift()
	return table, builder.Record(), drift
}

// cellText is a value as text, "NULL" for none.
func cellText(record arrow.Record, name string, row int) string {
	at := record.Schema().FieldIndices(name)
	if len(at) == 0 {
		return "no column"
	}
	if column := record.Column(at[0]); column.IsValid(row) {
		return column.ValueStr(row)
	}
	return "NULL"
}

const contactsDocument = `,"informations_client":{"nom":"Garc\u00eda","telephone":"06 12 34 56 78","mobile":612345678,"civilite":"M","ville":["LYON",7,null],"est_prioritaire":true,` +
	`"contacts":[{"nom":"A","tel":"06 12 34 56 78","rang":1,"actif":true},{"nom":"B","rang":2}],"commentaires":true,"courriel":{"pro":"A@b.example"},"car":5}`

func TestEachMarkIsTreatedAsThePolicySays(t *testing.T) {
	phone := string(policyOf(t, privacy.Drop).AppendCode(nil, "telephone", []byte("0612345678")))
	name := string(policyOf(t, privacy.Drop).AppendCode(nil, "nom", []byte("GARCIA")))
	for title, one := range map[string]struct {
		policy *privacy.Policy
		want   map[string]string
	}{
		"kept": {nil, map[string]string{"nom": "García", "telephone": "06 12 34 56 78", "mobile": "612345678", "commentaires": "true", "car": "5"}},
		"dropped": {policyOf(t, privacy.Drop), map[string]string{
			"nom": "NULL", "telephone": "NULL", "mobile": "NULL", "ville": "NULL", "contacts": "NULL", "commentaires": "NULL", "courriel__pro": "NULL", "car": "5", "est_prioritaire": "true",
		}},
		"pseudonyms": {policyOf(t, privacy.Pseudonymise), map[string]string{
			"nom": name, "telephone": phone, "mobile": phone, "commentaires": "NULL", "car": "5",
		}},
		"mixed": {policyOf(t, privacy.Keep, "telephone=drop"), map[string]string{"nom": "García", "telephone": "NULL", "mobile": "NULL", "commentaires": "true"}},
	} {
		t.Run(title, func(t *testing.T) {
			_, record, _ := guarded(t, newTable(t, "T"), one.policy, false, document(contactsDocument))
			defer record.Release()
			for column, want := range one.want {
				if got := cellText(record, "informations_client__"+column, 0); got != want {
					t.Errorf("%s is %s, want %s", column, got, want)
				}
			}
			unknown := cellText(record, ColumnUnknown, 0)
			if title == "kept" {
				return
			}
			for _, gone := range []string{"06 12", "LYON"} {
				if strings.Contains(unknown, gone) && title != "mixed" {
					t.Errorf("%q stands in %s", gone, unknown)
				}
			}
		})
	}
}

func TestFieldsOfStructsHaveTheirOwnMarks(t *testing.T) {
	table := declaredTable(t, listOf(structOf(
		schemas.Field{Name: "nom", Type: of(schemas.Text)}, schemas.Field{Name: "telephone", Type: of(schemas.Int)}, schemas.Field{Name: "rang", Type: of(schemas.Int)},
	)))
	column := table.Columns[len(table.Columns)-1]
	policy := policyOf(t, privacy.Pseudonymise)
	body := document(fmt.Sprintf(`,%q:[{"nom":"A","telephone":612345678,"rang":1},{"rang":2}]`, column.Path[0]))
	under, record, _ := guarded(t, table, policy, true, body)
	defer record.Release()
	want := fmt.Sprintf(`[{"nom":"%s","rang":1,"telephone":null},{"nom":null,"rang":2,"telephone":null}]`, policy.AppendCode(nil, "nom", []byte("A")))
	var got, wanted any
	if json.Unmarshal([]byte(cellText(record, column.Name, 0)), &got) != nil || json.Unmarshal([]byte(want), &wanted) != nil || fmt.Sprint(got) != fmt.Sprint(wanted) {
		t.Errorf("got  %s\nwant %s", cellText(record, column.Name, 0), want)
	}
	if got := cellText(record, ColumnUnknown, 0); got != "NULL" {
		t.Errorf("unknown: %s", got)
	}
	described := fmt.Sprint(under.Columns[len(under.Columns)-1].Personal)
	if described != "[{nom nom psn_"+policy.KeyID()+"} {telephone telephone drop}]" {
		t.Errorf("the column is told as %s", described)
	}
}

func TestWhatFindsNoColumnIsTreatedToo(t *testing.T) {
	policy := policyOf(t, privacy.Pseudonymise)
	codeOf := func(mark, value string) string {
		return `"` + string(policy.AppendCode(nil, mark, []byte(value))) + `"`
	}
	for body, want := range map[string]string{
		// A field without a column, one that its column cannot hold, a key that comes twice.
		`"nom":"X","car":5`:                   `{"b":{"nom":` + codeOf("nom", "X") + `,"car":5}}`,
		`"n\u006fm":"X"`:                      `{"b":{"n\u006fm":` + codeOf("nom", "X") + `}}`,
		`"téléphone":"0612345678","o":[1, 2]`: `{"b":{"téléphone":` + codeOf("telephone", "+33 612345678") + `,"o":[1, 2]}}`,
		// Lists are looked into; what is not personal stays as it came.
		`"l":[{"nom":"X","rang": 1},{"nom":true},[["Y"]],null]`: `{"b":{"l":[{"nom":` + codeOf("nom", "X") + `,"rang":1},[["Y"]],null]}}`,
		`"telephones":[[612345678,true,null,"06 12 34 56 78"]]`: `{"b":{"telephones":[[` + codeOf("telephone", "0612345678") + `,` + codeOf("telephone", "0612345678") + `]]}}`,
		// A key may be a value.
		`"telephones":{"06 12 34 56 78":true,"mobile":{"+33612345678":"X"}}`: `{"b":{"telephones":{"mobile":{` + codeOf("telephone", "0612345678") + `:` + codeOf("telephone", "X") + `}}}}`,
		`"nom":true`: "NULL",
	} {
		_, record, drift := guarded(t, newTable(t, "T"), policy, true, document(`,"b":{`+body+`}`))
		if got := cellText(record, ColumnUnknown, 0); got != want {
			t.Errorf("%s\ngives %s\nwant  %s", body, got, want)
		}
		if told := fmt.Sprint(drift.Fields); strings.Contains(told, "06 12") || strings.Contains(told, "+336") {
			t.Errorf("the drift tells %s", told)
		}
		record.Release()
	}
}

func TestDroppedValuesLeaveNothing(t *testing.T) {
	policy := policyOf(t, privacy.Keep, "nom=drop", "autre=drop")
	for body, want := range map[string]string{
		`"nom":"X","car":5`: `{"b":{"car":5}}`, `"nom":{"a":{"b":["X"]}}`: "NULL", `"l":[{"nom":"X"},{"nom":"Y","n":1}]`: `{"b":{"l":[{"n":1}]}}`,
		`"contact":{"x 1":"X","telephone":"0612"}`: `{"b":{"contact":{"telephone":"0612"}}}`,
		`"contact":{"x 1":{"telephone":"0612"}}`:   `{"b":{"contact":{"*":{"telephone":"0612"}}}}`,
	} {
		_, record, _ := guarded(t, newTable(t, "T"), policy, true, document(`,"b":{`+body+`}`))
		if got := cellText(record, ColumnUnknown, 0); got != want {
			t.Errorf("%s\ngives %s\nwant  %s", body, got, want)
		}
		record.Release()
	}
}

func TestCodesOfAnotherKeyAreRefused(t *testing.T) {
	table := newTable(t, "T").Under(policyOf(t, privacy.Pseudonymise))
	if _, err := NewBuilderUnder(table, nil); err == nil || !strings.Contains(err.Error(), "cree_par has codes of the key") {
		t.Errorf("got %v", err)
	}
	described, err := table.Describe()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(described), `"personnel":[{"marque":"identifiant","traitement":"psn_`+policyOf(t, privacy.Keep).KeyID()+`"}]`) {
		t.Errorf("the columns are described as %s", described)
	}
}

func TestALearnedPersonalFieldShowsNoSample(t *testing.T) {
	learner := NewLearner(newTable(t, "T"))
	if err := learner.Observe("N1", time.Unix(1, 0), document(`,"nom":"X","car":5`)); err != nil {
		t.Fatal(err)
	}
	_, learned := learner.Evolve()
	if len(learned) != 2 || learned[0].Sample != "" || learned[1].Sample != "5" {
		t.Errorf("learned %+v", learned)
	}
}

// FuzzNothingPersonalIsLeft: whatever stands at a personal place, and however the columns came to be, nothing of it is in
// a row under a policy that drops or replaces all.
func FuzzNothingPersonalIsLeft(f *testing.F) {
	f.Add(`{"a":["x",{"b":1}]}`, `,"b":{"nom":0}`, uint8(0))
	f.Add(`"x"`, contactsDocument, uint8(1))
	f.Add(`[[{"k k":"x","telephone":[1,{"z":true}]}]]`, `,"informations_client":{"nom":"a","l":[{"nom":1}]}`, uint8(6))
	table, drop, codes := newTable(f, "T"), policyOf(f, privacy.Drop), policyOf(f, privacy.Pseudonymise)
	f.Fuzz(func(t *testing.T, value, more string, mode uint8) {
		const marker = "marqueur 4807"
		var parsed any
		if json.Unmarshal([]byte(value), &parsed) != nil {
			return
		}
		hidden, err := json.Marshal(filled(parsed, marker))
		if err != nil {
			return
		}
		body := document(fmt.Sprintf(`%s,"informations_client":{"nom":%s,"liste":[{"adresse":%s,"n":1}]},"telephone":%s`, more, hidden, hidden, hidden))
		teacher := document(more + `,"telephone":5,"informations_client":{"nom":"n","liste":[{"adresse":"a","n":1}]}`)
		if (&Document{}).Parse(body) != nil || (&Document{}).Parse(teacher) != nil {
			return
		}
		policy := drop
		if mode&1 != 0 {
			policy = codes
		}
		taught := [][]byte{body}
		if mode&2 != 0 {
			taught = [][]byte{teacher, body}
		}
		_, record, drift := guarded(t, table, policy, mode&4 != 0, taught...)
		defer record.Release()
		for i, column := range record.Columns() {
			for row := range int(record.NumRows()) {
				if column.IsValid(row) && strings.Contains(column.ValueStr(row), "4807") {
					t.Errorf("%s has %s", record.ColumnName(i), column.ValueStr(row))
				}
			}
			if text, ok := column.(*array.String); ok && strings.Contains(string(text.ValueBytes()), "4807") {
				t.Errorf("the bytes of %s have the value", record.ColumnName(i))
			}
		}
		if strings.Contains(fmt.Sprint(drift), "4807") {
			t.Errorf("the drift tells %v", drift)
		}
	})
}

// filled is a value with the marker in the place of its texts, its numbers and those keys that can name no column.
func filled(value any, marker string) any {
	switch value := value.(type) {
	case string:
		return marker
	case float64:
		return 4807
	case []any:
		for i := range value {
			value[i] = filled(value[i], marker)
		}
	case map[string]any:
		for key, below := range value {
			delete(value, key)
			if !isIdentifier([]byte(key)) {
				key = marker
			}
			value[key] = filled(below, marker)
		}
	}
	return value
}

func BenchmarkBuildUnderAPolicy(b *testing.B) {
	for name, policy := range map[string]*privacy.Policy{"kept": nil, "drop": policyOf(b, privacy.Drop), "pseudonymise": policyOf(b, privacy.Pseudonymise)} {
		b.Run(name, func(b *testing.B) {
			c := newBenchmarkCorpus(b)
			byCode := map[string]*Builder{}
			for code, documents := range corpus(b) {
				builder, err := NewBuilderUnder(learned(b, newTable(b, code), documents...).Under(policy), policy)
				if err != nil {
					b.Fatal(err)
				}
				byCode[code] = builder
			}
			for i := range c.builders {
				identity, err := c.parsed[i].Identity()
				if err != nil {
					b.Fatal(err)
				}
				c.builders[i] = byCode[identity.Type]
			}
			c.run(b, func(i int) error {
				c.flush(i)
				return c.builders[i].AppendDocument(c.origins[i], c.parsed[i])
			})
		})
	}
}
