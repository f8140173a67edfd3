package flatten

import (
	"slices"
	"strings"
	"time"

	"omega-export/schemas"
)

// Learner looks at answers of one type to find the columns that its table lacks. It is for one goroutine.
type Learner struct {
	table    *Table
	seen     observed
	room     int      // how many more places may be told apart
	document Document // of Observe
	policy   Policy   // nil keeps all
}

// maxPlaces bounds a learner's memory, whatever keys come. A table has 1,000 columns at most.
const maxPlaces = 50_000

// Learned is a new column, and what it was learned from.
type Learned struct {
	Column
	// Count is how many values were seen at the column's place, objects not counted.
	Count int64
	// Example is the numero_demande of the first that was seen, First when that answer came.
	Example string
	First   time.Time
	// Sample is that first value as it came, cut to 60 bytes; "" where the column's name or mark says that it is personal
	// data. It may be all the same.
	Sample string
	// Hint names a better type, if there is one that only a person can decide on: "DECIMAL(9,2) les contient toutes".
	Hint string
}

// NewLearnerUnder is NewLearner for values that are treated by the policy: where codes will stand for a new column's
// values it is made for texts.
func NewLearnerUnder(table *Table, policy Policy) *Learner {
	l := NewLearner(table)
	l.policy = policy
	return l
}

// NewLearner begins with a table as it stands.
func NewLearner(table *Table) *Learner {
	l := &Learner{table: table, room: maxPlaces}
	for _, column := range table.Columns {
		l.settle(column.Path)
	}
	l.settle([]string{ColumnNumero})
	return l
}

// settle notes that the path needs no look.
func (l *Learner) settle(path []string) {
	place := &l.seen
	for _, key := range path {
		child := place.children.byKey[key]
		if child == nil {
			child = place.children.add(key)
			place.order = append(place.order, child)
		}
		place = &child.is
	}
	place.settled = true
}

// Observe is Document.Parse and ObserveDocument in one. An unreadable body is an error (ErrUnreadable).
func (l *Learner) Observe(numero string, at time.Time, body []byte) error {
	if err := l.document.Parse(body); err != nil {
		return err
	}
	l.ObserveDocument(numero, at, &l.document)
	return nil
}

// ObserveDocument looks at the document of that number, which came at that time. It keeps nothing of the body.
func (l *Learner) ObserveDocument(numero string, at time.Time, d *Document) {
	if !d.tape.isObject() {
		return
	}
	observation := observation{tape: &d.tape, numero: numero, at: at, room: &l.room}
	observation.object(&l.seen, 0, 1)
}

// Evolve is the table with the new columns at its end, and those columns. What the table has already never
// changes. New columns of the blocks come in the guide's order of blocks, then in the order in which they were seen.
func (l *Learner) Evolve() (*Table, []Learned) {
	g := newGrowth(l.table)
	g.policy, g.marks = l.policy, l.table.set.Marks(l.table.Type)
	for _, child := range l.blocksInOrder() {
		g.grow(child, nil)
	}
	next := &Table{Type: l.table.Type, set: l.table.set, Columns: slices.Clone(l.table.Columns)}
	for i := range g.added {
		learned := &g.added[i]
		learned.Personal = personalOf(g.marks, l.policy, &learned.Column)
		if len(learned.Personal) > 0 {
			learned.Sample = ""
		}
		next.Columns = append(next.Columns, learned.Column)
	}
	return next, g.added
}

// blocksInOrder is what was seen at the root: what stands outside the blocks first, then the blocks.
func (l *Learner) blocksInOrder() []*sibling[observed] {
	ordered := slices.Clone(l.seen.order)
	slices.SortStableFunc(ordered, func(a, b *sibling[observed]) int {
		return slices.Index(l.table.set.Blocks(), a.key) - slices.Index(l.table.set.Blocks(), b.key)
	})
	return ordered
}

// growth gathers new columns of a table.
type growth struct {
	names map[string]bool // taken, in lower case: BigQuery does not tell upper from lower
	room  int
	added []Learned
	// Of a Learner.
	policy Policy
	marks  *schemas.Marks
}

func newGrowth(t *Table) *growth {
	g := &growth{names: map[string]bool{partitionColumn: true, ColumnNumero: true}, room: MaxColumns - ownColumns}
	for _, column := range t.Columns {
		g.take(column.Name, column.Type)
	}
	return g
}

// grow adds the columns wanted at the place seen.
func (g *growth) grow(seen *sibling[observed], above []string) {
	path := append(slices.Clone(above), seen.key)
	if typ, ok := seen.is.leaf(); ok && g.takes(path, typ) {
		if g.policy != nil {
			typ = learnedUnder(g.policy, g.marks, path, typ)
		}
		column := Column{Name: strings.Join(path, "__"), Path: path, Type: typ}
		g.take(column.Name, typ)
		first := seen.is.first
		g.added = append(g.added, Learned{
			Column: column, Count: seen.is.count(), Example: first.numero, First: first.at, Sample: first.sample, Hint: seen.is.hint(typ),
		})
	}
	for _, child := range seen.is.order {
		g.grow(child, path)
	}
}

// takes says whether a table may get a column of that path and type.
func (g *growth) takes(path []string, typ schemas.ColumnType) bool {
	name := strings.Join(path, "__")
	return typ.Leaves() <= g.room && !g.names[strings.ToLower(name)] && len(name) <= maxNameLength && name[0] != '_' && len(path) <= maxLevels
}

func (g *growth) take(name string, typ schemas.ColumnType) {
	g.names[strings.ToLower(name)] = true
	g.room -= typ.Leaves()
}
