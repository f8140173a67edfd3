package flatten

import (
	"fmt"
	"time"

	"omega-export/schemas"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Origin is what the program itself says of an answer.
type Origin struct {
	Numero    string
	FetchedAt time.Time
	CodeCDGF  string
	Lot       string
	SHA256    string // of the body, in hexadecimal
}

// Builder makes Arrow records of a table from raw answers. It is for one goroutine.
type Builder struct {
	table    *Table
	root     *node
	record   *array.RecordBuilder
	tape     tape
	unknowns unknowns
	numero   string // of the document being walked
	filled   []bool
	scratch  []byte
	rows     int64
	bytes    int64
	drift    Drift
}

// Drift is what did not find its column.
type Drift struct {
	Rows    int64  // rows with something in _champs_inconnus
	Example string // the first such row's numero_demande
}

// NewBuilder makes the builder of a table's records. Release must be called once done.
func NewBuilder(table *Table) *Builder {
	return &Builder{
		table:  table,
		root:   table.compile(),
		record: array.NewRecordBuilder(memory.DefaultAllocator, table.ArrowSchema()),
		filled: make([]bool, len(table.Columns)),
	}
}

// Release frees the builder's memory.
func (b *Builder) Release() { b.record.Release() }

// Rows is how many rows stand in the builder since the last Record.
func (b *Builder) Rows() int64 { return b.rows }

// Bytes is how many bytes of JSON stand in the builder since the last Record.
func (b *Builder) Bytes() int64 { return b.bytes }

// Drift is what did not find its column since the builder was made.
func (b *Builder) Drift() Drift { return b.drift }

// Record is the rows so far; the builder begins anew. The caller releases it.
func (b *Builder) Record() arrow.Record {
	b.rows, b.bytes = 0, 0
	return b.record.NewRecord()
}

// Append adds the row of one document. A body that Identify refuses is refused here too, with ErrUnreadable, and adds nothing.
func (b *Builder) Append(origin Origin, body []byte) error {
	if err := b.tape.parse(body); err != nil {
		return fmt.Errorf("flattening demande %s: %w", origin.Numero, err)
	}
	if b.tape.tokens[0].kind != tokenObject {
		return fmt.Errorf("flattening demande %s: %w: it is no object", origin.Numero, ErrUnreadable)
	}
	clear(b.filled)
	b.unknowns.reset()
	b.numero = origin.Numero
	b.object(0, b.root)
	for i, filled := range b.filled {
		if !filled {
			b.record.Field(ownColumns + i).AppendNull()
		}
	}
	b.own(origin)
	b.rows++
	b.bytes += int64(len(body))
	return nil
}

func (b *Builder) own(origin Origin) {
	b.record.Field(0).(*array.StringBuilder).Append(origin.Numero)
	b.record.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(origin.FetchedAt.UnixMicro()))
	b.record.Field(2).(*array.StringBuilder).Append(origin.CodeCDGF)
	b.record.Field(3).(*array.StringBuilder).Append(origin.Lot)
	b.record.Field(4).(*array.StringBuilder).Append(origin.SHA256)
	unknown := b.record.Field(5).(*array.StringBuilder)
	document := b.unknowns.document()
	if document == nil {
		unknown.AppendNull()
		return
	}
	unknown.BinaryBuilder.Append(document)
	if b.drift.Rows == 0 {
		b.drift.Example = origin.Numero
	}
	b.drift.Rows++
}

// object walks the object at index i of the tape. at is its place among the columns, nil where there is none below.
func (b *Builder) object(i int32, at *node) {
	end := b.tape.tokens[i].next
	for key := i + 1; key < end; key = b.tape.tokens[key+1].next {
		if b.tape.isNull(key + 1) {
			continue
		}
		var child *node
		if at != nil {
			child = at.children[string(b.tape.key(key))]
		}
		b.value(key, child)
	}
}

func (b *Builder) value(key int32, child *node) {
	value := key + 1
	tok := b.tape.tokens[value]
	switch {
	case tok.kind == tokenObject:
		b.unknowns.enter(b.tape.raw(b.tape.tokens[key]))
		b.object(value, child)
		b.unknowns.leave()
		return
	case child != nil && child.column == numeroColumn && b.isNumero(tok):
		return // the program writes it from the number that it asked for
	case child != nil && child.column >= 0 && !b.filled[child.column]:
		column := child.column
		if b.append(b.record.Field(ownColumns+column), value, &b.table.Columns[column].Type) {
			b.filled[column] = true
			return
		}
	}
	b.unknowns.value(b.tape.raw(b.tape.tokens[key]), b.tape.raw(tok))
}

// isNumero says whether the value is the number that was asked for. A document may bear the key twice.
func (b *Builder) isNumero(tok token) bool {
	if tok.kind != tokenText || tok.flags&flagUnpaired != 0 {
		return false
	}
	var content []byte
	content, b.scratch = b.tape.textOf(tok, b.scratch)
	return string(content) == b.numero
}

// append adds the value to a column, or says false and adds nothing if the column cannot hold it exactly.
func (b *Builder) append(to array.Builder, i int32, typ *schemas.ColumnType) bool {
	tok := b.tape.tokens[i]
	switch typ.Kind {
	case schemas.Text:
		return b.appendText(to, tok)
	case schemas.Bool:
		ok := tok.kind == tokenTrue || tok.kind == tokenFalse
		if ok {
			to.(*array.BooleanBuilder).Append(tok.kind == tokenTrue)
		}
		return ok
	case schemas.Int:
		value, ok := b.tape.integer(tok)
		if ok {
			to.(*array.Int64Builder).Append(value)
		}
		return ok
	case schemas.Double:
		value, ok := b.tape.double(tok)
		if ok {
			to.(*array.Float64Builder).Append(value)
		}
		return ok
	case schemas.Date:
		days, ok := b.tape.date(tok)
		if ok {
			to.(*array.Date32Builder).Append(arrow.Date32(days))
		}
		return ok
	case schemas.Stamp:
		micros, ok := b.tape.stamp(tok)
		if ok {
			to.(*array.TimestampBuilder).Append(arrow.Timestamp(micros))
		}
		return ok
	}
	// A list goes in whole or not at all, so it is looked at before anything is added.
	if !b.tape.fits(i, typ) {
		return false
	}
	b.appendNested(to, i, typ)
	return true
}

func (b *Builder) appendText(to array.Builder, tok token) bool {
	if tok.kind != tokenText || tok.flags&flagUnpaired != 0 {
		return false
	}
	var content []byte
	content, b.scratch = b.tape.textOf(tok, b.scratch)
	to.(*array.StringBuilder).BinaryBuilder.Append(content)
	return true
}

// appendNested adds a list or a struct that is known to fit.
func (b *Builder) appendNested(to array.Builder, i int32, typ *schemas.ColumnType) {
	end := b.tape.tokens[i].next
	if typ.Kind == schemas.List {
		list := to.(*array.ListBuilder)
		list.Append(true)
		for at := i + 1; at < end; at = b.tape.tokens[at].next {
			b.append(list.ValueBuilder(), at, typ.Elem)
		}
		return
	}
	record := to.(*array.StructBuilder)
	record.Append(true)
	rows := record.Len()
	for key := i + 1; key < end; key = b.tape.tokens[key+1].next {
		if b.tape.isNull(key + 1) {
			continue
		}
		index, field := fieldOf(typ, b.tape.key(key))
		b.append(record.FieldBuilder(index), key+1, &field.Type)
	}
	for index := range typ.Fields {
		if child := record.FieldBuilder(index); child.Len() < rows {
			child.AppendNull()
		}
	}
}
