package sink

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/parquet-go/parquet-go"
)

const (
	// batchEntries is how many entries are handed to the library at once.
	batchEntries = 1024
	// pageBytes and pageRows bound a page, at the end of a row. pageBytes counts what the library holds for the page,
	// entryBytes an entry beside its value at most, and stays below the size at which the library ends a page by
	// itself: that would be at the end of a batch, and so depend on how rows came in records.
	pageBytes  = 500 << 10
	pageRows   = 20_000
	entryBytes = 18
	// libraryPageBytes is the size at which the library ends a page by itself.
	libraryPageBytes = 512 << 10
)

// leaf writes one Parquet column. An entry is a value or a NULL, with its two levels: how many of the fields on its
// path that may be absent are present (definition), and at which list on its path it goes on (repetition).
type leaf struct {
	leafSpec
	index  int // among the leaves
	out    *parquet.ColumnWriter
	levels []bound
	value  func(i int) parquet.Value // of the bound record
	wide   []byte                    // holds the batch's decimals

	batch []parquet.Value
	page  pageSize
}

type pageSize struct {
	bytes int64
	rows  int
}

// bound is a step's array of the record being written.
type bound struct {
	array   arrow.Array
	offsets []int32 // of a list
}

// bind leads the leaf's steps through a record's column.
func (l *leaf) bind(column arrow.Array) {
	l.levels = l.levels[:0]
	for _, step := range l.steps {
		at := bound{array: column}
		switch step.kind {
		case intoList:
			list := column.(*array.List)
			at.offsets = list.Offsets()[list.Offset():]
			column = list.ListValues()
		case intoStruct:
			column = column.(*array.Struct).Field(step.field)
		case intoValue:
			l.value = l.values(column)
		}
		l.levels = append(l.levels, at)
	}
}

// writeRows writes the rows [from, to) of the bound record and says how many bytes they held.
func (l *leaf) writeRows(from, to int) (int64, error) {
	total := int64(0)
	flat := len(l.steps) == 1
	for i := from; i < to; i++ {
		before := l.page.bytes
		if flat {
			l.flat(i)
		} else {
			l.nested(0, i, 0, 0)
		}
		total += l.page.bytes - before
		l.page.rows++
		if err := l.endRow(); err != nil {
			return total, err
		}
	}
	return total, nil
}

func (l *leaf) endRow() error {
	switch {
	case l.page.bytes >= pageBytes || l.page.rows >= pageRows:
		return l.endPage()
	case len(l.batch) >= batchEntries:
		return l.send()
	}
	return nil
}

func (l *leaf) flat(i int) {
	if l.levels[0].array.IsNull(i) {
		l.null(0, 0)
	} else {
		l.present(i, 0, 1)
	}
}

// nested writes the entries of element i of the array at a step. The element goes on at the list numbered repetition,
// and definition fields above it are present.
func (l *leaf) nested(depth, i, repetition, definition int) {
	at := &l.levels[depth]
	if at.array.IsNull(i) {
		l.null(repetition, definition)
		return
	}
	definition++
	switch l.steps[depth].kind {
	case intoValue:
		l.present(i, repetition, definition)
	case intoStruct:
		l.nested(depth+1, i, repetition, definition)
	case intoList:
		from, to := int(at.offsets[i]), int(at.offsets[i+1])
		if from == to {
			l.null(repetition, definition)
			return
		}
		for element := from; element < to; element++ {
			l.nested(depth+1, element, repetition, definition+1)
			repetition = l.steps[depth].lists
		}
	}
}

func (l *leaf) null(repetition, definition int) {
	l.batch = append(l.batch, parquet.Value{}.Level(repetition, definition, l.index))
	l.page.bytes += entryBytes
}

func (l *leaf) present(i, repetition, definition int) {
	value := l.value(i)
	switch value.Kind() {
	case parquet.ByteArray, parquet.FixedLenByteArray:
		l.page.bytes += int64(len(value.ByteArray()))
	default:
		l.page.bytes += 8
	}
	l.batch = append(l.batch, value.Level(repetition, definition, l.index))
	l.page.bytes += entryBytes
}

// send hands the batch over; the library copies it, so that the record may then go.
func (l *leaf) send() error {
	if len(l.batch) == 0 {
		return nil
	}
	_, err := l.out.WriteRowValues(l.batch)
	clear(l.batch)
	l.batch, l.wide = l.batch[:0], l.wide[:0]
	return err
}

func (l *leaf) endPage() error {
	if err := l.send(); err != nil {
		return err
	}
	l.page = pageSize{}
	return l.out.Flush()
}
