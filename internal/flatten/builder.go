package flatten

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
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
	schema  *arrow.Schema
	root    *places
	own     []*vector // the program's columns
	columns []*vector // the table's
	rows    int
	bytes   int64
	filled  []int64 // by column, of the records that were taken

	// Of the document being walked.
	tape    *tape
	numero  string
	scratch []byte

	unknowns unknowns
	guard    *guard // nil: all values stay
	drifts   drifts
	parsed   Document // by Append
}

// errFull says that a record would be larger than Arrow's offsets reach.
var errFull = errors.New("more than 2 GiB of answers in one record")

// NewBuilderUnder is NewBuilder of a table that was made Under the policy, or read back with what an earlier one made of
// its columns: what becomes of a column's values is told by its Personal, and of those that find no column by the policy. It
// fails with a *KeyError if a column has codes of another key than the policy's.
func NewBuilderUnder(table *Table, policy Policy) (*Builder, error) {
	b := NewBuilder(table)
	var err error
	if b.guard, err = newGuard(table, b.columns, policy); err != nil {
		return nil, err
	}
	return b, nil
}

// NewBuilder makes the builder of a table's records, in which all values stay as they are, whatever the table says of
// persons. Release must be called once done.
func NewBuilder(table *Table) *Builder {
	b := &Builder{schema: table.ArrowSchema(), filled: make([]int64, len(table.Columns))}
	all := table.All()
	vectors := make([]*vector, len(all))
	for i := range all {
		vectors[i] = newVector(&all[i].Type)
	}
	b.own, b.columns = vectors[:ownColumns], vectors[ownColumns:]
	b.root = table.compile()
	b.root.attach(b.columns)
	return b
}

// Release ends the builder's use. What it took memory for goes with it.
func (b *Builder) Release() {}

// Rows is how many rows stand in the builder since the last Record.
func (b *Builder) Rows() int64 { return int64(b.rows) }

// Bytes is how many bytes of JSON stand in the builder since the last Record.
func (b *Builder) Bytes() int64 { return b.bytes }

// Drift is what did not find its column since the builder was made.
func (b *Builder) Drift() Drift { return b.drifts.drift() }

// Filled is how many rows had a value, for each of Table.Columns, since the builder was made.
func (b *Builder) Filled() []int64 {
	filled := make([]int64, len(b.columns))
	for i, column := range b.columns {
		filled[i] = b.filled[i] + int64(column.values())
	}
	return filled
}

// Record is the rows so far; the builder begins anew. The caller releases it.
func (b *Builder) Record() arrow.Record {
	arrays := make([]arrow.Array, 0, ownColumns+len(b.columns))
	for _, column := range b.own {
		arrays = append(arrays, column.array(b.rows))
	}
	for i, column := range b.columns {
		taken := column.array(b.rows)
		b.filled[i] += int64(b.rows - taken.NullN())
		arrays = append(arrays, taken)
	}
	record := array.NewRecord(b.schema, arrays, int64(b.rows))
	for _, taken := range arrays {
		taken.Release()
	}
	b.rows, b.bytes = 0, 0
	return record
}

// Append adds the row of one document. A body that Identify refuses with ErrUnreadable is refused here too, and adds nothing.
func (b *Builder) Append(origin Origin, body []byte) error {
	if err := b.parsed.Parse(body); err != nil {
		return fmt.Errorf("flattening demande %s: %w", origin.Numero, err)
	}
	return b.AppendDocument(origin, &b.parsed)
}

// AppendDocument is Append of a document that is parsed already, which it does not alter. It keeps nothing of the body.
func (b *Builder) AppendDocument(origin Origin, d *Document) error {
	if !d.tape.isObject() {
		return fmt.Errorf("flattening demande %s: %w: it is no object", origin.Numero, ErrUnreadable)
	}
	if b.bytes+int64(len(d.tape.body)) > math.MaxInt32 {
		return fmt.Errorf("flattening demande %s: %w", origin.Numero, errFull)
	}
	if b.rows == 0 {
		b.reserve()
	}
	b.tape, b.numero = &d.tape, origin.Numero
	b.unknowns.reset()
	if b.guard != nil {
		b.guard.reset()
	}
	b.object(0, b.root)
	b.appendOwn(origin)
	b.rows++
	b.bytes += int64(len(d.tape.body))
	b.tape, b.numero = nil, ""
	return nil
}

func (b *Builder) reserve() {
	for _, column := range b.own {
		column.reserve()
	}
	for _, column := range b.columns {
		column.reserve()
	}
}

func (b *Builder) appendOwn(origin Origin) {
	b.own[0].putText(origin.Numero)
	b.own[1].putInt(origin.FetchedAt.UnixMicro())
	b.own[2].putText(origin.CodeCDGF)
	b.own[3].putText(origin.Lot)
	b.own[4].putText(origin.SHA256)
	if document := b.unknowns.document(); document != nil {
		b.own[5].fill(b.rows)
		b.own[5].putText(view(document))
		b.drifts.row(origin.Numero)
	}
}

// object walks the object at index i of the tape. below is what the columns have of its keys, nil for nothing.
func (b *Builder) object(i int32, below *places) {
	t := b.tape
	var before, child *sibling[place]
	for key, end := i+1, t.tokens[i].next; key < end; key = t.tokens[key+1].next {
		value := &t.tokens[key+1]
		if value.kind == tokenNull || value.kind == tokenObject && value.next == key+2 {
			continue
		}
		if child = nil; below != nil && t.tokens[key].flags == 0 {
			if child = below.find(t.key(key), before); child != nil {
				before = child
			}
		}
		if value.kind != tokenObject {
			b.value(key, child)
			continue
		}
		b.unknowns.enter(key)
		if child != nil {
			b.object(key+1, &child.is.below)
		} else {
			b.object(key+1, nil)
		}
		b.unknowns.leave()
	}
}

// value puts the value of a key, no object, into its column.
func (b *Builder) value(key int32, at *sibling[place]) {
	reason := NoColumn
	switch {
	case at == nil:
	case at.is.vector != nil:
		if at.is.vector.isDropped() {
			return
		}
		reason = DoesNotFit
		if at.is.vector.length > b.rows {
			reason = RepeatedKey
			break
		}
		at.is.vector.fill(b.rows)
		if b.add(at.is.vector, key+1) {
			return
		}
	case at.is.column == numeroColumn:
		reason = DoesNotFit
		if b.isNumero(key + 1) {
			return // the program writes it from the number that it asked for
		}
	}
	if b.guard != nil {
		b.guard.unknown(b, key, reason)
		return
	}
	b.unknowns.value(b.tape, key)
	b.drifts.field(b.tape, &b.unknowns, key, reason, b.numero)
}

// isNumero says whether the value is the number that was asked for. A document may bear the key twice.
func (b *Builder) isNumero(i int32) bool {
	tok := b.tape.tokens[i]
	if !tok.isText() {
		return false
	}
	b.scratch = b.tape.appendText(b.scratch[:0], tok)
	return string(b.scratch) == b.numero
}
