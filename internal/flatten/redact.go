package flatten

import "omega-export/schemas"

// reset begins a document.
func (g *guard) reset() {
	g.walk.Leave(0)
	g.at, g.moves = g.at[:0], -1
}

// unknown is what Builder.value does with a value that found no column: what of it tells of a person is dropped or
// replaced before the rest stands in _champs_inconnus.
func (g *guard) unknown(b *Builder, key int32, reason DriftReason) {
	t, u := b.tape, &b.unknowns
	g.follow(t, u)
	g.walk.Enter(g.key(t, key))
	g.touched = false
	content, left := g.value(t, key+1, g.copy[:0])
	g.copy = content
	g.walk.Leave(len(u.path))
	if !g.touched {
		content = t.raw(t.tokens[key+1])
	}
	if left {
		u.put(t, key, content, g)
	}
	b.drifts.at(g.driftPath(t, u, key), reason, b.numero)
}

// follow brings the walk to where the unknowns are.
func (g *guard) follow(t *tape, u *unknowns) {
	if g.moves == u.moves {
		return
	}
	same := 0
	for same < len(g.at) && same < len(u.path) && g.at[same] == u.path[same] {
		same++
	}
	g.walk.Leave(same)
	g.at = append(g.at[:same], u.path[same:]...)
	for _, key := range u.path[same:] {
		g.walk.Enter(g.key(t, key))
	}
	g.moves = u.moves
}

// key is a key's text, its escapes read: a name that is written with them is no other name.
func (g *guard) key(t *tape, key int32) string {
	g.text = t.appendText(g.text[:0], t.tokens[key])
	return string(g.text)
}

// stays says whether values of a mark do.
func (g *guard) stays(mark schemas.Mark) bool { return mark == "" || g.policy.Keeps(string(mark)) }

// value appends what may stand of the value at index i of the tape, where the walk is; false if nothing may.
func (g *guard) value(t *tape, i int32, dst []byte) ([]byte, bool) {
	tok := t.tokens[i]
	mark := g.walk.Mark()
	switch {
	case tok.kind == tokenList:
		return g.list(t, i, dst)
	case tok.kind == tokenObject:
		return g.object(t, i, dst)
	case g.stays(mark):
		return append(dst, t.raw(tok)...), true
	}
	g.touched = true
	// A boolean's code would be as good as the boolean.
	if !g.policy.Codes(string(mark)) || tok.kind != tokenText && tok.kind != tokenNumber {
		return dst, false
	}
	value := t.raw(tok)
	if tok.kind == tokenText {
		g.text = t.appendText(g.text[:0], tok)
		value = g.text
	}
	return g.quoted(dst, mark, value), true
}

func (g *guard) quoted(dst []byte, mark schemas.Mark, value []byte) []byte {
	return append(g.policy.AppendCode(append(dst, '"'), string(mark), value), '"')
}

// list leaves out the elements of which nothing may stand, and the list if nothing is left of it.
func (g *guard) list(t *tape, i int32, dst []byte) ([]byte, bool) {
	end := t.tokens[i].next
	if end == i+1 {
		return append(dst, "[]"...), true
	}
	begins := len(dst)
	some := false
	for at := i + 1; at < end; at = t.tokens[at].next {
		before := len(dst)
		dst = append(dst, separator('[', some))
		var left bool
		if dst, left = g.value(t, at, dst); !left {
			dst = dst[:before]
		}
		some = some || left
	}
	if !some {
		return dst[:begins], false
	}
	return append(dst, ']'), true
}

// object is list, of an object in a list.
func (g *guard) object(t *tape, i int32, dst []byte) ([]byte, bool) {
	end := t.tokens[i].next
	if end == i+1 {
		return append(dst, "{}"...), true
	}
	begins, depth := len(dst), g.walk.Depth()
	some := false
	for key := i + 1; key < end; key = t.tokens[key+1].next {
		before := len(dst)
		dst = append(dst, separator('{', some))
		dst = append(g.appendKey(dst, t, key, depth), ':')
		g.walk.Enter(g.key(t, key))
		var left bool
		if dst, left = g.value(t, key+1, dst); !left {
			dst = dst[:before]
		}
		g.walk.Leave(depth)
		some = some || left
	}
	if !some {
		return dst[:begins], false
	}
	return append(dst, '}'), true
}

// separator is what stands before an element.
func separator(opening byte, isNext bool) byte {
	if isNext {
		return ','
	}
	return opening
}

// isData says whether a key may be a value itself, as in {"06 12 34 56 78": true} below telephones: it stands below what
// is personal and can name no column. Those that can are taken for names, since columns are made of them.
func (g *guard) isData(t *tape, key int32, depth int) bool {
	return !g.stays(g.walk.MarkAt(depth)) && (t.tokens[key].flags != 0 || !isIdentifier(t.key(key)))
}

// appendKey appends a key of the object that stands so deep, or its code.
func (g *guard) appendKey(dst []byte, t *tape, key int32, depth int) []byte {
	if !g.isData(t, key, depth) {
		return append(dst, t.raw(t.tokens[key])...)
	}
	g.touched = true
	mark := g.walk.MarkAt(depth)
	if !g.policy.Codes(string(mark)) {
		return append(dst, `"*"`...)
	}
	return g.quoted(dst, mark, []byte(g.key(t, key)))
}

// driftPath is the value's path as a drift tells it, with * for the keys that may be values.
func (g *guard) driftPath(t *tape, u *unknowns, key int32) []byte {
	g.path = g.path[:0]
	add := func(key int32, depth int) {
		if g.isData(t, key, depth) {
			g.path = append(g.path, '*')
		} else {
			g.path = append(g.path, t.key(key)...)
		}
	}
	for depth, above := range u.path {
		if add(above, depth); len(g.path) > maxDriftPath {
			break
		}
		g.path = append(g.path, '.')
	}
	if len(g.path) <= maxDriftPath {
		add(key, len(u.path))
	}
	return cutText(g.path, maxDriftPath)
}
