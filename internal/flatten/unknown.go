package flatten

// unknowns writes the JSON of _champs_inconnus while a document is walked: each value that found no column,
// as it came, under the keys that lead to it.
type unknowns struct {
	buf   []byte
	path  []int32 // the keys walked into, as indices of the tape
	open  int     // how many of path stand open in buf
	comma bool    // whether the next key wants a comma before it
	moves int     // how often path has changed, in all documents
}

// keptUnknown is how many bytes may be held on to after a large document, for the small ones that follow.
const keptUnknown = 1 << 20

func (u *unknowns) reset() {
	if cap(u.buf) > keptUnknown {
		u.buf = nil
	}
	u.buf, u.path, u.open, u.comma = u.buf[:0], u.path[:0], 0, false
}

func (u *unknowns) enter(key int32) {
	u.path = append(u.path, key)
	u.moves++
}

func (u *unknowns) leave() {
	u.path = u.path[:len(u.path)-1]
	u.moves++
	if u.open > len(u.path) {
		u.buf = append(u.buf, '}')
		u.open = len(u.path)
		u.comma = true
	}
}

// value writes the key at that index of the tape, and its value.
func (u *unknowns) value(t *tape, key int32) { u.put(t, key, t.raw(t.tokens[key+1]), nil) }

// put writes the key at that index of the tape, and JSON in the place of its value. The guard, if there is one, says how
// keys are written.
func (u *unknowns) put(t *tape, key int32, value []byte, g *guard) {
	for ; u.open < len(u.path); u.open++ {
		u.key(t, u.path[u.open], u.open, g)
		u.buf = append(u.buf, '{')
		u.comma = false
	}
	u.key(t, key, len(u.path), g)
	u.buf = append(u.buf, value...)
	u.comma = true
}

// key writes a key of the object that stands so deep.
func (u *unknowns) key(t *tape, key int32, depth int, g *guard) {
	switch {
	case len(u.buf) == 0:
		u.buf = append(u.buf, '{')
	case u.comma:
		u.buf = append(u.buf, ',')
	}
	if g != nil {
		u.buf = g.appendKey(u.buf, t, key, depth)
	} else {
		u.buf = append(u.buf, t.raw(t.tokens[key])...)
	}
	u.buf = append(u.buf, ':')
}

// document is the whole JSON, or nil if every value found its column.
func (u *unknowns) document() []byte {
	if len(u.buf) == 0 {
		return nil
	}
	u.buf = append(u.buf, '}')
	return u.buf
}
