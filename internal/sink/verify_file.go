package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

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
	schema, rows, err := readParquet(ctx, object, want)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, errDays):
		return err.Error(), nil
	case err != nil:
		return fmt.Sprintf("unreadable as Parquet: %v", err), nil
	case !slices.Equal(schema, want.Schema):
		return "its schema is not the one that its lot says", nil
	case rows != want.Rows:
		return fmt.Sprintf("it has %d rows, its lot says %d", rows, want.Rows), nil
	}
	return "", nil
}

// readParquet reads every value of a file and says what its schema and how many its rows are. The error also says that
// a compacted file's rows are not of its days.
func readParquet(ctx context.Context, from object, want *recordFile) (schema []string, rows int64, err error) {
	read, err := readArrow(ctx, from, func(record arrow.Record) error {
		rows += record.NumRows()
		if want.isCompact() {
			return checkRowDays(record, want)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	return schemaLines(read), rows, nil
}

// errDays says that a compacted file has rows of other days than it should.
var errDays = errors.New("its rows are not of the days that its lot says")

// checkRowDays holds the day of each row against a compacted file's days.
func checkRowDays(record arrow.Record, want *recordFile) error {
	chunk := compactChunk{record: record}
	if err := chunk.findDays(want); err != nil {
		return fmt.Errorf("%w: %w", errDays, err)
	}
	days := dayRange{}
	for row := range int(record.NumRows()) {
		days.add(chunk.dayOf(row))
	}
	if from, to := dayText(days.from), dayText(days.to); days.any && (from < want.From || to > want.To) {
		return fmt.Errorf("%w: %s to %s", errDays, from, to)
	}
	return nil
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
