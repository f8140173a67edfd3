// Package schemas holds what is declared of the documents: the fields of the root that every demande has, in the
// guide's order, the names of the five blocks, and for each type its label and the columns that a person has decided
// on, and which of all that tells of a person. The files are embedded; a folder of the user's own may stand over them.
//
// It promises that a file with a mistake is refused with its name, the line and what to do, and that a set, once
// given, holds only columns that a table can have: no name twice, none that the program takes, no more than fit.
//
// It knows nothing of JSON answers, of Arrow or of Parquet. The fields inside the blocks are not public, so the
// embedded files declare none: the flatten room learns them from the answers.
package schemas

import (
	"slices"
	"strings"
)

// Column is one declared column of a table.
type Column struct {
	// Path is the value's place in the document, one key a level.
	Path []string
	Type ColumnType
	// Description is in French, after the guide (§ 2.2.2) where it gives one.
	Description string
	// Since is the version of the API, or the day, from which answers have the field; "" if nobody knows.
	Since string
	// Personal says that the values, and all beneath them, tell of a person; NotPersonal, that they tell of none; "", that
	// their name decides: see Set.Marks.
	Personal Mark
}

// Name is the column's name in the table: its path joined by __.
func (c Column) Name() string { return strings.Join(c.Path, "__") }

// Demande is what is declared of one type of demande (guide, § 1.2).
type Demande struct {
	Code  string
	Label string
	// Columns are those beyond the root's.
	Columns []Column
}

// Set is all that is declared. It is not changed once loaded.
type Set struct {
	root     []Column
	blocks   []string
	types    []Demande // by code
	personal []Pattern
}

// Root is the columns of the root, in the guide's order (§ 2.2.2).
func (s *Set) Root() []Column { return s.root }

// Blocks are the keys of the blocks, in the guide's order.
func (s *Set) Blocks() []string { return s.blocks }

// Types are the declared types, by code.
func (s *Set) Types() []Demande { return s.types }

// Type is a declared type. Codes that differ only by case are one type, since they share a table.
func (s *Set) Type(code string) (Demande, bool) {
	at := slices.IndexFunc(s.types, func(typ Demande) bool { return strings.EqualFold(typ.Code, code) })
	if at < 0 {
		return Demande{}, false
	}
	return s.types[at], true
}

// Columns are the declared columns of a type's table: the root's, then the type's own if it is declared.
func (s *Set) Columns(code string) []Column {
	typ, _ := s.Type(code)
	return append(s.root[:len(s.root):len(s.root)], typ.Columns...)
}
