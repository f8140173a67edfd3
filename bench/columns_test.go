package bench

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"omega-export/internal/flatten"
	"omega-export/schemas"
)

// columns is what all foreign parsers append to: the builders of one table, found by path. It takes values as they
// come from a parser and adds those that their column holds exactly.
type columns struct {
	record *array.RecordBuilder
	root   *place
	leaves []*place // in the table's order
	serial uint64   // of the row or struct opened last
	numero string   // of the document being walked
	lost   int      // values that found no column, or one that cannot hold them
}

// kindNumero marks the place of numero_demande, which the builder writes itself.
const kindNumero schemas.Kind = "numero"

// place is a place in the document, or in a list's struct: its builder, if it is a column, and the places below.
type place struct {
	kind     schemas.Kind // "" if no column
	written  uint64       // the row or struct that has a value here already
	keys     []string     // of the places below
	children []*place
	byKey    map[string]int
	next     int // the child after the one found last: keys mostly come in the same order
	elem     *place

	builder array.Builder
	texts   *array.BinaryBuilder
	bools   *array.BooleanBuilder
	ints    *array.Int64Builder
	doubles *array.Float64Builder
	dates   *array.Date32Builder
	stamps  *array.TimestampBuilder
	lists   *array.ListBuilder
	structs *array.StructBuilder

	room, roomData int // how many values and bytes of text the last record had
}

const ownColumns = 6

func newColumns(table *flatten.Table) *columns {
	c := &columns{record: array.NewRecordBuilder(memory.DefaultAllocator, table.ArrowSchema()), root: &place{}}
	for i, column := range table.Columns {
		at := c.root
		for _, key := range column.Path {
			at = at.make(key)
		}
		at.bind(column.Type, c.record.Field(ownColumns+i))
		c.leaves = append(c.leaves, at)
	}
	c.root.make(flatten.ColumnNumero).kind = kindNumero
	return c
}

func (p *place) make(key string) *place {
	if i, ok := p.byKey[key]; ok {
		return p.children[i]
	}
	if p.byKey == nil {
		p.byKey = map[string]int{}
	}
	p.byKey[key] = len(p.children)
	p.keys = append(p.keys, key)
	p.children = append(p.children, &place{})
	return p.children[len(p.children)-1]
}

func (p *place) bind(typ schemas.ColumnType, builder array.Builder) {
	p.kind, p.builder = typ.Kind, builder
	switch b := builder.(type) {
	case *array.StringBuilder:
		p.texts = b.BinaryBuilder
	case *array.BooleanBuilder:
		p.bools = b
	case *array.Int64Builder:
		p.ints = b
	case *array.Float64Builder:
		p.doubles = b
	case *array.Date32Builder:
		p.dates = b
	case *array.TimestampBuilder:
		p.stamps = b
	case *array.ListBuilder:
		p.lists, p.elem = b, &place{}
		p.elem.bind(*typ.Elem, b.ValueBuilder())
	case *array.StructBuilder:
		p.structs = b
		for i, field := range typ.Fields {
			p.make(field.Name).bind(field.Type, b.FieldBuilder(i))
		}
	}
}

// child is the place below of that key, or nil.
func (p *place) child(key []byte) *place {
	if p == nil {
		return nil
	}
	if p.next >= len(p.keys) {
		p.next = 0
	}
	if p.next < len(p.keys) && p.keys[p.next] == string(key) {
		p.next++
		return p.children[p.next-1]
	}
	i, ok := p.byKey[string(key)]
	if !ok {
		return nil
	}
	p.next = i + 1
	return p.children[i]
}

// opened gives a serial to what is opened: a row, an element, a struct.
func (c *columns) opened() uint64 {
	c.serial++
	return c.serial
}

// takes says whether a place may have a value of this row or struct: it is a column, and has none yet.
func (c *columns) takes(p *place, serial uint64) bool {
	if p == nil || p.kind == "" || p.written == serial {
		c.lost++
		return false
	}
	return true
}

// wrote ends the adding of a value that takes let in.
func (c *columns) wrote(p *place, serial uint64, ok bool) {
	if !ok {
		c.lost++
		return
	}
	p.written = serial
}

func (c *columns) text(p *place, serial uint64, content []byte) {
	if !c.takes(p, serial) {
		return
	}
	ok := false
	switch p.kind {
	case schemas.Text:
		p.texts.Append(content)
		ok = true
	case schemas.Date:
		var days int64
		if days, ok = parseDay(content); ok {
			p.dates.Append(arrow.Date32(days))
		}
	case schemas.Stamp:
		var micros int64
		if micros, ok = parseStamp(content); ok {
			p.stamps.Append(arrow.Timestamp(micros))
		}
	case kindNumero:
		ok = string(content) == c.numero
	}
	c.wrote(p, serial, ok)
}

// number takes a number's own text.
func (c *columns) number(p *place, serial uint64, raw []byte) {
	if !c.takes(p, serial) {
		return
	}
	ok := false
	switch p.kind {
	case schemas.Int:
		var value int64
		if value, ok = parseWhole(raw); ok {
			p.ints.Append(value)
		}
	case schemas.Double:
		var value float64
		if value, ok = parseDouble(raw); ok {
			p.doubles.Append(value)
		}
	}
	c.wrote(p, serial, ok)
}

// whole takes a whole number whose text is lost.
func (c *columns) whole(p *place, serial uint64, value int64) {
	if !c.takes(p, serial) {
		return
	}
	switch p.kind {
	case schemas.Int:
		p.ints.Append(value)
	case schemas.Double:
		p.doubles.Append(float64(value))
	}
	c.wrote(p, serial, p.kind == schemas.Int || p.kind == schemas.Double)
}

// double takes a number whose text is lost, so that nobody can say whether it was rounded.
func (c *columns) double(p *place, serial uint64, value float64) {
	if !c.takes(p, serial) {
		return
	}
	if p.kind == schemas.Double {
		p.doubles.Append(value)
	}
	c.wrote(p, serial, p.kind == schemas.Double)
}

func (c *columns) bool(p *place, serial uint64, value bool) {
	if !c.takes(p, serial) {
		return
	}
	if p.kind == schemas.Bool {
		p.bools.Append(value)
	}
	c.wrote(p, serial, p.kind == schemas.Bool)
}

// open goes into an object that has a key. The keys of a struct go under a serial of its own; those of another object
// have columns of the row.
func (c *columns) open(p *place, serial uint64) (*place, uint64) {
	if p == nil || p.kind != schemas.Struct {
		return p, serial
	}
	if !c.takes(p, serial) {
		return nil, serial
	}
	p.structs.Append(true)
	c.wrote(p, serial, true)
	return p, c.opened()
}

// close ends what open began: the fields of a struct that did not come are NULL.
func (c *columns) close(p *place, serial uint64) {
	if p == nil || p.kind != schemas.Struct {
		return
	}
	for _, field := range p.children {
		if field.written != serial {
			field.builder.AppendNull()
		}
	}
}

// list goes into a list and gives the place of its elements.
func (c *columns) list(p *place, serial uint64) *place {
	if !c.takes(p, serial) {
		return nil
	}
	if p.kind != schemas.List {
		c.lost++
		return nil
	}
	p.lists.Append(true)
	c.wrote(p, serial, true)
	return p.elem
}

// element ends one element of a list. An object without keys is a struct all the same.
func (c *columns) element(elem *place, serial uint64) {
	if elem == nil || elem.written == serial {
		return
	}
	if elem.kind != schemas.Struct {
		c.lost++
		return
	}
	c.close(c.open(elem, serial))
}
