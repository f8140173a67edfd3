package flatten

import (
	"slices"

	"omega-export/schemas"
)

// Conflict is a declared column that the table does not have as it is declared.
type Conflict struct {
	Column string
	// Published is the type that the column keeps. It is zero, with Kind "", where the table has no room for one
	// more column, or has the column's name for another path.
	Published schemas.ColumnType
	Declared  schemas.ColumnType
}

// Declared is the table with what the set declares and the table lacks at its end, and with the set's descriptions.
// The types of what the table has do not change: it is published; where the set declares another, a Conflict says so.
func (t *Table) Declared() (*Table, []Conflict) {
	return t.declare(func(*growth, *Column, schemas.ColumnType) bool { return false })
}

// Redeclared is Declared, but the declared types win, in the published columns' places: for a replay, which writes the
// table anew. A type that takes more columns than there is room for does not.
func (t *Table) Redeclared() *Table {
	redeclared, _ := t.declare(func(g *growth, column *Column, declared schemas.ColumnType) bool {
		room := g.room + column.Type.Leaves() - declared.Leaves()
		if room < 0 {
			return false
		}
		g.room, column.Type = room, declared
		return true
	})
	return redeclared
}

// declare is the table as the set declares it. Where a type differs, retype changes the column's or says that it stays.
func (t *Table) declare(retype func(*growth, *Column, schemas.ColumnType) bool) (*Table, []Conflict) {
	next := &Table{Type: t.Type, set: t.set, Columns: slices.Clone(t.Columns)}
	g := newGrowth(t)
	byPath := map[string]*Column{}
	for i := range next.Columns {
		byPath[pathKey(next.Columns[i].Path)] = &next.Columns[i]
	}
	var added []Column
	var conflicts []Conflict
	for _, declared := range t.set.Columns(t.Type) {
		column := byPath[pathKey(declared.Path)]
		switch {
		case column == nil && g.takes(declared.Path, declared.Type):
			g.take(declared.Name(), declared.Type)
			added = append(added, columnOf(declared))
		case column == nil:
			conflicts = append(conflicts, Conflict{Column: declared.Name(), Declared: declared.Type})
		default:
			column.Description = declared.Description
			if !column.Type.Equal(declared.Type) && !retype(g, column, declared.Type) {
				conflicts = append(conflicts, Conflict{Column: column.Name, Published: column.Type, Declared: declared.Type})
			}
		}
	}
	next.Columns = append(next.Columns, added...)
	return next, conflicts
}

// columnOf is a declared column as a table has it.
func columnOf(declared schemas.Column) Column {
	return Column{Name: declared.Name(), Path: declared.Path, Type: declared.Type, Description: declared.Description}
}

// pathKey is a path as one string, the same for no other path.
func pathKey(path []string) string {
	key := ""
	for _, name := range path {
		key += name + "\x00"
	}
	return key
}
