package pipeline

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"golang.org/x/sync/errgroup"

	"omega-export/internal/flatten"
	"omega-export/internal/sink"
)

// pass reads archive files once and writes the rows of some tables: one goroutine reads, some decode and build, one a
// table encodes. Rows keep the archive's order, so that the files follow from the archive alone.
type pass struct {
	replay *replay
	files  []sink.ArchiveFile
	tables map[string]*flatten.Table
	// final says that what has no column now gets none: it was looked at before.
	final bool

	answers, documents int64 // read, and those that are rows

	mutex     sync.Mutex
	undecided map[string]bool // tables that are new, or in which a value came that has no column
}

// batchJob is a batch on its way through the pass.
type batchJob struct {
	batch *sink.AnswerBatch
	day   string
	built chan *builtBatch // gets one
}

// builtBatch is a batch's rows, by table.
type builtBatch struct {
	records   map[string]arrow.Record
	answers   int64
	documents int64
}

func (r *replay) newPass(tables map[string]*flatten.Table, files []sink.ArchiveFile) *pass {
	return &pass{replay: r, files: files, tables: tables, final: r.config.Freeze, undecided: map[string]bool{}}
}

// settled says that the tables have been learned from these files.
func (p *pass) settled() *pass {
	p.final = true
	return p
}

func (p *pass) run(ctx context.Context) error {
	workers := p.replay.config.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	group, ctx := errgroup.WithContext(ctx)
	jobs := make(chan *batchJob)
	inOrder := make(chan *batchJob, workers)
	group.Go(func() error {
		defer close(jobs)
		defer close(inOrder)
		return p.read(ctx, jobs, inOrder)
	})
	for range workers {
		group.Go(func() error { return p.build(ctx, jobs) })
	}
	group.Go(func() error { return p.encode(ctx, inOrder) })
	return group.Wait()
}

// read hands each batch to a builder, and notes the order.
func (p *pass) read(ctx context.Context, jobs, inOrder chan<- *batchJob) error {
	for _, file := range p.files {
		err := p.replay.rooms.Answers.ReadAnswers(ctx, file, func(batch *sink.AnswerBatch) error {
			job := &batchJob{batch: batch, day: batch.Day, built: make(chan *builtBatch, 1)}
			for _, to := range []chan<- *batchJob{inOrder, jobs} {
				select {
				case to <- job:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// build makes records of batches until there are no more.
func (p *pass) build(ctx context.Context, jobs <-chan *batchJob) error {
	worker := &passWorker{pass: p, reader: documentReader{replay: p.replay}, builders: map[string]*flatten.Builder{}}
	defer worker.end()
	for job := range jobs {
		built, err := worker.build(job.batch)
		job.batch.Release()
		if err != nil {
			return err
		}
		job.built <- built
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// doubt notes a table that the pass cannot finish.
func (p *pass) doubt(name string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.undecided[name] = true
}

func (p *pass) doubts(name string) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.undecided[name]
}

// passWorker decodes and builds, for one goroutine.
type passWorker struct {
	pass     *pass
	reader   documentReader
	builders map[string]*flatten.Builder
}

func (w *passWorker) build(batch *sink.AnswerBatch) (*builtBatch, error) {
	built := &builtBatch{records: map[string]arrow.Record{}, answers: int64(len(batch.Answers))}
	for i := range batch.Answers {
		answer := &batch.Answers[i]
		name, ok := w.reader.read(answer)
		if !ok {
			continue
		}
		built.documents++
		builder, err := w.builder(name)
		if err != nil {
			return nil, err
		}
		if builder == nil {
			continue
		}
		origin := flatten.Origin{
			Numero: answer.Numero, FetchedAt: answer.FetchedAt, CodeCDGF: answer.CodeCDGF, Lot: answer.Lot, SHA256: answer.SHA256,
		}
		if err := builder.AppendDocument(origin, &w.reader.document); err != nil {
			return nil, err
		}
	}
	for name, builder := range w.builders {
		if builder.Rows() > 0 {
			built.records[name] = builder.Record()
		}
		if !w.pass.final && lacksColumns(builder.Drift()) {
			w.pass.doubt(name)
		}
	}
	return built, nil
}

// builder is the table's builder, or nil if the table is not one of this pass, or in doubt.
func (w *passWorker) builder(name string) (*flatten.Builder, error) {
	if builder := w.builders[name]; builder != nil {
		return builder, nil
	}
	table := w.pass.tables[name]
	if table == nil {
		if !w.pass.final {
			w.pass.doubt(name)
		}
		return nil, nil
	}
	builder, err := flatten.NewBuilderUnder(table, w.pass.replay.rooms.Personal)
	if err != nil {
		return nil, err
	}
	w.builders[name] = builder
	return builder, nil
}

// lacksColumns says whether a value came that more columns might hold.
func lacksColumns(drift flatten.Drift) bool {
	return slices.ContainsFunc(drift.Fields, func(field flatten.DriftField) bool { return field.Reason == flatten.NoColumn })
}

// end frees the builders, and reports what found no column.
func (w *passWorker) end() {
	report := w.pass.replay.report
	w.pass.mutex.Lock()
	defer w.pass.mutex.Unlock()
	for name, builder := range w.builders {
		if !w.pass.undecided[name] {
			report.table(name).drifted(builder.Drift())
		}
		builder.Release()
	}
}
