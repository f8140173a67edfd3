package flatten

import (
	"strings"

	"omega-export/schemas"
)

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

// Keys that begin with _ are no fields, as they are no columns: BigQuery reserves some of them.
func (o *observed) structure() (schemas.ColumnType, bool) {
	typ := schemas.ColumnType{Kind: schemas.Struct}
	names := map[string]bool{}
	for _, child := range o.order {
		if folded := strings.ToLower(child.key); !names[folded] && child.key[0] != '_' {
			if fieldType, ok := child.is.field(); ok {
				names[folded] = true
				typ.Fields = append(typ.Fields, schemas.Field{Name: child.key, Type: fieldType})
			}
		}
	}
	return typ, len(typ.Fields) > 0
}

// count is how many values were seen, objects not counted.
func (o *observed) count() int64 {
	return o.texts + o.dates + o.stamps + o.bools + o.ints + o.doubles + o.lists
}

// hint names the DECIMAL that holds all numbers seen, where a DOUBLE was chosen for want of knowing better.
func (o *observed) hint(typ schemas.ColumnType) string {
	precision := o.digits.whole + o.digits.decimals
	if typ.Kind != schemas.Double || o.digits.none || precision > schemas.MaxPrecision {
		return ""
	}
	decimal := schemas.ColumnType{Kind: schemas.Decimal, Precision: max(int(precision), 1), Scale: int(o.digits.decimals)}
	return decimal.String() + " les contient toutes"
}
