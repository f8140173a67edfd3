package sink

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// compactRowBytes is what a row takes in memory beside its values.
const compactRowBytes = 64

// compactRun is rows in memory that are sorted together.
type compactRun struct {
	byDay  bool // by day and time, else by number and time
	chunks []compactChunk
	rows   []compactRow
	bytes  int64
}

// compactChunk is a record as it was read.
type compactChunk struct {
	record arrow.Record
	days   *array.Date32 // nil: all its rows are of day
	day    int32
}

// compactRow is a row's key, and where it is.
type compactRow struct {
	numero     string // a view of the chunk's memory
	fetched    int64
	day        int32
	chunk, row int32
}

// alone is the row's key without its chunk's memory.
func (r *compactRow) alone() *compactRow {
	key := *r
	key.numero = strings.Clone(key.numero)
	return &key
}

// add takes a record of a file.
func (r *compactRun) add(file *recordFile, record arrow.Record) error {
	record, err := trimmed(record)
	if err != nil {
		return fmt.Errorf("%s: %w", file.Path, err)
	}
	defer record.Release()
	chunk := compactChunk{record: record}
	if err := chunk.findDays(file); err != nil {
		return fmt.Errorf("%s: %w", file.Path, err)
	}
	numeros := stringsOf(record, columnNumero)
	fetched := stampsOf(record, columnFetched)
	record.Retain()
	r.chunks = append(r.chunks, chunk)
	for i := range int(record.NumRows()) {
		row := compactRow{day: chunk.dayOf(i), chunk: int32(len(r.chunks) - 1), row: int32(i)}
		if numeros != nil && numeros.IsValid(i) {
			row.numero = numeros.Value(i)
		}
		if fetched != nil && fetched.IsValid(i) {
			row.fetched = int64(fetched.Value(i))
		}
		r.rows = append(r.rows, row)
	}
	r.bytes += memoryOf(record) + compactRowBytes*record.NumRows()
	return nil
}

// trimmed is the record in no more memory than it needs: the reader makes room for readRows, however few there are.
func trimmed(record arrow.Record) (arrow.Record, error) {
	if record.NumRows() > readRows/2 {
		record.Retain()
		return record, nil
	}
	columns := make([]arrow.Array, record.NumCols())
	for i, column := range record.Columns() {
		var err error
		if columns[i], err = array.Concatenate([]arrow.Array{column}, memory.DefaultAllocator); err != nil {
			return nil, err
		}
	}
	return array.NewRecord(record.Schema(), columns, record.NumRows()), nil
}

func (c *compactChunk) findDays(file *recordFile) error {
	if !file.isCompact() {
		day, err := time.Parse(time.DateOnly, dayOf(file.Path))
		c.day = int32(arrow.Date32FromTime(day))
		return err
	}
	at := c.record.NumCols() - 1
	days, ok := c.record.Column(int(at)).(*array.Date32)
	if !ok || c.record.ColumnName(int(at)) != partitionColumn || days.NullN() > 0 {
		return errors.New("its last column is not the day of each row")
	}
	c.days = days
	return nil
}

func (c *compactChunk) dayOf(row int) int32 {
	if c.days != nil {
		return int32(c.days.Value(row))
	}
	return c.day
}

func stringsOf(record arrow.Record, name string) *array.String {
	values, _ := columnOf(record, name).(*array.String)
	return values
}

func stampsOf(record arrow.Record, name string) *array.Timestamp {
	values, _ := columnOf(record, name).(*array.Timestamp)
	return values
}

// columnOf is a record's column, or nil.
func columnOf(record arrow.Record, name string) arrow.Array {
	if at := record.Schema().FieldIndices(name); len(at) == 1 {
		return record.Column(at[0])
	}
	return nil
}

// memoryOf is what a record's values take.
func memoryOf(record arrow.Record) (bytes int64) {
	for _, column := range record.Columns() {
		bytes += memoryOfData(column.Data())
	}
	return bytes
}

func memoryOfData(data arrow.ArrayData) (bytes int64) {
	for _, buffer := range data.Buffers() {
		if buffer != nil {
			bytes += int64(buffer.Cap())
		}
	}
	for _, child := range data.Children() {
		bytes += memoryOfData(child)
	}
	return bytes
}

// compare is the order of the rows in a file; rows of one key keep the order in which they came.
func (r *compactRun) compare(a, b *compactRow) int {
	if r.byDay {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.fetched, b.fetched))
	}
	return cmp.Or(strings.Compare(a.numero, b.numero), cmp.Compare(a.fetched, b.fetched))
}

// sorted is the rows in order.
func (r *compactRun) sorted() []compactRow {
	slices.SortStableFunc(r.rows, func(a, b compactRow) int { return r.compare(&a, &b) })
	return r.rows
}

func (r *compactRun) reset() {
	for _, chunk := range r.chunks {
		chunk.record.Release()
	}
	clear(r.chunks)
	clear(r.rows)
	r.chunks, r.rows, r.bytes = r.chunks[:0], r.rows[:0], 0
}
