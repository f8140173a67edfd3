package flatten

// place is a place in the document: the column that holds its value, if any, and the places below.
type place struct {
	column int     // index in Table.Columns, or noColumn, or numeroColumn
	vector *vector // of the column, in a builder
	below  places
}

const (
	noColumn     = -1
	numeroColumn = -2 // numero_demande, which the program writes itself
)

// places are the keys of an object that lead to columns.
type places struct{ siblings[place] }

// compile is the tree by which a document is walked.
func (t *Table) compile() *places {
	root := &places{}
	for i, column := range t.Columns {
		root.at(column.Path...).column = i
	}
	root.at(ColumnNumero).column = numeroColumn
	return root
}

// at is the place of that path, which is made if need be.
func (p *places) at(path ...string) *place {
	child := p.byKey[path[0]]
	if child == nil {
		child = p.add(path[0])
		child.is.column = noColumn
	}
	if len(path) == 1 {
		return &child.is
	}
	return child.is.below.at(path[1:]...)
}

// attach gives each column's place its vector.
func (p *places) attach(columns []*vector) {
	for _, child := range p.byKey {
		if child.is.column >= 0 {
			child.is.vector = columns[child.is.column]
		}
		child.is.below.attach(columns)
	}
}
