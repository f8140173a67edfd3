package sink

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

const (
	// groupRows and groupBytes bound a row group, and so the memory of writing. groupRows is what DuckDB reads in one
	// piece; groupBytes counts values before encoding.
	groupRows  = 122_880
	groupBytes = 128 << 20
	// groupStep is how many rows are written between two looks at groupBytes.
	groupStep = 64
	// dictionaryBytes is the size of a dictionary past which the values to come are written plainly.
	dictionaryBytes = 256 << 10
)

// parquetWriter writes one Parquet file, column by column. Where pages and row groups end follows from the rows alone,
// not from the records they come in.
type parquetWriter struct {
	file   *parquet.GenericWriter[any] // fed by its columns, never by Go values
	leaves []*leaf
	limit  groupSize // of a row group
	group  groupSize // the row group so far
	rows   int64
}

type groupSize struct {
	rows  int64
	bytes int64
}

func newParquetWriter(to io.Writer, layout *layout) *parquetWriter {
	options := []parquet.WriterOption{
		layout.parquet,
		// A codec of the file's own: the library's shared one keeps encoders for the life of the process.
		parquet.Compression(&zstd.Codec{Level: zstd.DefaultLevel}),
		parquet.DataPageVersion(1),
		parquet.DataPageStatistics(false), // the page index has them
		parquet.PageBufferSize(libraryPageBytes),
		parquet.DictionaryMaxBytes(dictionaryBytes),
	}
	for _, path := range layout.wide {
		options = append(options, parquet.SkipPageBounds(path...))
	}
	// Set outside of the options, which would add a version and a build.
	options = append(options, &parquet.WriterConfig{CreatedBy: "omega-export"})
	w := &parquetWriter{file: parquet.NewGenericWriter[any](to, options...), limit: groupSize{rows: groupRows, bytes: groupBytes}}
	for i, column := range w.file.ColumnWriters() {
		w.leaves = append(w.leaves, &leaf{leafSpec: layout.leaves[i], index: i, out: column})
	}
	return w
}

// write adds a record's rows, which must fit the layout.
func (w *parquetWriter) write(record arrow.Record) error {
	for _, leaf := range w.leaves {
		leaf.bind(record.Column(leaf.column))
	}
	rows := int(record.NumRows())
	for from := 0; from < rows; {
		// Steps are counted from the group's beginning, not from the record's.
		to := min(rows, from+groupStep-int(w.group.rows%groupStep))
		if err := w.writeRows(from, to); err != nil {
			return fmt.Errorf("encoding rows: %w", err)
		}
		from = to
	}
	for _, leaf := range w.leaves {
		if err := leaf.send(); err != nil {
			return fmt.Errorf("encoding rows: %w", err)
		}
	}
	return nil
}

func (w *parquetWriter) writeRows(from, to int) error {
	for _, leaf := range w.leaves {
		bytes, err := leaf.writeRows(from, to)
		if err != nil {
			return err
		}
		w.group.bytes += bytes
	}
	rows := int64(to - from)
	w.rows += rows
	w.group.rows += rows
	if w.group.rows >= w.limit.rows || w.group.bytes >= w.limit.bytes && w.group.rows%groupStep == 0 {
		return w.endGroup()
	}
	return nil
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
	if err := w.endGroup(); err != nil {
		return 0, fmt.Errorf("encoding rows: %w", err)
	}
	if err := w.file.Close(); err != nil {
		return 0, fmt.Errorf("ending the Parquet file: %w", err)
	}
	return w.rows, nil
}
