package schemas

import (
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/unicode/norm"
)

// Mark says of what kind a value is that tells of a person; "" for one that tells of none.
type Mark string

// The marks, as the files write them.
const (
	PersonalName       Mark = "nom"
	PersonalFirstName  Mark = "prenom"
	PersonalPhone      Mark = "telephone"
	PersonalAddress    Mark = "adresse"
	PersonalEmail      Mark = "courriel"
	PersonalIdentifier Mark = "identifiant"
	PersonalOther      Mark = "autre"

	// NotPersonal stands only in a file: a column that tells of no person, whatever its name's pattern says.
	NotPersonal Mark = "aucun"
)

// AllMarks are the marks that a value can have, in the order in which the documentation tells them.
func AllMarks() []Mark {
	return []Mark{PersonalName, PersonalFirstName, PersonalPhone, PersonalAddress, PersonalEmail, PersonalIdentifier, PersonalOther}
}

// Pattern gives a mark to what stands at a key, or anywhere below it, wherever the key is in a document.
type Pattern struct {
	// Keys are one key, or several that follow one another downwards, without case, underscores and accents; * stands for
	// any characters, also none.
	Keys []string
	Mark Mark // NotPersonal takes what it matches out of the patterns that follow
}

// Marks tell what of a type's documents is personal. The zero value says that nothing is.
type Marks struct {
	declared []markedPath
	patterns []Pattern
}

// markedPath is a declared column's path, its keys folded, and its mark.
type markedPath struct {
	keys []string
	mark Mark
}

// Marks are those of a type's documents: what its declared columns say, and the patterns for all else.
func (s *Set) Marks(code string) *Marks {
	marks := &Marks{patterns: s.personal}
	for _, column := range s.Columns(code) {
		if column.Personal != "" {
			marks.declared = append(marks.declared, markedPath{folded(column.Path), column.Personal})
		}
	}
	return marks
}

// Of is the mark of the value at that path, one key a level, lists not counted; "" if it tells of no person.
//
// A declared column's mark covers all beneath it; the nearest counts. Where none is declared the patterns say it: the
// deepest key that one matches counts, and of several patterns the first. Upper and lower case, underscores and accents
// make no difference, so that a key which is merely written otherwise is not overlooked.
func (m *Marks) Of(path []string) Mark {
	walk := m.Walk()
	for _, key := range path {
		walk.Enter(key)
	}
	return walk.Mark()
}

// Walk is a way down a document's keys, on which the mark of each place is known. It is for one goroutine.
type Walk struct {
	marks  *Marks
	keys   []string // folded
	levels []level
}

// level is what is known at a place.
type level struct {
	declared Mark // of the nearest declared column at the place or above it
	pattern  Mark // of the deepest key that a pattern matches
}

// Walk begins at the root.
func (m *Marks) Walk() *Walk { return &Walk{marks: m} }

// Depth is how many keys were entered.
func (w *Walk) Depth() int { return len(w.keys) }

// Enter goes to the value of a key.
func (w *Walk) Enter(key string) {
	w.keys = append(w.keys, foldKey(key))
	here := level{}
	if len(w.levels) > 0 {
		here = w.levels[len(w.levels)-1]
	}
	for _, declared := range w.marks.declared {
		if slices.Equal(declared.keys, w.keys) {
			here.declared = declared.mark
		}
	}
	for i := range w.marks.patterns {
		if w.marks.patterns[i].ends(w.keys) {
			here.pattern = w.marks.patterns[i].Mark
			break
		}
	}
	w.levels = append(w.levels, here)
}

// Leave goes back up until so many keys stand entered.
func (w *Walk) Leave(depth int) { w.keys, w.levels = w.keys[:depth], w.levels[:depth] }

// Mark is that of the place.
func (w *Walk) Mark() Mark { return w.MarkAt(len(w.levels)) }

// MarkAt is that of the place where so many of the keys had been entered.
func (w *Walk) MarkAt(depth int) Mark {
	if depth == 0 {
		return ""
	}
	here := w.levels[depth-1]
	if here.declared != "" {
		return personal(here.declared)
	}
	return personal(here.pattern)
}

// ends says whether the last of the folded keys are as the pattern.
func (p *Pattern) ends(keys []string) bool {
	if len(keys) < len(p.Keys) {
		return false
	}
	return slices.EqualFunc(p.Keys, keys[len(keys)-len(p.Keys):], matches)
}

func personal(mark Mark) Mark {
	if mark == NotPersonal {
		return ""
	}
	return mark
}

func folded(path []string) []string {
	keys := make([]string, len(path))
	for i, key := range path {
		keys[i] = foldKey(key)
	}
	return keys
}

// foldKey is a key in lower case, without accents and without anything that only parts its words.
func foldKey(key string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.M, r), r == '_', r == '-', r == '.', unicode.IsSpace(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(key))
}

// matches says whether a folded key is as the pattern, in which * stands for any characters. It takes no longer than
// their lengths multiplied, whatever they hold.
func matches(pattern, key string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == key
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(key) < len(first)+len(last) || !strings.HasPrefix(key, first) || !strings.HasSuffix(key, last) {
		return false
	}
	middle := key[len(first) : len(key)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(middle, part)
		if at < 0 {
			return false
		}
		middle = middle[at+len(part):]
	}
	return true
}

// mark reads a mark; node is nil where the key is missing.
func (r *reader) mark(node *yaml.Node, key string) (Mark, bool) {
	text, ok := r.text(node, key)
	if !ok {
		return "", false
	}
	known := append(AllMarks(), NotPersonal)
	if slices.Contains(known, Mark(text)) {
		return Mark(text), true
	}
	var names []string
	for _, mark := range known {
		names = append(names, string(mark))
	}
	r.fail(node.Line, "%s: %s is no mark%s (the marks: %s)", key, shown(text), suggestion(text, names), strings.Join(names, ", "))
	return "", false
}

// readPersonal reads a personnel.yaml. What is wrong is left out.
func readPersonal(file string, content []byte) ([]Pattern, []*FileError) {
	r := &reader{file: file}
	node, flaw := parse(content)
	if flaw != nil {
		flaw.File = file
		return nil, []*FileError{flaw}
	}
	values := r.mapping(node, "the file of personal keys", []string{"version", "cles"}, nil)
	r.version(values["version"])
	var patterns []Pattern
	for _, item := range r.list(values["cles"], "cles", "keys") {
		if pattern, ok := r.pattern(item); ok {
			patterns = append(patterns, pattern)
		}
	}
	return patterns, r.flaws
}

func (r *reader) pattern(node *yaml.Node) (pattern Pattern, ok bool) {
	values := r.mapping(node, "a personal key", []string{"cle", "personnel"}, []string{"description"})
	r.text(values["description"], "description")
	mark, marked := r.mark(values["personnel"], "personnel")
	key, named := r.text(values["cle"], "cle")
	if !marked || !named {
		return pattern, false
	}
	pattern.Mark = mark
	for _, one := range strings.Split(key, ".") {
		if one = foldKey(one); strings.Trim(one, "*") == "" {
			r.fail(values["cle"].Line, "cle: %s would match every key: write some letters of the keys that are meant, as telephone* or pce.numero", shown(key))
			return pattern, false
		}
		pattern.Keys = append(pattern.Keys, one)
	}
	return pattern, true
}
