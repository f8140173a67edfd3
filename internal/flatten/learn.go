package flatten

import (
	"slices"
	"strings"

	"omega-export/schemas"
)

// Learner looks at answers of one type to find the columns that its table lacks. It is for one goroutine.
type Learner struct {
	table *Table
	tape  tape
	seen  observed
}

// NewLearner begins with a table as it stands.
func NewLearner(table *Table) *Learner { return &Learner{table: table} }

// Observe looks at one document. An unreadable one is an error (ErrUnreadable).
func (l *Learner) Observe(body []byte) error {
	if err := l.tape.parse(body); err != nil {
		return err
	}
	if l.tape.tokens[0].kind == tokenObject {
		l.seen.object(&l.tape, 0, 1)
	}
	return nil
}

// Evolve is the table with the new columns at its end, and those columns. What the table has already never
// changes. New columns of the blocks come in the guide's order of blocks, then in the order in which they were seen.
func (l *Learner) Evolve() (*Table, []Column) {
	g := &growth{names: map[string]bool{partitionColumn: true, ColumnNumero: true}, room: MaxColumns - ownColumns}
	for _, column := range l.table.Columns {
		g.room -= column.Type.Leaves()
		g.names[strings.ToLower(column.Name)] = true
	}
	root := l.table.compile()
	for _, child := range l.blocksInOrder() {
		g.grow(root, child, nil)
	}
	next := &Table{Type: l.table.Type, set: l.table.set}
	next.Columns = append(slices.Clone(l.table.Columns), g.added...)
	return next, g.added
}

// blocksInOrder is what was seen at the root: what stands outside the blocks first, then the blocks.
func (l *Learner) blocksInOrder() []*observed {
	ordered := slices.Clone(l.seen.children)
	slices.SortStableFunc(ordered, func(a, b *observed) int {
		return slices.Index(l.table.set.Blocks(), a.name) - slices.Index(l.table.set.Blocks(), b.name)
	})
	return ordered
}

// growth gathers new columns.
type growth struct {
	names map[string]bool // taken, in lower case: BigQuery does not tell upper from lower
	room  int
	added []Column
}

// grow adds the columns wanted at the place seen, whose parent among the table's columns is parent (nil: nothing there).
func (g *growth) grow(parent *node, seen *observed, above []string) {
	var at *node
	if parent != nil {
		at = parent.children[seen.name]
	}
	path := append(slices.Clone(above), seen.name)
	if at == nil || at.column == noColumn {
		if typ, ok := seen.leaf(); ok {
			g.add(path, typ)
		}
	}
	for _, child := range seen.children {
		g.grow(at, child, path)
	}
}

func (g *growth) add(path []string, typ schemas.ColumnType) {
	name := strings.Join(path, "__")
	folded := strings.ToLower(name)
	if g.room < typ.Leaves() || g.names[folded] || len(name) > maxNameLength || strings.HasPrefix(name, "_") || len(path) > maxLevels {
		return
	}
	g.names[folded] = true
	g.room -= typ.Leaves()
	g.added = append(g.added, Column{Name: name, Path: path, Type: typ})
}
