package flatten

// Document is one parsed body. It is reused from one body to the next, so that parsing allocates nothing. It is for
// one goroutine; the zero value is ready for Parse.
type Document struct {
	tape        tape
	scratch     []byte
	typ, statut string // of the last Identity
}

// Parse reads a body, and keeps it until the next Parse. It fails with ErrUnreadable.
func (d *Document) Parse(body []byte) error {
	err := d.tape.parse(body)
	if err != nil {
		d.tape.tokens = d.tape.tokens[:0] // so that what is left of it is not taken for a document
	}
	return err
}
