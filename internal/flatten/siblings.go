package flatten

// siblings are the keys that an object may have, each with what is known of it. Answers of one type have their keys in
// one order, so each key remembers which came after it last time: as a rule that one comes again, and one comparison
// finds it.
type siblings[T any] struct {
	byKey map[string]*sibling[T]
	first *sibling[T] // the key that came first
}

type sibling[T any] struct {
	key   string
	after *sibling[T] // the key that came after this one
	is    T
}

// lookAhead is how many keys may be left out before the expected order is given up.
const lookAhead = 4

// find is the key's sibling, or nil. before is the last one that was found in this object, nil at its beginning.
func (s *siblings[T]) find(key []byte, before *sibling[T]) *sibling[T] {
	expected := s.first
	if before != nil {
		expected = before.after
	}
	for i := 0; expected != nil && i < lookAhead; i++ {
		if string(key) == expected.key {
			return expected
		}
		expected = expected.after
	}
	found := s.byKey[string(key)]
	if found != nil {
		s.expect(found, before)
	}
	return found
}

func (s *siblings[T]) expect(next, before *sibling[T]) {
	if before == nil {
		s.first = next
	} else {
		before.after = next
	}
}

// add makes a sibling for a key that has none.
func (s *siblings[T]) add(key string) *sibling[T] {
	if s.byKey == nil {
		s.byKey = map[string]*sibling[T]{}
	}
	added := &sibling[T]{key: key}
	s.byKey[key] = added
	return added
}
