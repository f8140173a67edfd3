package flatten

import (
	"slices"
	"strings"

	"omega-export/schemas"
)

// secret is what becomes of a vector's values; nil: they stay.
type secret struct {
	mark  string
	codes bool // else the values are dropped
}

// guard keeps personal values out of a builder's rows. A builder that keeps all has none.
type guard struct {
	policy Policy
	walk   *schemas.Walk
	at     []int32 // the keys that the walk has entered, as indices of the tape
	moves  int     // unknowns.moves when at was right

	// Of the value being copied.
	touched bool // something was dropped or replaced
	copy    []byte
	text    []byte
	path    []byte // for the drift
}

// newGuard makes the guard of a table, and gives the vectors their secrets, as the table's columns tell them.
func newGuard(table *Table, vectors []*vector, policy Policy) (*guard, error) {
	guarded := policy != nil && !policy.KeepsAll()
	for i := range table.Columns {
		column := &table.Columns[i]
		if column.isDropped() {
			guarded = true
			vectors[i].secret = &secret{}
			continue
		}
		for _, personal := range column.Personal {
			if personal.Treatment == "" {
				continue
			}
			guarded = true
			id, codes := strings.CutPrefix(personal.Treatment, treatmentCode)
			if codes && (policy == nil || policy.KeyID() != id) {
				return nil, &KeyError{Column: column.Name, KeyID: id}
			}
			v := vectors[i]
			if personal.Field != "" {
				v = v.below(strings.Split(personal.Field, "."))
			}
			if v != nil {
				v.hide(&secret{mark: string(personal.Mark), codes: codes})
			}
		}
	}
	if !guarded {
		return nil, nil
	}
	if policy == nil {
		policy = keepAll{}
	}
	return &guard{policy: policy, walk: table.set.Marks(table.Type).Walk(), moves: -1}, nil
}

// isDropped says whether nothing of the column is left: then not even how many elements a list had is told.
func (c *Column) isDropped() bool {
	whole := len(c.Personal) == 1 && c.Personal[0].Field == ""
	return (whole || len(c.Personal) == c.Type.Leaves()) && !slices.ContainsFunc(c.Personal, func(p Personal) bool { return p.Treatment != treatmentDrop })
}

// keepAll is a Policy for columns whose values were dropped, where the others are kept.
type keepAll struct{}

func (keepAll) KeepsAll() bool                                   { return true }
func (keepAll) Keeps(string) bool                                { return true }
func (keepAll) Codes(string) bool                                { return false }
func (keepAll) KeyID() string                                    { return "" }
func (keepAll) AppendCode(dst []byte, _ string, _ []byte) []byte { return dst }

// below is the vector of a field of the list's structs, or nil.
func (v *vector) below(fields []string) *vector {
	for v.code == vectorList {
		v = v.elem
	}
	if len(fields) == 0 {
		return v
	}
	if field := v.members.byKey[fields[0]]; field != nil {
		return field.is.below(fields[1:])
	}
	return nil
}

// hide gives the secret to the vector, or to those of its elements and fields that can hold a code. Where none can, the
// whole is dropped.
func (v *vector) hide(s *secret) {
	switch {
	case !s.codes || v.code == vectorText:
		v.secret = s
	case v.code == vectorList && v.elem.holdsText():
		v.elem.hide(s)
	case v.code == vectorStruct:
		for _, field := range v.fields {
			field.hide(s)
		}
	default:
		v.secret = &secret{mark: s.mark}
	}
}

func (v *vector) holdsText() bool {
	switch v.code {
	case vectorList:
		return v.elem.holdsText()
	case vectorStruct:
		return slices.ContainsFunc(v.fields, (*vector).holdsText)
	}
	return v.code == vectorText
}

// isDropped says whether the vector's values are.
func (v *vector) isDropped() bool { return v.secret != nil && !v.secret.codes }

// addSecret is add of a value that does not stay. What is dropped leaves the vector as it was, which is NULL in the end.
func (b *Builder) addSecret(v *vector, i int32) bool {
	if !v.secret.codes {
		return true
	}
	t := b.tape
	tok := t.tokens[i]
	var value []byte
	switch {
	case tok.isText():
		b.scratch = t.appendText(b.scratch[:0], tok)
		value = b.scratch
	case tok.kind == tokenNumber:
		value = t.raw(tok)
	default:
		return false
	}
	v.offsets = append(v.offsets, int32(len(v.data)))
	v.data = b.guard.policy.AppendCode(v.data, v.secret.mark, value)
	v.present()
	return true
}
