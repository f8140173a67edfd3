package flatten

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Drift is what did not find its column since the builder was made.
type Drift struct {
	Rows    int64        // rows with something in _champs_inconnus
	Example string       // the first such row's numero_demande
	Fields  []DriftField // by path, then by reason
}

// DriftReason is why a value stands in _champs_inconnus.
type DriftReason string

// The reasons.
const (
	NoColumn    DriftReason = "sans_colonne" // no column has that path
	DoesNotFit  DriftReason = "ne_tient_pas" // its column cannot hold it exactly
	RepeatedKey DriftReason = "cle_repetee"  // its column has the value that the same key had before
)

// DriftField is one place whose values did not find their column, for one reason.
type DriftField struct {
	Path    string // the keys as they came, joined by dots, cut to 300 bytes; OtherPaths for those beyond the 500th
	Reason  DriftReason
	Count   int64
	Example string // the first such row's numero_demande
}

// OtherPaths stands for all paths that a Drift has no room to tell apart.
const OtherPaths = "…"

const (
	maxDriftFields = 500
	maxDriftPath   = 300
)

// drifts counts, for the builder. Only a place seen for the first time allocates.
type drifts struct {
	rows    int64
	example string
	fields  map[driftKey]*DriftField
	path    []byte // of the last value
	above   int    // how much of it are the keys above
	moves   int    // unknowns.moves, when above was right
}

type driftKey struct {
	path   string
	reason DriftReason
}

func (d *drifts) row(numero string) {
	if d.rows == 0 {
		d.example = strings.Clone(numero)
	}
	d.rows++
}

// field counts the value of the key at that index of the tape, below the keys walked into.
func (d *drifts) field(t *tape, u *unknowns, key int32, reason DriftReason, numero string) {
	if d.moves != u.moves {
		d.moves, d.path = u.moves, d.path[:0]
		for _, above := range u.path {
			if d.path = append(append(d.path, t.key(above)...), '.'); len(d.path) > maxDriftPath {
				break
			}
		}
		d.above = len(d.path)
	}
	d.path = append(d.path[:d.above], cutText(t.key(key), maxDriftPath)...)
	d.at(cutText(d.path, maxDriftPath), reason, numero)
}

// at counts a value at that path.
func (d *drifts) at(path []byte, reason DriftReason, numero string) {
	field := d.fields[driftKey{string(path), reason}]
	if field == nil {
		field = d.newField(string(path), reason, numero)
	}
	field.Count++
}

func (d *drifts) newField(path string, reason DriftReason, numero string) *DriftField {
	if len(d.fields) >= maxDriftFields {
		path = OtherPaths
		if others := d.fields[driftKey{path, reason}]; others != nil {
			return others
		}
	}
	if d.fields == nil {
		d.fields = map[driftKey]*DriftField{}
	}
	field := &DriftField{Path: path, Reason: reason, Example: strings.Clone(numero)}
	d.fields[driftKey{path, reason}] = field
	return field
}

func (d *drifts) drift() Drift {
	drift := Drift{Rows: d.rows, Example: d.example}
	for _, field := range d.fields {
		drift.Fields = append(drift.Fields, *field)
	}
	slices.SortFunc(drift.Fields, func(a, b DriftField) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(string(a.Reason), string(b.Reason)))
	})
	return drift
}

// cutText is text cut to at most that many bytes, between two characters.
func cutText(text []byte, longest int) []byte {
	if len(text) <= longest {
		return text
	}
	for longest > 0 && !utf8.RuneStart(text[longest]) {
		longest--
	}
	return text[:longest]
}
