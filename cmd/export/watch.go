package main

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"omega-export/internal/ledger"
	"omega-export/internal/pipeline"
	"omega-export/internal/telemetry"
)

// watch gathers how a run goes, and has it told to those who asked. It is the run's pipeline.Watcher.
type watch struct {
	runID     string
	every     time.Duration
	file      *telemetry.MetricsFile // nil: no metrics
	watchdog  *telemetry.Watchdog    // nil: no pings
	traced    context.Context        // with the trace that the run is part of
	tracer    trace.Tracer
	endTraces func()
	stop      context.CancelFunc // ends what goes on beside the run
	beside    sync.WaitGroup
	ended     bool

	mutex    sync.Mutex // guards all below
	log      *slog.Logger
	books    *ledger.Ledger // nil while it is not open
	snapshot telemetry.Snapshot
	down     map[string]time.Time // since when, by supplier
	failed   bool                 // the file could not be written the last time
}

// start begins what goes on beside the run: it pings, and writes the metrics now and then.
func (w *watch) start(ctx context.Context) {
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	if w.watchdog != nil {
		w.beside.Go(func() {
			if err := w.watchdog.Started(ctx); err != nil && ctx.Err() == nil {
				w.warn("the watchdog does not know that the run has begun", err)
			}
		})
	}
	if w.file != nil {
		w.beside.Go(func() { w.keepWriting(ctx) })
	}
}

func (w *watch) keepWriting(ctx context.Context) {
	ticker := time.NewTicker(w.every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.writeOrWarn()
		}
	}
}

// writeOrWarn warns once, until the file can be written again.
func (w *watch) writeOrWarn() {
	err := w.write()
	w.mutex.Lock()
	told := w.failed
	w.failed = err != nil
	w.mutex.Unlock()
	if err != nil && !told {
		w.warn("the metrics are not written", err)
	}
}

func (w *watch) write() error { return w.file.Write(w.now()) }

// now is the snapshot of this moment.
func (w *watch) now() telemetry.Snapshot {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.pulse()
	s := w.snapshot
	s.WrittenAt = time.Now()
	s.Rejects = maps.Clone(s.Rejects)
	s.Suppliers = slices.Clone(s.Suppliers)
	for i := range s.Suppliers {
		s.Suppliers[i].Answers = maps.Clone(s.Suppliers[i].Answers)
	}
	for _, since := range w.down {
		if s.OutageFrom.IsZero() || since.Before(s.OutageFrom) {
			s.OutageFrom = since
		}
	}
	return s
}

// pulse reads what the ledger holds. Under mutex, so that the ledger is not closed meanwhile.
func (w *watch) pulse() {
	if w.books == nil {
		return
	}
	pulse, err := w.books.Pulse(context.Background())
	if err != nil {
		return // the run itself will fail at the ledger, and say so
	}
	w.snapshot.Stored = telemetry.Stored{
		Bytes: pulse.FileBytes, LotsWaiting: pulse.Lots.Waiting, AnswersWaiting: pulse.Lots.WaitingAnswers + pulse.Lots.UnsealedAnswers,
		OldestUnpublished: pulse.Lots.OldestWaiting,
	}
	if pulse.LastSuccess.After(w.snapshot.LastSuccess) {
		w.snapshot.LastSuccess = pulse.LastSuccess
	}
}

// opened gives the watch the ledger, the run's own logger and its suppliers.
func (w *watch) opened(books *ledger.Ledger, log *slog.Logger, suppliers []telemetry.Supplier) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.books, w.log, w.snapshot.Suppliers = books, log, suppliers
}

// watched is the suppliers as the watch knows them.
func (c *runCmd) watched(suppliers []supplier) []telemetry.Supplier {
	known := make([]telemetry.Supplier, len(suppliers))
	for i, supplier := range suppliers {
		known[i] = telemetry.Supplier{
			Code: supplier.CodeCDGF, Rate: supplier.rate(c.Rate),
			Answers: map[string]int64{"document": 0, "rejected": 0, "too_many": 0, "transient": 0}, // from 0 on, so that a rule sees the first one
		}
	}
	return known
}

// closing takes the ledger's last pulse, and the ledger back.
func (w *watch) closing() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.pulse()
	w.books = nil
}

// end tells how the run ended. It takes some seconds at most, whatever is out of reach.
func (w *watch) end(err error) { w.endWith(outcomeOf(err), exitCode(err)) }

func (w *watch) endWith(outcome string, code int) {
	w.ended = true
	w.stop()
	w.beside.Wait()
	w.mutex.Lock()
	w.snapshot.EndedAt, w.snapshot.Outcome, w.snapshot.ExitCode = time.Now(), outcome, code
	if code == exitDone && !w.snapshot.DryRun {
		w.snapshot.LastSuccess = w.snapshot.EndedAt
	}
	w.mutex.Unlock()
	if w.file != nil {
		w.writeOrWarn()
	}
	var telling sync.WaitGroup
	telling.Go(w.endTraces)
	if w.watchdog != nil {
		telling.Go(func() {
			if err := w.watchdog.Ended(context.Background(), w.now()); err != nil {
				w.warn("the watchdog does not know that the run has ended", err)
			}
		})
	}
	telling.Wait()
}

// endIfBug tells of a run that ends by a panic.
func (w *watch) endIfBug() {
	if !w.ended {
		w.endWith("failed", exitBug)
	}
}

func (w *watch) warn(message string, err error) {
	w.mutex.Lock()
	log := w.log
	w.mutex.Unlock()
	log.Warn(message+"; the run goes on", "error", err)
}

// outcomeOf is how a command ended, in a word.
func outcomeOf(err error) string {
	switch exitCode(err) {
	case exitDone:
		return "complete"
	case exitStopped:
		return "stopped"
	}
	return "failed"
}

// Planned notes what is to be done.
func (w *watch) Planned(report pipeline.Report) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	s := &w.snapshot
	s.Listed, s.BadLines, s.Due = report.Lists.Numbers, report.Lists.BadLines, report.Due
	for i, plan := range report.Plan {
		if i < len(s.Suppliers) {
			s.Suppliers[i].Due = plan.NeverAnswered + plan.Again
			s.Suppliers[i].Left = s.Suppliers[i].Due
		}
	}
}

// Recorded notes what has come.
func (w *watch) Recorded(counts pipeline.Counts, rejects map[string]int64, suppliers []pipeline.SupplierStanding) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	s := &w.snapshot
	s.Settled, s.Documents, s.Unchanged, s.Retries = counts.Settled, counts.Documents, counts.Unchanged, counts.Retries
	if len(rejects) > 0 {
		if s.Rejects == nil {
			s.Rejects = map[string]int64{}
		}
		maps.Copy(s.Rejects, rejects)
	}
	for i, standing := range suppliers {
		if i >= len(s.Suppliers) {
			break
		}
		supplier := &s.Suppliers[i]
		maps.Copy(supplier.Answers, standing.Answers)
		supplier.Left = max(supplier.Due-standing.Settled, 0)
		supplier.Used = standing.QuotaUsed
		if calling := standing.LastCall.Sub(standing.FirstCall); standing.Calls > 0 {
			supplier.Slots = 1 + calling.Seconds()/standing.Interval.Seconds()
		}
	}
}

// Published notes what has been published.
func (w *watch) Published(lots int, tables map[string]*pipeline.TableCounts) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.snapshot.Published = lots
	w.snapshot.Tables = w.snapshot.Tables[:0:0]
	for name, counts := range tables {
		table := telemetry.Table{
			Name: name, Rows: counts.Rows, NewColumns: int64(len(counts.NewColumns)), DriftRows: counts.DriftRows, Misfits: map[string]int64{},
		}
		for _, field := range counts.Drift {
			table.Misfits[field.Reason] += field.Count
		}
		w.snapshot.Tables = append(w.snapshot.Tables, table)
	}
}

// Down notes that a supplier's API is away, or back.
func (w *watch) Down(supplier string, since time.Time) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if since.IsZero() {
		delete(w.down, supplier)
		return
	}
	if w.down == nil {
		w.down = map[string]time.Time{}
	}
	w.down[supplier] = since
}
