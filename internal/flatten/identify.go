package flatten

import (
	"errors"
	"fmt"
	"regexp"
	"time"
)

// ErrType marks a document without a type, or with one that cannot name a table.
var ErrType = errors.New("the document's type cannot name a table")

// ErrNoNumber marks a JSON body that names no demande.
var ErrNoNumber = errors.New("the answer names no demande")

var typeCode = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

// Identity is which demande a document is of, its type, and how its status stands.
type Identity struct {
	Numero string
	Type   string
	// Statut is statut_externe_demande.code, or "".
	Statut string
	// StatutSince is date_dernier_changement_statut_externe, as midnight UTC, or zero.
	StatutSince time.Time
}

// Identifier reads identities, reusing its memory. It is for one goroutine; the zero value is ready.
type Identifier struct{ document Document }

// Identify is Document.Parse and Document.Identity in one.
func (i *Identifier) Identify(body []byte) (Identity, error) {
	if err := i.document.Parse(body); err != nil {
		return Identity{}, err
	}
	return i.document.Identity()
}

// Identity is read from the root fields (guide, § 2.2.2). It fails with ErrUnreadable, ErrNoNumber or ErrType; with ErrType the Numero is still given.
func (d *Document) Identity() (Identity, error) {
	if !d.tape.isObject() {
		return Identity{}, fmt.Errorf("%w: it is no object", ErrUnreadable)
	}
	numero, ok := d.text(0, ColumnNumero)
	if !ok {
		return Identity{}, ErrNoNumber
	}
	identity := Identity{Numero: string(numero)}
	object, ok := d.find(0, "type_demande")
	if !ok || d.tape.tokens[object].kind != tokenObject {
		return identity, fmt.Errorf("%w: it has no type_demande", ErrType)
	}
	code, ok := d.text(object, "code")
	if !ok || string(code) != d.typ && !typeCode.Match(code) {
		return identity, fmt.Errorf("%w: type_demande.code is %.70q", ErrType, code)
	}
	identity.Type = again(code, &d.typ)
	if status, ok := d.find(0, "statut_externe_demande"); ok && d.tape.tokens[status].kind == tokenObject {
		if code, ok := d.text(status, "code"); ok {
			identity.Statut = again(code, &d.statut)
		}
	}
	if since, ok := d.find(0, "date_dernier_changement_statut_externe"); ok {
		if days, ok := d.tape.date(d.tape.tokens[since]); ok {
			identity.StatutSince = time.Unix(int64(days)*86400, 0).UTC()
		}
	}
	return identity, nil
}

// find is the first value of that key in the object at index i.
func (d *Document) find(i int32, name string) (int32, bool) {
	end := d.tape.tokens[i].next
	for key := i + 1; key < end; key = d.tape.tokens[key+1].next {
		if string(d.tape.key(key)) == name {
			return key + 1, true
		}
	}
	return 0, false
}

// text is the text of that key in the object at index i, good until the next text.
func (d *Document) text(i int32, name string) ([]byte, bool) {
	value, ok := d.find(i, name)
	if !ok || !d.tape.tokens[value].isText() {
		return nil, false
	}
	d.scratch = d.tape.appendText(d.scratch[:0], d.tape.tokens[value])
	return d.scratch, true
}

// again is text as a string. The last one is likely the same, so that a string is made only when
// it changes.
func again(text []byte, last *string) string {
	if *last != string(text) {
		*last = string(text)
	}
	return *last
}
