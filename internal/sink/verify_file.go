package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// readRows is how many rows verification holds in memory at once.
const readRows = 8192

// checkFile says what is wrong with a published file, or "". The error is that of ctx.
func checkFile(ctx context.Context, in storage, want *recordFile) (string, error) {
	object, err := in.Open(ctx, want.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return "lost: there is no such file", nil
	}
	if err != nil {
		return fmt.Sprintf("cannot be read: %v", err), nil
	}
	defer object.Close()
	if object.Size() != want.Bytes {
		return fmt.Sprintf("damaged: it has %d bytes, its lot says %d", object.Size(), want.Bytes), nil
	}
	there, err := digestFrom(readerOf(ctx, object))
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return fmt.Sprintf("cannot be read: %v", err), nil
	case there.SHA256 != want.SHA256:
		return "damaged: its SHA-256 is not the one that its lot says", nil
	case there.CRC32C != want.CRC32C:
		return "its CRC32C is not the one that its lot says", nil
	}
	schema, rows, err := readParquet(ctx, object)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return fmt.Sprintf("unreadable as Parquet: %v", err), nil
	case !slices.Equal(schema, want.Schema):
		return "its schema is not the one that its lot says", nil
	case rows != want.Rows:
		return fmt.Sprintf("it has %d rows, its lot says %d", rows, want.Rows), nil
	}
	return "", nil
}

// readParquet reads every value of a file and says what its schema and how many its rows are.
func readParquet(ctx context.Context, from object) (schema []string, rows int64, err error) {
	// The reader panics on some of the things that can be wrong with a file. (In goroutines of its own too, which cannot
	// be caught; so nothing is given to it whose sums are not right.)
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the reader gave up: %v", cause)
		}
	}()
	reader, err := file.NewParquetReader(from)
	if err != nil {
		return nil, 0, err
	}
	defer reader.Close()
	arrows, err := pqarrow.NewFileReader(reader, pqarrow.ArrowReadProperties{BatchSize: readRows}, memory.DefaultAllocator)
	if err != nil {
		return nil, 0, err
	}
	records, err := arrows.GetRecordReader(ctx, nil, nil)
	if err != nil {
		return nil, 0, err
	}
	defer records.Release()
	for records.Next() {
		rows += records.Record().NumRows()
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
	}
	if err := records.Err(); err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	return schemaLines(records.Schema()), rows, nil
}

// readerOf reads until ctx ends.
func readerOf(ctx context.Context, from io.Reader) io.Reader {
	return readerFunc(func(b []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return from.Read(b)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }
