package bench

import (
	"errors"
	"strconv"

	"github.com/minio/simdjson-go"
)

var errTape = errors.New("the tape ends too early")

type simdjsonWalker struct {
	parsed *simdjson.ParsedJson
	option simdjson.ParserOption
	at     simdjson.Iter
}

func simdjsonParser() parser {
	w := &simdjsonWalker{option: simdjson.WithCopyStrings(false)}
	return parser{name: "simdjson-go", parse: w.parse, walk: w.document, read: w.read}
}

func (w *simdjsonWalker) parse(body []byte) error {
	parsed, err := simdjson.Parse(body, w.parsed, w.option)
	if err == nil {
		w.parsed = parsed
	}
	return err
}

// begin parses and stands at the root object.
func (w *simdjsonWalker) begin(body []byte) error {
	if err := w.parse(body); err != nil {
		return err
	}
	w.at = w.parsed.Iter()
	if w.at.AdvanceInto() != simdjson.TagRoot || w.at.AdvanceInto() != simdjson.TagObjectStart {
		return errNoObject
	}
	return nil
}

func (w *simdjsonWalker) document(to *columns, root *place, serial uint64, body []byte) error {
	if err := w.begin(body); err != nil {
		return err
	}
	return w.object(to, root, serial)
}

func (w *simdjsonWalker) object(to *columns, p *place, serial uint64) error {
	for opened := false; ; {
		switch w.at.AdvanceInto() {
		case simdjson.TagObjectEnd:
			to.close(p, serial)
			return nil
		case simdjson.TagString:
		default:
			return errTape
		}
		key, err := w.at.StringBytes()
		if err != nil {
			return err
		}
		if !opened {
			p, serial = to.open(p, serial)
			opened = true
		}
		if err := w.value(to, p.child(key), serial, w.at.AdvanceInto()); err != nil {
			return err
		}
	}
}

func (w *simdjsonWalker) value(to *columns, p *place, serial uint64, tag simdjson.Tag) error {
	switch tag {
	case simdjson.TagObjectStart:
		return w.object(to, p, serial)
	case simdjson.TagArrayStart:
		elem := to.list(p, serial)
		for tag := w.at.AdvanceInto(); tag != simdjson.TagArrayEnd; tag = w.at.AdvanceInto() {
			inner := to.opened()
			if err := w.value(to, elem, inner, tag); err != nil {
				return err
			}
			to.element(elem, inner)
		}
	case simdjson.TagString:
		content, err := w.at.StringBytes()
		if err != nil {
			return err
		}
		to.text(p, serial, content)
	case simdjson.TagInteger:
		value, err := w.at.Int()
		if err != nil {
			return err
		}
		to.whole(p, serial, value)
	case simdjson.TagFloat, simdjson.TagUint:
		value, err := w.at.Float()
		if err != nil {
			return err
		}
		to.double(p, serial, value)
	case simdjson.TagBoolTrue, simdjson.TagBoolFalse:
		to.bool(p, serial, tag == simdjson.TagBoolTrue)
	case simdjson.TagNull:
	default:
		return errTape
	}
	return nil
}

func (w *simdjsonWalker) read(body []byte) (members []string, err error) {
	if err := w.begin(body); err != nil {
		return nil, err
	}
	for w.at.AdvanceInto() == simdjson.TagString {
		key, err := w.at.StringBytes()
		if err != nil {
			return nil, err
		}
		shown := "{…}"
		switch kind := w.at.Advance(); kind {
		case simdjson.TypeObject:
		case simdjson.TypeString:
			var content []byte
			content, err = w.at.StringBytes()
			shown = quoted(content)
		case simdjson.TypeInt:
			var value int64
			value, err = w.at.Int()
			shown = strconv.FormatInt(value, 10)
		case simdjson.TypeUint:
			var value uint64
			value, err = w.at.Uint()
			shown = strconv.FormatUint(value, 10)
		case simdjson.TypeFloat:
			var value float64
			value, err = w.at.Float()
			shown = strconv.FormatFloat(value, 'g', -1, 64)
		default:
			shown = kind.String()
		}
		if err != nil {
			return nil, err
		}
		members = append(members, member(key, shown))
	}
	return members, nil
}
