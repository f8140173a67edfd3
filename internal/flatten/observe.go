package flatten

import (
	"bytes"

	"omega-export/schemas"
)

// observed counts what was seen at one place of the documents, so that a column's type can be chosen.
type observed struct {
	name     string
	texts    int64 // texts that are neither dates nor stamps
	dates    int64
	stamps   int64
	bools    int64
	ints     int64
	doubles  int64 // numbers that a DOUBLE holds and an INT64 does not
	lists    int64
	objects  int64
	elem     *observed
	children []*observed
	byKey    map[string]*observed
}

func (o *observed) child(key []byte) *observed {
	if child := o.byKey[string(key)]; child != nil {
		return child
	}
	if o.byKey == nil {
		o.byKey = map[string]*observed{}
	}
	child := &observed{name: string(key)}
	o.byKey[child.name] = child
	o.children = append(o.children, child)
	return child
}

// value counts the value at index i of the tape. Places deeper than any column may be are not looked at.
func (o *observed) value(t *tape, i int32, depth int) {
	tok := t.tokens[i]
	switch tok.kind {
	case tokenTrue, tokenFalse:
		o.bools++
	case tokenText:
		o.text(t, tok)
	case tokenNumber:
		o.number(t, tok)
	case tokenObject:
		if tok.next > i+1 && depth < maxLevels {
			o.objects++
			o.object(t, i, depth+1)
		}
	case tokenList:
		if depth < maxLevels {
			o.lists++
			o.elements(t, i, depth+1)
		}
	}
}

func (o *observed) text(t *tape, tok token) {
	if tok.flags&flagUnpaired != 0 {
		return
	}
	if _, ok := t.date(tok); ok {
		o.dates++
	} else if _, ok := t.stamp(tok); ok {
		o.stamps++
	} else {
		o.texts++
	}
}

func (o *observed) number(t *tape, tok token) {
	if _, ok := t.integer(tok); ok {
		o.ints++
	} else if _, ok := t.double(tok); ok {
		o.doubles++
	}
}

func (o *observed) object(t *tape, i int32, depth int) {
	end := t.tokens[i].next
	for key := i + 1; key < end; key = t.tokens[key+1].next {
		if name := t.key(key); !t.isNull(key+1) && isIdentifier(name) {
			o.child(name).value(t, key+1, depth)
		}
	}
}

func (o *observed) elements(t *tape, i int32, depth int) {
	if o.elem == nil {
		o.elem = &observed{}
	}
	end := t.tokens[i].next
	for at := i + 1; at < end; at = t.tokens[at].next {
		o.elem.value(t, at, depth)
	}
}

// scalar is the type that holds most of the scalars seen, and how many were seen of its kind.
func (o *observed) scalar() (typ schemas.ColumnType, seen int64) {
	texts := o.texts + o.dates + o.stamps
	numbers := o.ints + o.doubles
	switch {
	case texts > 0 && texts >= numbers && texts >= o.bools:
		switch texts {
		case o.dates:
			return schemas.ColumnType{Kind: schemas.Date}, texts
		case o.stamps:
			return schemas.ColumnType{Kind: schemas.Stamp}, texts
		}
		return schemas.ColumnType{Kind: schemas.Text}, texts
	case numbers > 0 && numbers >= o.bools:
		if o.doubles > 0 {
			return schemas.ColumnType{Kind: schemas.Double}, numbers
		}
		return schemas.ColumnType{Kind: schemas.Int}, numbers
	case o.bools > 0:
		return schemas.ColumnType{Kind: schemas.Bool}, o.bools
	}
	return schemas.ColumnType{}, 0
}

// leaf is the type of the column at this place, if any: a scalar or a list. What stands in objects has columns of its own.
func (o *observed) leaf() (schemas.ColumnType, bool) {
	typ, seen := o.scalar()
	if o.lists > seen {
		elem, ok := o.elem.element()
		return schemas.ColumnType{Kind: schemas.List, Elem: &elem}, ok
	}
	return typ, seen > 0
}

// element is the type of a list's elements, or of a struct's field where lists may stand too.
func (o *observed) element() (schemas.ColumnType, bool) {
	typ, seen := o.scalar()
	if o.objects > seen {
		return o.structure()
	}
	return typ, seen > 0
}

func (o *observed) field() (schemas.ColumnType, bool) {
	_, seen := o.scalar()
	if o.lists > seen && o.lists >= o.objects {
		elem, ok := o.elem.element()
		return schemas.ColumnType{Kind: schemas.List, Elem: &elem}, ok
	}
	return o.element()
}

func (o *observed) structure() (schemas.ColumnType, bool) {
	typ := schemas.ColumnType{Kind: schemas.Struct}
	names := map[string]bool{}
	for _, child := range o.children {
		folded := string(bytes.ToLower([]byte(child.name)))
		if names[folded] {
			continue
		}
		if fieldType, ok := child.field(); ok {
			names[folded] = true
			typ.Fields = append(typ.Fields, schemas.Field{Name: child.name, Type: fieldType})
		}
	}
	return typ, len(typ.Fields) > 0
}

// isIdentifier says whether a key can name a column: [A-Za-z_][A-Za-z0-9_]*.
func isIdentifier(key []byte) bool {
	for i, c := range key {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return len(key) > 0
}
