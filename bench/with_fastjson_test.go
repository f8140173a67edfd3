package bench

import "github.com/valyala/fastjson"

type fastjsonWalker struct {
	parser  fastjson.Parser
	scratch []byte
}

func fastjsonParser() parser {
	w := &fastjsonWalker{}
	return parser{
		name:  "fastjson",
		parse: func(body []byte) error { _, err := w.parser.ParseBytes(body); return err },
		walk:  w.document,
		read:  w.read,
	}
}

func (w *fastjsonWalker) document(to *columns, root *place, serial uint64, body []byte) error {
	document, err := w.parser.ParseBytes(body)
	if err != nil {
		return err
	}
	if document.Type() != fastjson.TypeObject {
		return errNoObject
	}
	w.value(to, root, serial, document)
	return nil
}

func (w *fastjsonWalker) value(to *columns, p *place, serial uint64, value *fastjson.Value) {
	switch value.Type() {
	case fastjson.TypeObject:
		object := value.GetObject()
		if object.Len() == 0 {
			return
		}
		p, serial := to.open(p, serial)
		object.Visit(func(key []byte, member *fastjson.Value) { w.value(to, p.child(key), serial, member) })
		to.close(p, serial)
	case fastjson.TypeArray:
		elem := to.list(p, serial)
		for _, element := range value.GetArray() {
			inner := to.opened()
			w.value(to, elem, inner, element)
			to.element(elem, inner)
		}
	case fastjson.TypeString:
		to.text(p, serial, value.GetStringBytes())
	case fastjson.TypeNumber:
		w.scratch = value.MarshalTo(w.scratch[:0]) // the only way to the number's own text
		to.number(p, serial, w.scratch)
	case fastjson.TypeTrue, fastjson.TypeFalse:
		to.bool(p, serial, value.Type() == fastjson.TypeTrue)
	}
}

func (w *fastjsonWalker) read(body []byte) (members []string, err error) {
	document, err := w.parser.ParseBytes(body)
	if err != nil {
		return nil, err
	}
	object, err := document.Object()
	if err != nil {
		return nil, err
	}
	object.Visit(func(key []byte, value *fastjson.Value) {
		shown := "{…}"
		switch value.Type() {
		case fastjson.TypeObject:
		case fastjson.TypeString:
			shown = quoted(value.GetStringBytes())
		default:
			shown = value.String()
		}
		members = append(members, member(key, shown))
	})
	return members, nil
}
