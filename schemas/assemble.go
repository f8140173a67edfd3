package schemas

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
)

// assemble makes the set of what the files say, and finds what is wrong only between columns: two of one name, or too many.
func assemble(read *files) (*Set, []*FileError) {
	root := read.root
	if root == nil {
		root = &document{}
	}
	set := &Set{blocks: root.blocks, personal: read.personal}
	inRoot := tally{names: map[string]place{}, leaves: ownColumns}
	flaws := inRoot.addAll(root)
	for _, column := range root.columns {
		set.root = append(set.root, column.Column)
	}
	for _, typ := range read.sorted() {
		table := tally{names: maps.Clone(inRoot.names), leaves: inRoot.leaves, full: inRoot.full}
		flaws = append(flaws, table.addAll(typ)...)
		set.types = append(set.types, typ.demande())
	}
	return set, flaws
}

// tally is the columns of a table so far.
type tally struct {
	names  map[string]place // in lower case: BigQuery does not tell upper from lower
	leaves int              // columns of scalars, the program's own included
	full   bool             // too many are told once
}

// place is where a column is declared.
type place struct {
	file string
	line int
}

func (t *tally) addAll(read *document) []*FileError {
	var flaws []*FileError
	for _, column := range read.columns {
		if reason := t.add(place{read.file, column.line}, column.Column); reason != "" {
			flaws = append(flaws, &FileError{File: read.file, Line: column.line, Reason: reason})
		}
	}
	return flaws
}

// add counts a column, or says why the table cannot have it.
func (t *tally) add(at place, column Column) string {
	name := column.Name()
	folded := strings.ToLower(name)
	if first, ok := t.names[folded]; ok {
		where := fmt.Sprintf("on line %d", first.line)
		if first.file != at.file {
			where = fmt.Sprintf("for all types in %s, line %d", filepath.Base(first.file), first.line)
		}
		return fmt.Sprintf("the column %s is declared %s already (upper and lower case are one here, and so are . and __): leave one out", name, where)
	}
	t.names[folded] = at
	t.leaves += column.Type.Leaves()
	if t.leaves <= maxColumns || t.full {
		return ""
	}
	t.full = true
	return fmt.Sprintf("with the column %s the table has more than %d columns, the root's, %d of the program's own and each field of a STRUCT counted: leave some out, and their values stand in _champs_inconnus", name, maxColumns, ownColumns)
}
