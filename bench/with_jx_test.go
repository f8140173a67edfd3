package bench

import (
	"io"

	"github.com/go-faster/jx"
)

type jxWalker struct{ decoder jx.Decoder }

func jxParser() parser {
	w := &jxWalker{}
	return parser{
		name:  "jx",
		parse: func(body []byte) error { return w.document(&columns{}, nil, 0, body) },
		walk:  w.document,
		read:  w.read,
	}
}

func (w *jxWalker) begin(body []byte) error {
	w.decoder.ResetBytes(body)
	if w.decoder.Next() != jx.Object {
		return errNoObject
	}
	return nil
}

func (w *jxWalker) end() error {
	if err := w.decoder.Skip(); err != io.EOF {
		return errTail
	}
	return nil
}

func (w *jxWalker) document(to *columns, root *place, serial uint64, body []byte) error {
	if err := w.begin(body); err != nil {
		return err
	}
	if err := w.object(to, root, serial); err != nil {
		return err
	}
	return w.end()
}

func (w *jxWalker) object(to *columns, p *place, serial uint64) error {
	fields, err := w.decoder.ObjIter()
	if err != nil {
		return err
	}
	for opened := false; fields.Next(); {
		if !opened {
			p, serial = to.open(p, serial)
			opened = true
		}
		if err := w.value(to, p.child(fields.Key()), serial); err != nil {
			return err
		}
	}
	to.close(p, serial)
	return fields.Err()
}

func (w *jxWalker) value(to *columns, p *place, serial uint64) error {
	switch w.decoder.Next() {
	case jx.Object:
		return w.object(to, p, serial)
	case jx.Array:
		return w.list(to, p, serial)
	case jx.String:
		content, err := w.decoder.StrBytes()
		if err == nil {
			to.text(p, serial, content)
		}
		return err
	case jx.Number:
		raw, err := w.decoder.Num()
		if err == nil {
			to.number(p, serial, raw)
		}
		return err
	case jx.Bool:
		value, err := w.decoder.Bool()
		if err == nil {
			to.bool(p, serial, value)
		}
		return err
	}
	return w.decoder.Null() // which fails if there is none
}

func (w *jxWalker) list(to *columns, p *place, serial uint64) error {
	elements, err := w.decoder.ArrIter()
	if err != nil {
		return err
	}
	elem := to.list(p, serial)
	for elements.Next() {
		inner := to.opened()
		if err := w.value(to, elem, inner); err != nil {
			return err
		}
		to.element(elem, inner)
	}
	return elements.Err()
}

func (w *jxWalker) read(body []byte) (members []string, err error) {
	if err := w.begin(body); err != nil {
		return nil, err
	}
	err = w.decoder.ObjBytes(func(d *jx.Decoder, key []byte) error {
		switch d.Next() {
		case jx.Object:
			members = append(members, member(key, "{…}"))
			return d.Skip()
		case jx.String:
			content, err := d.StrBytes()
			members = append(members, member(key, quoted(content)))
			return err
		}
		raw, err := d.Raw()
		members = append(members, member(key, string(raw)))
		return err
	})
	if err != nil {
		return nil, err
	}
	return members, w.end()
}
