package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"omega-export/internal/ledger"
	"omega-export/internal/sink"
)

const (
	// recordRows and recordBytes bound one Arrow record, and so the memory of publishing.
	recordRows  = 20_000
	recordBytes = 32 << 20
)

// publisher seals answers into lots and writes the lots to the output.
type publisher struct {
	rooms  Rooms
	config Config
	report *Report         // its Tables, Lots and Waiting are written under mutex
	ctx    context.Context // ends some time after the run is told to stop; what is not published then waits in the ledger

	mutex      sync.Mutex // one lot at a time
	background errgroup.Group
	under      atomic.Int32 // how many background publications go on or wait: two are enough
}

// seal makes a lot of the answers that stand open, if there are any.
func (p *publisher) seal() (sealed bool, err error) {
	ctx, end := p.rooms.span(context.WithoutCancel(p.ctx), "seal")
	lot, sealed, err := p.rooms.Ledger.Seal(ctx, time.Now())
	trace.SpanFromContext(ctx).SetAttributes(attribute.String("omega.lot", lot.Name), attribute.Int64("omega.answers", lot.Answers))
	end(err)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrState, err)
	}
	if sealed {
		p.rooms.Log.Info("lot sealed", "lot", lot.Name, "answers", lot.Answers)
	}
	return sealed, nil
}

// sealAndPublish seals what stands open and publishes it while the fetch goes on. A failure to publish is logged: finish tries again.
func (p *publisher) sealAndPublish() error {
	sealed, err := p.seal()
	if !sealed || err != nil {
		return err
	}
	// The one that goes on may not see this lot, the next one will. With an output that is away for hours each takes its
	// time to fail, and many of them would hold up the end of the run.
	if p.under.Add(1) > 2 {
		p.under.Add(-1)
		return nil
	}
	p.background.Go(func() error {
		defer p.under.Add(-1)
		if err := p.publishWaiting(); err != nil {
			p.rooms.Log.Error("publishing failed, tried again at the end of the run", "error", err)
		}
		return nil
	})
	return nil
}

// sealEvery does that every so often, as long as ctx lasts; not at all if every is 0.
func (p *publisher) sealEvery(ctx context.Context, every time.Duration) error {
	if every <= 0 {
		return nil
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := p.sealAndPublish(); err != nil {
				return err
			}
		}
	}
}

// finish seals what is left and publishes every lot that waits.
func (p *publisher) finish() error {
	_ = p.background.Wait() // its failures are logged, and its lots still wait
	if _, err := p.seal(); err != nil {
		return err
	}
	return p.publishWaiting()
}

// publishWaiting publishes the sealed lots, oldest first.
func (p *publisher) publishWaiting() error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	bookkeeping := context.WithoutCancel(p.ctx)
	lots, err := p.rooms.Ledger.Unpublished(bookkeeping)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	for i, lot := range lots {
		p.report.Waiting = len(lots) - i
		publishing, end := p.rooms.span(p.ctx, "publish", attribute.String("omega.lot", lot.Name), attribute.Int64("omega.answers", lot.Answers))
		files, err := p.publish(publishing, lot)
		end(err)
		if err != nil {
			return fmt.Errorf("%w: publishing lot %s (it is safe in the ledger; run again): %w", ErrPublish, lot.Name, err)
		}
		if err := p.rooms.Ledger.MarkPublished(bookkeeping, lot, time.Now()); err != nil {
			return fmt.Errorf("%w: %w", ErrState, err)
		}
		p.report.published(lot, files)
		p.rooms.Log.Info("lot published", "lot", lot.Name, "answers", lot.Answers)
		p.rooms.Watcher.Published(len(p.report.Lots), p.report.Tables)
	}
	p.report.Waiting = 0
	return nil
}

// publish writes one lot: first into the archive, if it is elsewhere, then into the output. What is committed is not written
// again, so that a kill between the two costs nothing. It gives the files that it wrote: none of a lot that was published already.
func (p *publisher) publish(ctx context.Context, lot ledger.Lot) ([]sink.LotFile, error) {
	published, err := p.rooms.Output.HasLot(lot.Name)
	if err != nil || published {
		return nil, err
	}
	writing := &lotWriter{rooms: p.rooms, freeze: p.config.Freeze, lot: lot, counts: map[string]*TableCounts{}, told: p.report.Tables}
	var archived []sink.LotFile
	if archive := p.rooms.Archive.Output; archive != nil {
		if archived, _, err = p.publishInto(ctx, archive, writing, writing.archived); err != nil {
			return nil, fmt.Errorf("the archive %s: %w", archive.URI(), err)
		}
	}
	files, fresh, err := p.publishInto(ctx, p.rooms.Output, writing, writing.all)
	if err != nil || !fresh {
		return nil, err
	}
	// Counted only now: a lot that fails half-way is written, and would be counted, again.
	for name, counts := range writing.counts {
		if counts.Rows > 0 || name != "rejets" {
			p.report.table(name).add(counts)
		}
	}
	return append(archived, files...), nil
}

// publishInto writes one lot's part into an output, and gives its files. Once its commit record stands, nothing is left to
// do: fresh is then false.
func (p *publisher) publishInto(ctx context.Context, output *sink.Output, writing *lotWriter, write func(context.Context) error) (files []sink.LotFile, fresh bool, err error) {
	lot := writing.lot
	published, err := output.HasLot(lot.Name)
	if err != nil || published {
		return nil, false, err
	}
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		return nil, false, fmt.Errorf("loading the time zone Europe/Paris: %w", err)
	}
	out, err := output.Begin(ctx, sink.LotInfo{
		Name: lot.Name, DateExport: lot.SealedAt.In(zone).Format(time.DateOnly), Mode: p.config.Mode, SealedAt: lot.SealedAt,
	})
	if errors.Is(err, sink.ErrPublished) {
		return nil, false, nil // by another process of this ledger, meanwhile
	}
	if err != nil {
		return nil, false, err
	}
	writing.out = out
	if writing.forgotten, err = p.forgotten(ctx); err == nil {
		err = write(ctx)
	}
	if err == nil {
		err = out.Commit(ctx)
	}
	if err != nil {
		out.Abort()
		return nil, false, err
	}
	return out.Files(), true, nil
}
