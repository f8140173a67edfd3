package flatten

// add adds the value at index i of the tape to the vector, or says false if the vector's type cannot hold it exactly.
// A scalar that is refused leaves the vector as it was; of a list or struct parts may stand, which the caller cuts off.
func (b *Builder) add(v *vector, i int32) bool {
	if v.secret != nil {
		return b.addSecret(v, i)
	}
	t := b.tape
	tok := t.tokens[i]
	switch v.code {
	case vectorText:
		if !tok.isText() {
			return false
		}
		v.offsets = append(v.offsets, int32(len(v.data)))
		v.data = t.appendText(v.data, tok)
		v.present()
		return true
	case vectorBool:
		if tok.kind != tokenTrue && tok.kind != tokenFalse {
			return false
		}
		v.putBool(tok.kind == tokenTrue)
		return true
	case vectorInt:
		value, ok := t.integer(tok)
		if ok {
			v.putInt(value)
		}
		return ok
	case vectorDouble:
		value, ok := t.double(tok)
		if ok {
			v.putDouble(value)
		}
		return ok
	case vectorStamp:
		micros, ok := t.stamp(tok)
		if ok {
			v.putInt(micros)
		}
		return ok
	case vectorDate:
		days, ok := t.date(tok)
		if ok {
			v.putDate(days)
		}
		return ok
	case vectorDecimal:
		return b.addDecimal(v, tok)
	case vectorList:
		return b.addList(v, i)
	}
	return b.addStruct(v, i)
}

func (b *Builder) addDecimal(v *vector, tok token) bool {
	units, ok := b.tape.decimal(tok, v.typ.Precision, v.typ.Scale)
	if ok {
		v.putDecimal(units)
	}
	return ok
}

// addList adds a list if each element fits. A null does not: a BigQuery array holds none. A list goes in whole or not
// at all, so what went in before the element that does not fit is taken back.
func (b *Builder) addList(v *vector, i int32) bool {
	tok := b.tape.tokens[i]
	if tok.kind != tokenList {
		return false
	}
	first := v.elem.length
	for at := i + 1; at < tok.next; at = b.tape.tokens[at].next {
		if !b.add(v.elem, at) {
			v.elem.cut(first)
			return false
		}
	}
	v.offsets = append(v.offsets, int32(first))
	v.present()
	return true
}

// addStruct adds an object if each key has a field that holds its value. A null or {} needs none; a key that comes
// again has none.
func (b *Builder) addStruct(v *vector, i int32) bool {
	t := b.tape
	tok := t.tokens[i]
	if tok.kind != tokenObject {
		return false
	}
	row := v.length
	v.present()
	var before *sibling[*vector]
	for key := i + 1; key < tok.next; key = t.tokens[key+1].next {
		if t.isNull(key + 1) {
			continue
		}
		if t.tokens[key].flags != 0 {
			return false
		}
		member := v.members.find(t.key(key), before)
		if member == nil || member.is.length > row {
			return false
		}
		before = member
		if member.is.isDropped() {
			continue
		}
		member.is.fill(row)
		if !b.add(member.is, key+1) {
			return false
		}
	}
	return true
}
