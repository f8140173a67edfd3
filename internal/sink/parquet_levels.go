package sink

import (
	"sort"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/parquet-go/parquet-go"
)

const (
	// pieceRows is how many rows are handed to the library at once.
	pieceRows = 1024
	// pageBytes and pageRows bound a page, at the end of a row. pageBytes counts what the library holds for the page,
	// entryBytes an entry beside its value at most, and stays below the size at which the library ends a page by
	// itself: that would be at the end of a batch, and so depend on how rows came in records.
	//
	// A replay has a page open for each column of each table: these bounds are most of its memory.
	pageBytes  = 256 << 10
	pageRows   = 8_192
	entryBytes = 18
	// libraryPageBytes is the size at which the library ends a page by itself.
	libraryPageBytes = 512 << 10
)

// leaf writes one Parquet column. An entry is a value or a NULL, with its two levels: how many of the fields on its
// path that may be absent are present (definition), and at which list on its path it goes on (repetition).
type leaf struct {
	leafSpec
	out    *parquet.ColumnWriter
	levels []bound
	values values // of the bound record
	page   pageSize
	*batch
}

// batch is what is handed over next. The leaves share it, as each hands over what it has put there.
type batch struct {
	entries  []parquet.Value
	elements []parquet.Value // of a nested column, without the NULLs above them
	wide     []byte          // holds the decimals
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
			l.values = valuesOf(column, l.typ)
		}
		l.levels = append(l.levels, at)
	}
}

// size is how many bytes the library holds for the rows [from, to) at most. It adds up over neighbouring ranges.
func (l *leaf) size(from, to int) int64 {
	entries := to - from
	from, to = l.reach(from, to)
	if len(l.steps) > 1 {
		entries += to - from
	}
	return int64(entries)*entryBytes + l.values.size(from, to)
}

// reach is which values the rows [from, to) have.
func (l *leaf) reach(from, to int) (int, int) {
	for i, step := range l.steps {
		if step.kind == intoList {
			from, to = int(l.levels[i].offsets[from]), int(l.levels[i].offsets[to])
		}
	}
	return from, to
}

// writeRows writes the rows [from, to) of the bound record.
func (l *leaf) writeRows(from, to int) error {
	for from < to {
		end := min(to, from+pieceRows, from+pageRows-l.page.rows)
		size := l.size(from, end)
		if l.page.bytes+size >= pageBytes {
			// The first row that fills the page is its last.
			end = from + 1 + sort.Search(end-from-1, func(i int) bool { return l.page.bytes+l.size(from, from+1+i) >= pageBytes })
			size = l.size(from, end)
		}
		if err := l.send(from, end); err != nil {
			return err
		}
		l.page.rows += end - from
		l.page.bytes += size
		if l.page.bytes >= pageBytes || l.page.rows >= pageRows {
			if err := l.endPage(); err != nil {
				return err
			}
		}
		from = end
	}
	return nil
}

// send hands rows over; the library copies them, so that the record may then go.
func (l *leaf) send(from, to int) error {
	l.entries = l.entries[:0]
	if len(l.steps) == 1 {
		l.flat(from, to)
	} else {
		first, last := l.reach(from, to)
		l.elements = resize(l.elements, last-first)
		l.values.fill(l.elements, first, l.batch)
		for i := from; i < to; i++ {
			l.nested(0, i, 0, 0, first)
		}
	}
	_, err := l.out.WriteRowValues(l.entries)
	l.wide = l.wide[:0]
	return err
}

func resize(values []parquet.Value, size int) []parquet.Value {
	if cap(values) < size {
		return make([]parquet.Value, size, size+size/2)
	}
	return values[:size]
}

func (l *leaf) flat(from, to int) {
	l.entries = resize(l.entries, to-from)
	column := l.levels[0].array
	if nulls := column.NullN(); nulls < column.Len() {
		l.values.fill(l.entries, from, l.batch)
		for i := range l.entries {
			l.entries[i].SetDefinitionLevel(1)
		}
		if nulls == 0 {
			return
		}
		bits, first := column.NullBitmapBytes(), column.Data().Offset()+from
		for i := range l.entries {
			if bits[(first+i)/8]>>((first+i)%8)&1 == 0 {
				l.entries[i] = parquet.Value{}
			}
		}
		return
	}
	clear(l.entries)
}

// nested adds the entries of element i of the array at a step. The element goes on at the list numbered repetition,
// and definition fields above it are present. The values filled in begin at the one numbered first.
func (l *leaf) nested(depth, i, repetition, definition, first int) {
	at := &l.levels[depth]
	if at.array.IsNull(i) {
		l.add(parquet.Value{}, repetition, definition)
		return
	}
	definition++
	switch l.steps[depth].kind {
	case intoValue:
		l.add(l.elements[i-first], repetition, definition)
	case intoStruct:
		l.nested(depth+1, i, repetition, definition, first)
	case intoList:
		from, to := int(at.offsets[i]), int(at.offsets[i+1])
		if from == to {
			l.add(parquet.Value{}, repetition, definition)
			return
		}
		for element := from; element < to; element++ {
			l.nested(depth+1, element, repetition, definition+1, first)
			repetition = l.steps[depth].lists
		}
	}
}

func (l *leaf) add(value parquet.Value, repetition, definition int) {
	value.SetRepetitionLevel(repetition)
	value.SetDefinitionLevel(definition)
	l.entries = append(l.entries, value)
}

func (l *leaf) endPage() error {
	l.page = pageSize{}
	return l.out.Flush()
}
