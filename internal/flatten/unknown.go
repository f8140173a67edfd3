package flatten

// unknowns writes the JSON of _champs_inconnus while a document is walked: each value that found no column,
// as it came, under the keys that lead to it.
type unknowns struct {
	buf   []byte
	path  [][]byte // the keys walked into, with their quotes
	open  int      // how many of path stand open in buf
	comma bool     // whether the next key wants a comma before it
}

func (u *unknowns) reset() {
	u.buf, u.path, u.open, u.comma = u.buf[:0], u.path[:0], 0, false
}

func (u *unknowns) enter(key []byte) { u.path = append(u.path, key) }

func (u *unknowns) leave() {
	u.path = u.path[:len(u.path)-1]
	if u.open > len(u.path) {
		u.buf = append(u.buf, '}')
		u.open = len(u.path)
		u.comma = true
	}
}

func (u *unknowns) value(key, raw []byte) {
	for ; u.open < len(u.path); u.open++ {
		u.key(u.path[u.open])
		u.buf = append(u.buf, '{')
		u.comma = false
	}
	u.key(key)
	u.buf = append(u.buf, raw...)
	u.comma = true
}

func (u *unknowns) key(key []byte) {
	switch {
	case len(u.buf) == 0:
		u.buf = append(u.buf, '{')
	case u.comma:
		u.buf = append(u.buf, ',')
	}
	u.buf = append(u.buf, key...)
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
