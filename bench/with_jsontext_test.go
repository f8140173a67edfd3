package bench

import (
	"bytes"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

type jsontextWalker struct {
	decoder jsontext.Decoder
	buffer  bytes.Buffer
	options jsontext.Options
	scratch []byte
}

func jsontextParser(name string, twice bool) parser {
	w := &jsontextWalker{options: jsontext.AllowDuplicateNames(twice)}
	return parser{
		name:  name,
		parse: func(body []byte) error { return w.document(&columns{}, nil, 0, body) },
		walk:  w.document,
		read:  w.read,
	}
}

func (w *jsontextWalker) begin(body []byte) error {
	w.buffer = *bytes.NewBuffer(body)
	w.decoder.Reset(&w.buffer, w.options)
	if kind := w.decoder.PeekKind(); kind != jsontext.KindBeginObject {
		return errNoObject
	}
	return nil
}

func (w *jsontextWalker) end() error {
	if _, err := w.decoder.ReadToken(); err != io.EOF {
		return errTail
	}
	return nil
}

func (w *jsontextWalker) document(to *columns, root *place, serial uint64, body []byte) error {
	if err := w.begin(body); err != nil {
		return err
	}
	if err := w.object(to, root, serial); err != nil {
		return err
	}
	return w.end()
}

func (w *jsontextWalker) object(to *columns, p *place, serial uint64) error {
	if _, err := w.decoder.ReadToken(); err != nil {
		return err
	}
	for opened := false; w.decoder.PeekKind() != jsontext.KindEndObject; {
		key, err := w.text()
		if err != nil {
			return err
		}
		if !opened {
			p, serial = to.open(p, serial)
			opened = true
		}
		if err := w.value(to, p.child(key), serial); err != nil {
			return err
		}
	}
	if _, err := w.decoder.ReadToken(); err != nil {
		return err
	}
	to.close(p, serial)
	return nil
}

func (w *jsontextWalker) value(to *columns, p *place, serial uint64) error {
	kind := w.decoder.PeekKind()
	switch kind {
	case jsontext.KindBeginObject:
		return w.object(to, p, serial)
	case jsontext.KindBeginArray:
		return w.list(to, p, serial)
	case jsontext.KindString:
		content, err := w.text()
		if err == nil {
			to.text(p, serial, content)
		}
		return err
	}
	raw, err := w.decoder.ReadValue()
	if err != nil {
		return err
	}
	switch kind {
	case jsontext.KindNumber:
		to.number(p, serial, raw)
	case jsontext.KindTrue, jsontext.KindFalse:
		to.bool(p, serial, kind == jsontext.KindTrue)
	}
	return nil
}

func (w *jsontextWalker) list(to *columns, p *place, serial uint64) error {
	if _, err := w.decoder.ReadToken(); err != nil {
		return err
	}
	elem := to.list(p, serial)
	for w.decoder.PeekKind() != jsontext.KindEndArray {
		inner := to.opened()
		if err := w.value(to, elem, inner); err != nil {
			return err
		}
		to.element(elem, inner)
	}
	_, err := w.decoder.ReadToken()
	return err
}

// text is a string's content, good until the next.
func (w *jsontextWalker) text() ([]byte, error) {
	raw, err := w.decoder.ReadValue()
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(raw, '\\') < 0 && raw.Kind() == jsontext.KindString {
		return raw[1 : len(raw)-1], nil
	}
	w.scratch, err = jsontext.AppendUnquote(w.scratch[:0], raw)
	return w.scratch, err
}

func (w *jsontextWalker) read(body []byte) (members []string, err error) {
	if err := w.begin(body); err != nil {
		return nil, err
	}
	if _, err := w.decoder.ReadToken(); err != nil {
		return nil, err
	}
	for w.decoder.PeekKind() != jsontext.KindEndObject {
		content, err := w.text()
		if err != nil {
			return nil, err
		}
		key, shown := string(content), "{…}"
		switch w.decoder.PeekKind() {
		case jsontext.KindBeginObject:
			err = w.decoder.SkipValue()
		case jsontext.KindString:
			content, err = w.text()
			shown = quoted(content)
		default:
			var raw jsontext.Value
			raw, err = w.decoder.ReadValue()
			shown = string(raw)
		}
		if err != nil {
			return nil, err
		}
		members = append(members, member([]byte(key), shown))
	}
	if _, err := w.decoder.ReadToken(); err != nil {
		return nil, err
	}
	return members, w.end()
}
