package flatten

import (
	"strings"
	"time"
)

// observed is what was seen at one place of the documents, so that a column's type can be chosen.
type observed struct {
	settled bool // the table has a column here, so that scalars and lists need no look

	texts   int64 // texts that are neither dates nor stamps
	dates   int64
	stamps  int64
	bools   int64
	ints    int64
	doubles int64 // numbers that a DOUBLE holds and an INT64 does not
	lists   int64
	objects int64
	digits  digits // of the numbers

	first    sighting
	elem     *observed // of the lists
	children siblings[observed]
	order    []*sibling[observed] // the children in the order in which they were seen
}

// sighting is the first value that was seen at a place, objects not counted.
type sighting struct {
	numero string
	sample string
	at     time.Time
}

// observation is one document being looked at.
type observation struct {
	tape   *tape
	numero string
	at     time.Time
	room   *int // how many more places may be told apart
}

// object looks at each key of the object at index i of the tape, seen at that place.
func (s *observation) object(place *observed, i int32, depth int) {
	t := s.tape
	var before *sibling[observed]
	for key, end := i+1, t.tokens[i].next; key < end; key = t.tokens[key+1].next {
		if t.isNull(key + 1) {
			continue
		}
		child := place.children.find(t.key(key), before)
		if child == nil {
			if child = place.child(t.key(key), s.room); child == nil {
				continue
			}
		}
		before = child
		s.value(&child.is, key+1, depth)
	}
}

// child makes a place for a key that can name a column, if there is room.
func (o *observed) child(key []byte, room *int) *sibling[observed] {
	if *room == 0 || !isIdentifier(key) {
		return nil
	}
	*room--
	child := o.children.add(string(key))
	o.order = append(o.order, child)
	return child
}

// value counts the value at index i of the tape. Places deeper than any column may be are not looked at.
func (s *observation) value(place *observed, i int32, depth int) {
	tok := s.tape.tokens[i]
	if tok.kind == tokenObject {
		if tok.next > i+1 && depth < maxLevels {
			place.objects++
			s.object(place, i, depth+1)
		}
		return
	}
	if place.settled {
		return
	}
	if place.first.sample == "" {
		place.first = sighting{numero: strings.Clone(s.numero), sample: string(cutText(s.tape.raw(tok), maxSample)), at: s.at}
	}
	switch tok.kind {
	case tokenTrue, tokenFalse:
		place.bools++
	case tokenText:
		place.text(s.tape, tok)
	case tokenNumber:
		place.number(s.tape, tok)
	case tokenList:
		if depth < maxLevels {
			place.lists++
			s.elements(place, i, depth+1)
		}
	}
}

// maxSample is the length of a sample, in bytes.
const maxSample = 60

func (s *observation) elements(place *observed, i int32, depth int) {
	if place.elem == nil {
		place.elem = &observed{}
	}
	end := s.tape.tokens[i].next
	for at := i + 1; at < end; at = s.tape.tokens[at].next {
		s.value(place.elem, at, depth)
	}
}

func (o *observed) text(t *tape, tok token) {
	if !tok.isText() {
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
	o.digits.widen(t.raw(tok))
	if _, ok := t.integer(tok); ok {
		o.ints++
	} else if _, ok := t.double(tok); ok {
		o.doubles++
	}
}

// digits is how many digits a DECIMAL needs to hold all numbers that were seen.
type digits struct {
	whole, decimals int64
	none            bool // a number came that no DECIMAL holds: -0
}

func (d *digits) widen(number []byte) {
	if plain, ok := plainNumber(number); ok && plain.coefficient != 0 && plain.decimals == 0 {
		d.whole = max(d.whole, int64(plain.digits))
		return
	}
	var buffer [64]byte
	n, ok := normalise(buffer[:0], number)
	if !ok || len(n.digits) == 0 {
		d.none = d.none || !ok || n.negative
		return
	}
	d.whole = max(d.whole, int64(len(n.digits))+n.exponent)
	d.decimals = max(d.decimals, -n.exponent)
}

// isIdentifier says whether a key can name a column, or a struct's field: [A-Za-z_][A-Za-z0-9_]*, of 300 characters at most.
func isIdentifier(key []byte) bool {
	for i, c := range key {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return len(key) > 0 && len(key) <= maxNameLength
}
