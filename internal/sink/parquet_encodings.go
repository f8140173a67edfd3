package sink

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"
)

// sampleRows is how many of a file's first rows its encodings follow from.
const sampleRows = 256

// firstRows are held back until there are enough of them.
type firstRows struct {
	records []arrow.Record
	rows    int64
}

// hold takes the record and says whether more are needed.
func (f *firstRows) hold(record arrow.Record) bool {
	record.Retain()
	f.records = append(f.records, record)
	f.rows += record.NumRows()
	return f.rows < sampleRows
}

// schema is the layout's with an encoding for each leaf.
func (f *firstRows) schema(layout *layout) *parquet.Schema {
	encodings := make([]encoding.Encoding, len(layout.leaves))
	shared := &batch{}
	for i, spec := range layout.leaves {
		encodings[i] = &parquet.Plain
		if spec.typ.ID() == arrow.STRING && spec.path[0] != layout.filtered && f.repeats(&leaf{leafSpec: spec, batch: shared}) {
			encodings[i] = &parquet.RLEDictionary
		}
	}
	return layout.with(encodings)
}

// repeats says whether a quarter of a text column's first values have come before, so that a dictionary pays.
func (f *firstRows) repeats(l *leaf) bool {
	met := make(map[string]struct{})
	count, again, rows := 0, 0, int64(sampleRows)
	for _, record := range f.records {
		l.bind(record.Column(l.column))
		first, last := l.reach(0, int(min(rows, record.NumRows())))
		rows -= min(rows, record.NumRows())
		l.elements = resize(l.elements, last-first)
		l.values.fill(l.elements, first, l.batch)
		column := l.levels[len(l.levels)-1].array
		for i, value := range l.elements {
			if column.IsNull(first + i) {
				continue
			}
			count++
			if _, known := met[string(value.ByteArray())]; !known {
				met[string(value.ByteArray())] = struct{}{}
			} else if again++; again >= sampleRows/4 {
				return true
			}
		}
	}
	return 4*again >= count
}
