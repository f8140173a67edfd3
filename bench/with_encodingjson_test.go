package bench

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
)

func decodeMap(body []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var document map[string]any
	if err := decoder.Decode(&document); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errTail
	}
	return document, nil
}

func encodingJSON() parser {
	return parser{
		name:  "encoding-json",
		parse: func(body []byte) error { _, err := decodeMap(body); return err },
		walk: func(to *columns, root *place, serial uint64, body []byte) error {
			document, err := decodeMap(body)
			if err == nil {
				walkMap(to, root, serial, document)
			}
			return err
		},
		read: func(body []byte) (members []string, err error) {
			document, err := decodeMap(body)
			for key, value := range document { // of one key: the map keeps no other
				members = append(members, member([]byte(key), showAny(value)))
			}
			return members, err
		},
	}
}

func walkMap(to *columns, p *place, serial uint64, object map[string]any) {
	if len(object) == 0 {
		return
	}
	p, serial = to.open(p, serial)
	for key, value := range object {
		walkAny(to, p.child(bytesOf(key)), serial, value)
	}
	to.close(p, serial)
}

func walkAny(to *columns, p *place, serial uint64, value any) {
	switch v := value.(type) {
	case string:
		to.text(p, serial, bytesOf(v))
	case json.Number:
		to.number(p, serial, bytesOf(string(v)))
	case bool:
		to.bool(p, serial, v)
	case map[string]any:
		walkMap(to, p, serial, v)
	case []any:
		elem := to.list(p, serial)
		for _, element := range v {
			inner := to.opened()
			walkAny(to, elem, inner, element)
			to.element(elem, inner)
		}
	}
}

func showAny(value any) string {
	switch v := value.(type) {
	case string:
		return quoted([]byte(v))
	case json.Number:
		return string(v)
	case bool:
		return strconv.FormatBool(v)
	case map[string]any:
		return "{…}"
	case []any:
		return "[…]"
	}
	return "null"
}
