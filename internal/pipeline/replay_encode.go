package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"golang.org/x/sync/errgroup"

	"omega-export/internal/flatten"
	"omega-export/internal/sink"
)

// encode takes the batches in the archive's order and gives each table's rows to the table's own goroutine.
func (p *pass) encode(ctx context.Context, inOrder <-chan *batchJob) error {
	group, ctx := errgroup.WithContext(ctx)
	writers := map[string]*tableWriter{}
	distributed := p.distribute(ctx, group, inOrder, writers)
	for _, writer := range writers {
		close(writer.records)
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for name, writer := range writers {
		if !p.doubts(name) {
			p.replay.report.table(name).Rows += writer.rows
		}
	}
	return distributed
}

func (p *pass) distribute(ctx context.Context, group *errgroup.Group, inOrder <-chan *batchJob, writers map[string]*tableWriter) error {
	total := rowsOf(p.files)
	for job := range inOrder {
		var built *builtBatch
		select {
		case built = <-job.built:
		case <-ctx.Done():
			return ctx.Err()
		}
		for _, name := range slices.Sorted(keys(built.records)) {
			writer := writers[name]
			if writer == nil {
				writer = &tableWriter{pass: p, table: p.tables[name], records: make(chan dayRecord, 1)}
				writers[name] = writer
				group.Go(func() error { return writer.run(ctx) })
			}
			select {
			case writer.records <- dayRecord{built.records[name], job.day}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		p.answers += built.answers
		p.documents += built.documents
		p.replay.rooms.Progress.Replaying("building", p.answers, total)
	}
	return nil
}

// dayRecord is rows of one day's partition.
type dayRecord struct {
	record arrow.Record
	day    string
}

// tableWriter encodes one table, in a goroutine of its own.
type tableWriter struct {
	pass    *pass
	table   *flatten.Table
	records chan dayRecord
	file    *sink.Writer // of the day, or nil
	day     string
	rows    int64
}

func (w *tableWriter) run(ctx context.Context) error {
	defer w.abort()
	for next := range w.records {
		err := w.write(ctx, next)
		next.record.Release()
		if err != nil {
			return fmt.Errorf("table %s: %w", w.table.Name(), err)
		}
	}
	if ctx.Err() != nil || w.pass.doubts(w.table.Name()) {
		return ctx.Err()
	}
	return w.close()
}

func (w *tableWriter) write(ctx context.Context, next dayRecord) error {
	if w.pass.doubts(w.table.Name()) {
		return nil // it is built again
	}
	if w.file != nil && w.day != next.day {
		if err := w.close(); err != nil {
			return err
		}
	}
	if w.file == nil {
		columns, err := w.table.Describe()
		if err != nil {
			return err
		}
		w.day = next.day
		w.file, err = w.pass.replay.replacement.Create(ctx,
			sink.TableSpec{Name: w.table.Name(), Kind: "demande", Schema: w.table.ArrowSchema(), Columns: columns}, next.day)
		if err != nil {
			return err
		}
	}
	w.rows += next.record.NumRows()
	return w.file.Write(next.record)
}

func (w *tableWriter) close() error {
	if w.file == nil {
		return nil
	}
	file := w.file
	w.file = nil
	return file.Close()
}

func (w *tableWriter) abort() {
	if w.file != nil {
		w.file.Abort()
	}
}
