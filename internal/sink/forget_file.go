package sink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/parquet-go/parquet-go"
	"golang.org/x/sync/errgroup"
)

// eachFile runs do for so many files, some at once.
func (f *forgetting) eachFile(ctx context.Context, files int, do func(ctx context.Context, i int) error) error {
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(headFiles)
	for i := range files {
		reading.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return do(ctx, i)
		})
	}
	return reading.Wait()
}

// numbersOf reads a file's numbers, and gives the rows of each that is to be forgotten, and all rows.
func (f *forgetting) numbersOf(ctx context.Context, path string) (found map[string]int64, rows int64, err error) {
	in := f.output.storage
	from, err := in.Open(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, damagedFile(in, path, errors.New("there is no such file"))
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading the numbers of %s: %w", in.URI(path), err)
	}
	defer from.Close()
	found = map[string]int64{}
	rows, err = readNumbers(from, func(heads []Head) error {
		for i := range heads {
			if f.options.Holds(heads[i].Numero) {
				found[strings.Clone(heads[i].Numero)]++
			}
		}
		return ctx.Err()
	})
	switch {
	case ctx.Err() != nil:
		return nil, 0, ctx.Err()
	case err != nil:
		return nil, 0, damagedFile(in, path, err)
	}
	return found, rows, nil
}

// readNumbers is readHeads of the number alone, whatever the table.
func readNumbers(from object, visit func([]Head) error) (rows int64, err error) {
	defer recovered(&err)
	ranges, err := newRangeReader(from)
	if err != nil {
		return 0, err
	}
	file, err := parquet.OpenFile(ranges, from.Size(), parquet.SkipMagicBytes(true), parquet.SkipPageIndex(true),
		parquet.SkipBloomFilters(true), parquet.ReadBufferSize(headBufferBytes))
	if err != nil {
		return 0, err
	}
	reader := headReader{heads: make([]Head, headRows)}
	reader.add(file.Schema(), columnNumero, parquet.ByteArray, true, func(h *Head, value parquet.Value, _ *headColumn) error {
		h.Numero = string(value.ByteArray())
		return nil
	})
	if len(reader.columns) == 0 {
		return 0, errors.New("it lacks the numbers")
	}
	for _, group := range file.RowGroups() {
		if err := reader.group(group, visit); err != nil {
			return rows, err
		}
		rows += group.NumRows()
	}
	return rows, nil
}

// rewrite writes a file anew without the rows that are to be forgotten. Of one that has no others there is no new file.
func (f *forgetting) rewrite(ctx context.Context, count fileCount) error {
	file := count.file.recordFile
	schema, err := fileSchema(file.Schema)
	if err != nil {
		return fmt.Errorf("%s: %w", file.Path, err)
	}
	writer, err := f.replacement.createLike(file, schema)
	if err != nil {
		return err
	}
	defer writer.Abort() // after Close nothing
	kept := &rowKeeper{builder: array.NewRecordBuilder(memory.DefaultAllocator, schema), writer: writer, holds: f.options.Holds}
	defer kept.builder.Release()
	err = eachRecord(ctx, f.output.storage, file, func(record arrow.Record) error {
		if err := kept.add(file, record); err != nil {
			return err
		}
		return ctx.Err()
	})
	if err == nil {
		err = kept.flush()
	}
	if err != nil {
		return fmt.Errorf("writing %s anew: %w", file.Path, err)
	}
	if kept.dropped != count.rows {
		return fmt.Errorf("writing %s anew: %d rows left out, %d were found", file.Path, kept.dropped, count.rows)
	}
	if file.isCompact() {
		f.replacement.setDays(writer, dayText(kept.days.from), dayText(kept.days.to))
	}
	return writer.Close()
}

// fileSchema is that of a file, of lines as schemaLines writes them.
func fileSchema(lines []string) (*arrow.Schema, error) {
	// Of the lines it makes a table's columns, and the day behind them, which a night's file does not have.
	schema, err := compactSchema(lines)
	if err != nil {
		return nil, err
	}
	return arrow.NewSchema(schema.Fields()[:len(lines)], nil), nil
}

// rowKeeper passes the rows on that are not to be forgotten.
type rowKeeper struct {
	builder *array.RecordBuilder
	writer  *Writer
	holds   func(numero string) bool
	rows    int // in the builder
	dropped int64
	days    dayRange // of a compacted file's rows
}

func (k *rowKeeper) add(file *recordFile, record arrow.Record) error {
	numeros := stringsOf(record, columnNumero)
	if numeros == nil {
		return errors.New("it lacks the numbers")
	}
	columns := make([]arrow.Array, len(k.builder.Fields()))
	for i, field := range k.builder.Schema().Fields() {
		if columns[i] = columnOf(record, field.Name); columns[i] == nil {
			return fmt.Errorf("it lacks column %s", field.Name)
		}
	}
	chunk := compactChunk{record: record}
	if err := chunk.findDays(file); err != nil {
		return err
	}
	for row := range int(record.NumRows()) {
		if numeros.IsValid(row) && k.holds(numeros.Value(row)) {
			k.dropped++
			continue
		}
		for i, column := range columns {
			appendValue(k.builder.Field(i), column, row)
		}
		k.days.add(chunk.dayOf(row))
		if k.rows++; k.rows == writeRows {
			if err := k.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *rowKeeper) flush() error {
	if k.rows == 0 {
		return nil
	}
	record := k.builder.NewRecord()
	defer record.Release()
	k.rows = 0
	return k.writer.Write(record)
}

// createLike begins a file that takes another's place: of the same table, columns and day.
func (r *Replacement) createLike(file *recordFile, schema *arrow.Schema) (*Writer, error) {
	spec := TableSpec{Name: file.Table, Kind: file.Kind, Schema: schema, Columns: file.Columns}
	if file.isCompact() {
		return r.createCompact(spec)
	}
	return r.create(spec, file.day())
}
