package flatten

import (
	"fmt"
	"slices"
	"strings"

	"omega-export/schemas"
)

// Policy says what becomes of values that tell of a person, by their mark (schemas.Mark). Its methods may be called from
// several goroutines, and answer the same each time.
type Policy interface {
	// KeepsAll says whether no value of any mark is touched.
	KeepsAll() bool
	// Keeps says whether the values of a mark stay as they are. Else they are dropped, or replaced by codes:
	Keeps(mark string) bool
	// Codes says whether the values of a mark are replaced by codes.
	Codes(mark string) bool
	// KeyID names the key of the codes, "" for none.
	KeyID() string
	// AppendCode appends the code of a value, an ASCII text without quotes or backslashes, to dst. It is only called for
	// marks of which Codes is true, or if KeyID is that of the column's codes.
	AppendCode(dst []byte, mark string, value []byte) []byte
}

// Personal is what of a column tells of a person, and what becomes of it.
type Personal struct {
	// Field is a field of the list's structs, the keys from the column down joined by dots; "" for the column as a whole.
	Field string       `json:"champ,omitempty"`
	Mark  schemas.Mark `json:"marque"`
	// Treatment is "" for values that are kept, "drop", or psn_ and the id of the key of the codes that stand for them.
	Treatment string `json:"traitement,omitempty"`
}

const (
	treatmentDrop = "drop"
	treatmentCode = "psn_"
)

// Under is the table with what its columns tell of persons, after the set, and what becomes of it under the policy; nil
// keeps all.
func (t *Table) Under(policy Policy) *Table {
	next := &Table{Type: t.Type, set: t.set, Columns: slices.Clone(t.Columns)}
	marks := t.set.Marks(t.Type)
	for i := range next.Columns {
		column := &next.Columns[i]
		column.Personal = personalOf(marks, policy, column)
	}
	return next
}

// personalOf is one for the whole column where all of it is alike, and else one a field that is personal.
func personalOf(marks *schemas.Marks, policy Policy, column *Column) []Personal {
	var found []Personal
	leaves := 0
	eachLeaf(column.Type, nil, func(fields []string, typ schemas.ColumnType) {
		leaves++
		mark := marks.Of(append(slices.Clone(column.Path), fields...))
		if mark != "" {
			found = append(found, Personal{Field: strings.Join(fields, "."), Mark: mark, Treatment: treatment(policy, mark, typ)})
		}
	})
	alike := func(p Personal) bool { return p.Mark == found[0].Mark && p.Treatment == found[0].Treatment }
	if len(found) == leaves && !slices.ContainsFunc(found, func(p Personal) bool { return !alike(p) }) {
		found = found[:1]
		found[0].Field = ""
	}
	return found
}

// eachLeaf visits the scalars of a type, each with the fields that lead to it.
func eachLeaf(typ schemas.ColumnType, fields []string, visit func(fields []string, typ schemas.ColumnType)) {
	switch typ.Kind {
	case schemas.List:
		eachLeaf(*typ.Elem, fields, visit)
	case schemas.Struct:
		for _, field := range typ.Fields {
			eachLeaf(field.Type, append(slices.Clone(fields), field.Name), visit)
		}
	default:
		visit(fields, typ)
	}
}

// treatment is what becomes of a mark's values in a column. A code is a text: what can hold none is emptied, since a
// published column never changes its type.
func treatment(policy Policy, mark schemas.Mark, typ schemas.ColumnType) string {
	switch {
	case policy == nil || policy.Keeps(string(mark)):
		return ""
	case policy.Codes(string(mark)) && typ.Kind == schemas.Text:
		return treatmentCode + policy.KeyID()
	}
	return treatmentDrop
}

// learnedUnder is the type that a new column at that path is made with. Where codes stand for values they are texts,
// also those of numbers and dates: as a number, a telephone number would have to be left out.
func learnedUnder(policy Policy, marks *schemas.Marks, path []string, typ schemas.ColumnType) schemas.ColumnType {
	switch typ.Kind {
	case schemas.List:
		elem := learnedUnder(policy, marks, path, *typ.Elem)
		typ.Elem = &elem
	case schemas.Struct:
		typ.Fields = slices.Clone(typ.Fields)
		for i := range typ.Fields {
			field := &typ.Fields[i]
			field.Type = learnedUnder(policy, marks, append(slices.Clone(path), field.Name), field.Type)
		}
	case schemas.Text, schemas.Bool:
	default:
		if mark := marks.Of(path); mark != "" && policy.Codes(string(mark)) {
			return schemas.ColumnType{Kind: schemas.Text}
		}
	}
	return typ
}

// KeyError says that a column's values are codes of a key that the policy has not.
type KeyError struct {
	Column string
	KeyID  string
}

// Error names the column and the key's id, by which its file can be told from others.
func (e *KeyError) Error() string {
	return fmt.Sprintf("column %s has codes of the key %s: that key is needed (--personal-key-file)", e.Column, e.KeyID)
}
