package flatten

import (
	"slices"
	"strings"
	"testing"
	"time"

	"omega-export/schemas"
)

func TestANewColumnTellsWhatItWasLearnedFrom(t *testing.T) {
	learner := NewLearner(newTable(t, "T"))
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	for i, more := range []string{
		`,"prix":1234.5,"o":{"t":null}`, `,"prix":0.25,"o":{"t":"` + strings.Repeat("é", 40) + `"}`, `,"prix":-7,"o":{"t":"b"},"z":[-0.0,1.5],"moins":-0.0`, `,"moins":1.5,"grand":1e300,"n":1`,
	} {
		if err := learner.Observe("D"+string(rune('1'+i)), day(i+1), document(more)); err != nil {
			t.Fatal(err)
		}
	}
	table, learned := learner.Evolve()
	if got := table.Columns[len(table.Columns)-len(learned):]; len(learned) != len(got) || got[0].Name != learned[0].Name {
		t.Fatalf("the table's new columns are %+v, those learned %+v", got, learned)
	}
	want := []Learned{
		{Column{"prix", []string{"prix"}, of(schemas.Double), "", nil}, 3, "D1", day(1), "1234.5", "DECIMAL(6,2) les contient toutes"},
		{Column{"o__t", []string{"o", "t"}, of(schemas.Text), "", nil}, 2, "D2", day(2), `"` + strings.Repeat("é", 29), ""},
		{Column{"z", []string{"z"}, listOf(of(schemas.Double)), "", nil}, 1, "D3", day(3), "[-0.0,1.5]", ""},
		{Column{"moins", []string{"moins"}, of(schemas.Double), "", nil}, 2, "D3", day(3), "-0.0", ""},
		{Column{"grand", []string{"grand"}, of(schemas.Double), "", nil}, 1, "D4", day(4), "1e300", ""},
		{Column{"n", []string{"n"}, of(schemas.Int), "", nil}, 1, "D4", day(4), "1", ""},
	}
	if len(learned) != len(want) {
		t.Fatalf("learned %+v", learned)
	}
	for i := range want {
		got := learned[i]
		same := got.Name == want[i].Name && slices.Equal(got.Path, want[i].Path) && got.Type.Equal(want[i].Type) && got.Count == want[i].Count &&
			got.Example == want[i].Example && got.First.Equal(want[i].First) && got.Sample == want[i].Sample && got.Hint == want[i].Hint
		if !same {
			t.Errorf("got  %+v\nwant %+v", got, want[i])
		}
	}
}

func TestALearnersMemoryIsBounded(t *testing.T) {
	learner := NewLearner(newTable(t, "T"))
	for round := range 3 {
		var more strings.Builder
		for i := range 30_000 {
			more.WriteString(`,"k` + strings.Repeat("x", round) + time.Duration(i).String() + `":1`)
		}
		if err := learner.Observe("N1", time.Unix(1, 0), []byte(strings.ReplaceAll(string(document(more.String())), ".", "_"))); err != nil {
			t.Fatal(err)
		}
	}
	if places := len(learner.seen.order); places > maxPlaces+100 {
		t.Errorf("%d places are told apart", places)
	}
	if table, _ := learner.Evolve(); table.ArrowSchema().NumFields() != MaxColumns {
		t.Errorf("the table has %d columns", table.ArrowSchema().NumFields())
	}
}

func TestDeclaredColumnsComeAtTheEndAndChangeNoPublishedOne(t *testing.T) {
	full := newTable(t, "T")
	root := full.Columns
	published := &Table{Type: "T", set: full.set}
	published.Columns = append(published.Columns, root[2], root[0])
	published.Columns[0].Description = "old"
	published.Columns[1].Type = of(schemas.Bool)
	published.Columns = append(published.Columns, Column{Name: root[4].Name, Path: []string{"another", "path"}, Type: of(schemas.Int)})

	declared, conflicts := published.Declared()
	if !declared.Extends(published) || len(declared.Columns) != len(root) {
		t.Fatalf("%d columns are declared, %d published, and %d are the sum", len(root), len(published.Columns), len(declared.Columns))
	}
	if declared.Columns[0].Description != root[2].Description || published.Columns[0].Description != "old" {
		t.Error("the description is not the set's, or the published table was altered")
	}
	want := []Conflict{
		{Column: root[0].Name, Published: of(schemas.Bool), Declared: root[0].Type},
		{Column: root[4].Name, Declared: root[4].Type},
	}
	for i, conflict := range conflicts {
		if i >= len(want) || conflict.Column != want[i].Column || conflict.Published.Kind != want[i].Published.Kind || !conflict.Declared.Equal(want[i].Declared) {
			t.Errorf("conflict %+v", conflict)
		}
	}
	if len(conflicts) != len(want) {
		t.Errorf("%d conflicts", len(conflicts))
	}

	redeclared := published.Redeclared()
	if column := redeclared.Columns[1]; column.Name != root[0].Name || !column.Type.Equal(root[0].Type) {
		t.Errorf("the column that is declared otherwise is %+v", column)
	}
	if len(redeclared.Columns) != len(declared.Columns) || published.Columns[1].Type.Kind != schemas.Bool {
		t.Error("columns are missing, or the published table was altered")
	}
	if again, conflicts := full.Declared(); len(conflicts) != 0 || !again.Extends(full) || !full.Extends(again) {
		t.Error("a new table is not as it is declared")
	}
}
