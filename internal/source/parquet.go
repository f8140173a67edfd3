package source

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

const (
	parquetMagic = "PAR1"
	// parquetBatch is how many values are decoded at once.
	parquetBatch = 1024
)

// readParquetFile reads the two columns of a Parquet list, and nothing of the others.
func (l *list) readParquetFile(ctx context.Context, opened *os.File) error {
	file, where, err := openParquet(opened)
	if err != nil {
		return l.fail(0, err)
	}
	rows := int64(0)
	for _, group := range file.RowGroups() {
		if err := l.readRowGroup(ctx, group, where, rows); err != nil {
			return err
		}
		rows += group.NumRows()
	}
	return nil
}

// openParquet finds the columns; where is their places among the file's leaves.
func openParquet(opened *os.File) (file *parquet.File, where columns, err error) {
	info, err := opened.Stat()
	if err != nil {
		return nil, columns{}, explained(err)
	}
	err = protected(func() (err error) {
		if err = checkFooter(opened, info.Size()); err == nil {
			file, err = parquet.OpenFile(opened, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		}
		return err
	})
	if err != nil {
		return nil, columns{}, fmt.Errorf("it begins like Parquet but is damaged or cut short, copy or export it again: %w", err)
	}
	top := file.Root().Columns()
	names := make([]string, len(top))
	for i, column := range top {
		names[i] = column.Name()
	}
	found, err := findColumns(names)
	if err != nil {
		return nil, columns{}, err
	}
	where.code = -1
	if found.code >= 0 {
		if err := checkText(top[found.code]); err != nil {
			return nil, columns{}, err
		}
		where.code = top[found.code].Index()
	}
	where.numero = top[found.numero].Index()
	return file, where, checkText(top[found.numero])
}

// checkFooter checks the file's last bytes, by which the library would allocate up to 4 GiB where they are damaged.
func checkFooter(file io.ReaderAt, size int64) error {
	const tail = 8 // the metadata's length and the magic
	last := make([]byte, tail)
	if _, err := file.ReadAt(last, size-tail); err != nil {
		return err
	}
	if magic := string(last[4:]); magic != parquetMagic {
		return fmt.Errorf("it ends with %q, not with %q", magic, parquetMagic)
	}
	if length := int64(binary.LittleEndian.Uint32(last)); length > size-tail-int64(len(parquetMagic)) {
		return fmt.Errorf("its metadata of %d bytes is longer than the file", length)
	}
	return nil
}

// checkText refuses a column of anything but text: what it holds instead, such as a number that has lost its leading
// zeros, is not what was meant.
func checkText(column *parquet.Column) error {
	if column.Leaf() && !column.Repeated() {
		if logical := column.Type().LogicalType(); logical != nil {
			if _, text := logical.Value.(*format.StringType); text {
				return nil
			}
		}
	}
	return fmt.Errorf("its column %s is not STRING but %s, cast it when the file is written", column.Name(), column)
}

// readRowGroup visits the rows of one group, which come after the given number of rows.
func (l *list) readRowGroup(ctx context.Context, group parquet.RowGroup, where columns, before int64) (err error) {
	chunks := group.ColumnChunks()
	numeros := &parquetColumn{chunk: chunks[where.numero]}
	defer numeros.close()
	codes := &parquetColumn{}
	if where.code >= 0 {
		codes.chunk = chunks[where.code]
		defer codes.close()
	}
	for i := range group.NumRows() {
		found := row{line: before + i + 1}
		if found.numero, err = numeros.next(); err == nil && codes.chunk != nil {
			found.code, err = codes.next()
		}
		if err != nil {
			return l.fail(found.line, fmt.Errorf("its Parquet data is damaged, copy or export it again: %w", err))
		}
		found.text = found.numero
		found.numero, found.code = bytes.TrimSpace(found.numero), bytes.TrimSpace(found.code)
		if err := l.row(ctx, found); err != nil {
			return err
		}
	}
	return nil
}

// parquetColumn gives the values of a column chunk one by one.
type parquetColumn struct {
	chunk  parquet.ColumnChunk
	reader parquet.ColumnChunkValueReader
	batch  []parquet.Value // they point into a page, and are good until the next batch is read
	at     int
}

// next gives the next value, nil for NULL, good until the call after it. There must be one more.
func (c *parquetColumn) next() ([]byte, error) {
	if c.at == len(c.batch) {
		if err := protected(c.read); err != nil {
			return nil, err
		}
	}
	value := c.batch[c.at]
	c.at++
	if value.IsNull() {
		return nil, nil
	}
	return value.ByteArray(), nil
}

func (c *parquetColumn) read() error {
	if c.reader == nil {
		c.reader = parquet.NewColumnChunkValueReader(c.chunk)
	}
	batch := c.batch[:cap(c.batch)]
	if len(batch) == 0 {
		batch = make([]parquet.Value, parquetBatch)
	}
	count, err := c.reader.ReadValues(batch)
	c.batch, c.at = batch[:count], 0
	switch {
	case count > 0:
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF // the group tells of more rows than the column has
	}
	return err
}

func (c *parquetColumn) close() {
	if c.reader != nil {
		_ = protected(c.reader.Close) // it was only read
	}
}

// protected calls into the Parquet library, which panics at some damaged files.
func protected(call func() error) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("it cannot be decoded: %v", panicked)
		}
	}()
	return call()
}
