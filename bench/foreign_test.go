package bench

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"omega-export/internal/flatten"
)

// walk reads one document and gives its values to columns, under the place and serial of the root.
type walk func(to *columns, root *place, serial uint64, body []byte) error

// foreign makes rows with a foreign parser, as flatten.Builder does with its own.
type foreign struct {
	*columns
	walk walk
}

func (f foreign) Append(origin flatten.Origin, body []byte) error {
	serial := f.opened()
	f.numero = origin.Numero
	if err := f.walk(f.columns, f.root, serial, body); err != nil {
		return fmt.Errorf("walking demande %s: %w", origin.Numero, err)
	}
	for _, leaf := range f.leaves {
		if leaf.written != serial {
			leaf.builder.AppendNull()
		}
	}
	f.record.Field(0).(*array.StringBuilder).Append(origin.Numero)
	f.record.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(origin.FetchedAt.UnixMicro()))
	f.record.Field(2).(*array.StringBuilder).Append(origin.CodeCDGF)
	f.record.Field(3).(*array.StringBuilder).Append(origin.Lot)
	f.record.Field(4).(*array.StringBuilder).Append(origin.SHA256)
	f.record.Field(5).AppendNull()
	return nil
}

// Record makes room for as many values as there were, since the builders begin with nothing, as flatten's do not.
func (f foreign) Record() arrow.Record {
	for _, leaf := range f.leaves {
		leaf.measure()
	}
	record := f.record.NewRecord()
	for _, leaf := range f.leaves {
		leaf.reserve()
	}
	return record
}

func (p *place) measure() {
	p.room = p.builder.Len()
	if p.texts != nil {
		p.roomData = p.texts.DataLen()
	}
	if p.elem != nil {
		p.elem.measure()
	}
	if p.structs != nil {
		for _, field := range p.children {
			field.measure()
		}
	}
}

func (p *place) reserve() {
	if p.structs != nil {
		for _, field := range p.children {
			field.reserve()
		}
		return // a struct's own Reserve would go on to its fields
	}
	p.builder.Reserve(p.room)
	if p.texts != nil {
		p.texts.ReserveData(p.roomData)
	}
	if p.elem != nil {
		p.elem.reserve()
	}
}

func (f foreign) Release() { f.record.Release() }

var (
	errTail     = errors.New("text after the document")
	errNoObject = errors.New("no object")
)

// bytesOf is a string's bytes without a copy. They are not written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// textOf is bytes as a string without a copy.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
