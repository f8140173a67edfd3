package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// readRows is how many rows are read into memory at once.
const readRows = 8192

// eachRecord reads a published file whole, by another Parquet implementation than the one that wrote it, once its sums
// are found to be those that its lot says. A record is good until visit returns, unless it is retained. A file that is
// not what its lot says is ErrDamaged; the visitor's error is returned as it is, and ends the reading, as ctx does.
func eachRecord(ctx context.Context, in storage, want *recordFile, visit func(arrow.Record) error) error {
	from, err := in.Open(ctx, want.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return damagedFile(in, want.Path, errors.New("there is no such file"))
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", in.URI(want.Path), err)
	}
	defer from.Close()
	there, err := digestFrom(readerOf(ctx, from))
	if err != nil {
		return fmt.Errorf("reading %s: %w", in.URI(want.Path), err)
	}
	if there.Bytes != want.Bytes || there.SHA256 != want.SHA256 {
		return damagedFile(in, want.Path, errors.New("its bytes are not those that its lot says"))
	}
	rows := int64(0)
	var visitors error
	_, err = readArrow(ctx, from, func(record arrow.Record) error {
		rows += record.NumRows()
		visitors = visit(record)
		return visitors
	})
	switch {
	case visitors != nil:
		return visitors
	case ctx.Err() != nil:
		return fmt.Errorf("reading %s: %w", in.URI(want.Path), ctx.Err())
	case err != nil:
		return damagedFile(in, want.Path, err)
	case rows != want.Rows:
		return damagedFile(in, want.Path, fmt.Errorf("it has %d rows, its lot says %d", rows, want.Rows))
	}
	return nil
}

func damagedFile(in storage, path string, err error) error {
	return fmt.Errorf("%w: %s: %w; omega-export verify tells all that is damaged", ErrDamaged, in.URI(path), err)
}

// readArrow reads every value of a Parquet file and says what its schema is.
func readArrow(ctx context.Context, from object, visit func(arrow.Record) error) (schema *arrow.Schema, err error) {
	// The reader panics on some of the things that can be wrong with a file. (In goroutines of its own too, which cannot
	// be caught; so nothing is given to it whose sums are not right.)
	defer recovered(&err)
	reader, err := file.NewParquetReader(from)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	arrows, err := pqarrow.NewFileReader(reader, pqarrow.ArrowReadProperties{BatchSize: readRows}, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	records, err := arrows.GetRecordReader(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	defer records.Release()
	for records.Next() {
		if err := visit(records.Record()); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	if err := records.Err(); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return records.Schema(), nil
}
