package sink

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/parquet-go/parquet-go"
)

const (
	// groupRows and groupBytes bound a row group, and so the memory of writing. groupRows is what DuckDB reads in one
	// piece; groupBytes counts values before encoding.
	groupRows  = 122_880
	groupBytes = 128 << 20
	// groupStep is how many rows are written between two looks at groupBytes.
	groupStep = 64
	// dictionaryBytes is the size of a dictionary past which the values to come are written plainly.
	dictionaryBytes = 512 << 10
	// filterBits are a Bloom filter's bits a value: one answer in a hundred is wrong.
	filterBits = 10
)

// parquetWriter writes one Parquet file, column by column. Where pages and row groups end follows from the rows alone,
// not from the records they come in.
type parquetWriter struct {
	to     io.Writer
	layout *layout
	codec  *codec
	file   *parquet.GenericWriter[any] // fed by its columns, never by Go values; nil until the first rows are known
	leaves []*leaf
	first  firstRows
	limit  groupSize // of a row group
	group  groupSize // the row group so far
	rows   int64
}

type groupSize struct {
	rows  int64
	bytes int64
}

func newParquetWriter(to io.Writer, layout *layout, codec *codec) *parquetWriter {
	return &parquetWriter{to: to, layout: layout, codec: codec, limit: groupSize{rows: groupRows, bytes: groupBytes}}
}

// begin begins the file, and writes the rows held back for the choice of its encodings.
func (w *parquetWriter) begin() error {
	options := []parquet.WriterOption{
		w.first.schema(w.layout),
		parquet.Compression(w.codec),
		parquet.DataPageVersion(1),
		parquet.DataPageStatistics(false), // the page index has them
		parquet.PageBufferSize(libraryPageBytes),
		parquet.DictionaryMaxBytes(dictionaryBytes),
	}
	for _, path := range w.layout.wide {
		options = append(options, parquet.SkipPageBounds(path...))
	}
	if w.layout.filtered != "" {
		options = append(options, parquet.BloomFilters(parquet.SplitBlockFilter(filterBits, w.layout.filtered)))
	}
	// Set outside of the options, which would add a version and a build.
	options = append(options, &parquet.WriterConfig{CreatedBy: "omega-export"})
	w.file = parquet.NewGenericWriter[any](w.to, options...)
	shared := &batch{}
	for i, column := range w.file.ColumnWriters() {
		w.leaves = append(w.leaves, &leaf{leafSpec: w.layout.leaves[i], out: column, batch: shared})
	}
	for _, record := range w.first.records {
		if err := w.writeRecord(record); err != nil {
			return err
		}
		record.Release()
	}
	w.first = firstRows{}
	return nil
}

// write adds a record's rows, which must fit the layout.
func (w *parquetWriter) write(record arrow.Record) error {
	if w.file != nil {
		return w.writeRecord(record)
	}
	if w.first.hold(record) {
		return nil
	}
	return w.begin()
}

func (w *parquetWriter) writeRecord(record arrow.Record) error {
	for _, leaf := range w.leaves {
		leaf.bind(record.Column(leaf.column))
	}
	rows := int(record.NumRows())
	for from := 0; from < rows; {
		to, bytes := w.upTo(from, rows)
		for _, leaf := range w.leaves {
			if err := leaf.writeRows(from, to); err != nil {
				return fmt.Errorf("encoding rows: %w", err)
			}
		}
		w.rows += int64(to - from)
		w.group.rows += int64(to - from)
		w.group.bytes += bytes
		if w.group.rows >= w.limit.rows || w.group.bytes >= w.limit.bytes && w.group.rows%groupStep == 0 {
			if err := w.endGroup(); err != nil {
				return fmt.Errorf("encoding rows: %w", err)
			}
		}
		from = to
	}
	return nil
}

// upTo is how far the rows [from, to) go with no end of the row group but perhaps at their own, and how many bytes they
// hold. Steps are counted from the group's beginning, not from the record's.
func (w *parquetWriter) upTo(from, to int) (int, int64) {
	to = int(min(int64(to), int64(from)+w.limit.rows-w.group.rows))
	bytes := w.size(from, to)
	if w.group.bytes+bytes < w.limit.bytes {
		return to, bytes
	}
	to = min(to, from+groupStep-int(w.group.rows%groupStep))
	return to, w.size(from, to)
}

func (w *parquetWriter) size(from, to int) int64 {
	total := int64(0)
	for _, leaf := range w.leaves {
		total += leaf.size(from, to)
	}
	return total
}

func (w *parquetWriter) endGroup() error {
	for _, leaf := range w.leaves {
		if err := leaf.endPage(); err != nil {
			return err
		}
	}
	w.group = groupSize{}
	return w.file.Flush()
}

// close writes what is left and says how many rows the file has.
func (w *parquetWriter) close() (int64, error) {
	if w.file == nil {
		if err := w.begin(); err != nil {
			return 0, err
		}
	}
	if err := w.endGroup(); err != nil {
		return 0, fmt.Errorf("encoding rows: %w", err)
	}
	if err := w.file.Close(); err != nil {
		return 0, fmt.Errorf("ending the Parquet file: %w", err)
	}
	return w.rows, nil
}
