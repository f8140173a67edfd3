package sink

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
)

// writeRows is how many rows are put in order and written at once.
const writeRows = 1024

// compact reads a table's small files in their order and writes their rows into few files.
func (c *compaction) compact(ctx context.Context, table *compactTable) error {
	schema, err := compactSchema(table.is.Schema)
	if err != nil {
		return err
	}
	w := &compactWriter{
		replacement: c.replacement, schema: schema, target: c.options.TargetBytes, memory: c.options.memoryBytes,
		spec: TableSpec{Name: table.is.Name, Kind: table.is.Kind, Schema: schema, Columns: table.is.Columns},
		run:  &compactRun{byDay: table.is.Name == archiveTable},
	}
	if w.run.byDay {
		// Nights come in order, so that more in memory would make no larger files.
		w.memory /= 4
	}
	defer w.abort()
	for _, file := range table.small {
		read := int64(0)
		err := eachRecord(ctx, c.output.storage, file.recordFile, func(record arrow.Record) error {
			share := file.Bytes * record.NumRows() / max(file.Rows, 1)
			read += share
			if c.options.Progress != nil {
				c.options.Progress(table.is.Name, c.done+read, c.total)
			}
			return w.add(ctx, file.recordFile, record, share)
		})
		if err != nil {
			return err
		}
		c.done += file.Bytes
	}
	return w.finish(ctx)
}

// compactWriter gathers rows in memory, puts them in order, and writes them. A file is ended when it has its size, and
// when memory is full and the rows to come do not all sort behind what it has.
type compactWriter struct {
	replacement *Replacement
	spec        TableSpec
	schema      *arrow.Schema
	target      int64
	memory      int64
	run         *compactRun // the rows in memory
	runBytes    int64       // what they had in the files that they came from

	// The file being written, if there is one.
	file      *Writer
	fileBytes int64 // what its rows had in the files that they came from
	last      *compactRow
	days      dayRange
}

// dayRange is the first and the last day of some rows, counted from 1970.
type dayRange struct {
	from, to int32
	any      bool
}

func (d *dayRange) add(day int32) {
	if !d.any {
		d.from, d.to, d.any = day, day, true
	}
	d.from, d.to = min(d.from, day), max(d.to, day)
}

func dayText(day int32) string { return arrow.Date32(day).ToTime().Format(time.DateOnly) }

func (w *compactWriter) add(ctx context.Context, file *recordFile, record arrow.Record, bytes int64) error {
	if err := w.run.add(file, record); err != nil {
		return err
	}
	w.runBytes += bytes
	switch {
	case w.fileBytes+w.runBytes >= w.target:
		return w.finish(ctx)
	case w.run.bytes >= w.memory:
		return w.flush(ctx)
	}
	return nil
}

// flush writes the rows in memory.
func (w *compactWriter) flush(ctx context.Context) error {
	rows := w.run.sorted()
	if len(rows) == 0 {
		return nil
	}
	if w.file != nil && w.run.compare(w.last, &rows[0]) > 0 {
		if err := w.close(); err != nil {
			return err
		}
	}
	if w.file == nil {
		var err error
		if w.file, err = w.replacement.createCompact(w.spec); err != nil {
			return err
		}
	}
	gather := newGatherer(w.schema, w.run.chunks)
	defer gather.release()
	for batch := range slices.Chunk(rows, writeRows) {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		record := gather.record(batch)
		err := w.file.Write(record)
		record.Release()
		if err != nil {
			return err
		}
	}
	for i := range rows {
		w.days.add(rows[i].day)
	}
	w.last = rows[len(rows)-1].alone()
	w.fileBytes += w.runBytes
	w.runBytes = 0
	w.run.reset()
	return nil
}

// finish writes what is in memory and ends the file.
func (w *compactWriter) finish(ctx context.Context) error {
	if err := w.flush(ctx); err != nil {
		return err
	}
	return w.close()
}

func (w *compactWriter) close() error {
	if w.file == nil {
		return nil
	}
	file := w.file
	w.replacement.setDays(file, dayText(w.days.from), dayText(w.days.to))
	w.file, w.fileBytes, w.last, w.days = nil, 0, nil, dayRange{}
	return file.Close()
}

// abort gives up a file that is not ended.
func (w *compactWriter) abort() {
	if w.file != nil {
		w.file.Abort()
	}
	w.run.reset()
}
