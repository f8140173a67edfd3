package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

const (
	// planBatch is how many numbers one transaction of a plan takes. In a shuffled list each transaction writes most
	// pages of the index of numbers, so few and big ones are cheaper; SQLite's cache bounds their memory.
	planBatch = 100_000
	// A transaction is committed after planHold also when the list stalls meanwhile; after planHoldBeside while other
	// runs are alive, and then a pause as long as it took lets them come between.
	planHold       = 2 * time.Second
	planHoldBeside = 30 * time.Millisecond

	// Lanes is how many lanes a plan may have.
	Lanes = 64
)

// PlanOptions is how a plan is made.
type PlanOptions struct {
	// Final is the statuses after which nothing changes: a number whose last document has one of them is never due, but
	// with refresh All.
	Final []string
}

// Plan is the list of one run being made. It is for one goroutine. Other methods may be called meanwhile; those that
// write wait, up to some seconds, for the plan's transaction that is under way.
type Plan struct {
	ledger *Ledger
	run    Run
	final  map[string]bool
	gone   *Tombstones // numbers that are left out
	since  int64       // numbers settled since then are not asked for again
	size   int         // numbers a transaction
	place  int64       // of the last number added
	counts Planned

	mu     sync.Mutex // the timer below works beside the caller
	batch  *planTx
	timer  *time.Timer   // ends the batch
	beside bool          // other runs were alive when the batch began
	began  time.Time     // when the batch did
	pause  time.Duration // before the next batch
	failed error         // of a batch that the timer ended
	ended  bool
}

// Planned is what a plan holds.
type Planned struct {
	Listed int64 // numbers, each once
	New    int64 // of them, those that the ledger did not know
	Final  int64 // of them, those whose last document has a final status, and which are not due therefore
	// Forgotten is the numbers that were forgotten, each time that they were given: they are not among Listed.
	Forgotten int64
}

// NewPlan begins the list of a run. A plan that is not committed, because it was abandoned or the process died, leaves at
// most numbers that are known and in no list.
func (l *Ledger) NewPlan(ctx context.Context, run Run, options PlanOptions) (*Plan, error) {
	// Only a campaign of All goes on from one run to the next; the others have answered nothing yet when they plan.
	plan := &Plan{ledger: l, run: run, since: math.MaxInt64, size: planBatch, final: map[string]bool{}}
	if run.Refresh == All {
		plan.since = run.Since.UnixMicro()
	} else {
		for _, statut := range options.Final {
			plan.final[statut] = true
		}
	}
	err := l.write(ctx, func(tx *sql.Tx) (err error) {
		if plan.gone, err = readTombstones(ctx, tx); err != nil {
			return err
		}
		for _, statement := range []string{"DELETE FROM plan WHERE run_id = ?", "DELETE FROM plans WHERE run_id = ?", "DELETE FROM claims WHERE run_id = ?"} {
			if _, err := tx.ExecContext(ctx, statement, run.ID); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO plans (run_id, refresh, since) VALUES (?, ?, ?)", run.ID, string(run.Refresh), run.Since.UnixMicro())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("beginning the plan of run %d: %w", run.ID, err)
	}
	return plan, nil
}

// Add puts a number at the end of the list, in one of the caller's lanes, 0 to Lanes-1. A number that the list already
// has is a duplicate: its first place, code and lane count. A code that differs from the one known is the number's code
// from now on. A number that was forgotten is left out. After an error the plan can only be abandoned.
func (p *Plan) Add(ctx context.Context, numero, codeCDGF string, lane int) (duplicate bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.usable(ctx); err != nil {
		return false, fmt.Errorf("adding to the plan of run %d: %w", p.run.ID, err)
	}
	if duplicate, err = p.add(ctx, numero, codeCDGF, lane); err != nil {
		p.abandon()
		return false, fmt.Errorf("adding to the plan of run %d: %w", p.run.ID, err)
	}
	return duplicate, nil
}

func (p *Plan) usable(ctx context.Context) error {
	switch {
	case p.failed != nil:
		return p.failed
	case p.ended:
		return errors.New("the plan has ended")
	}
	return ctx.Err()
}

func (p *Plan) add(ctx context.Context, numero, codeCDGF string, lane int) (duplicate bool, err error) {
	if lane < 0 || lane >= Lanes {
		return false, fmt.Errorf("lane %d", lane)
	}
	if p.gone.Holds(numero) {
		p.counts.Forgotten++
		return false, nil
	}
	if p.batch == nil {
		if err := p.begin(ctx); err != nil {
			return false, err
		}
	}
	found, err := p.batch.find(numero)
	if err != nil || found.listed {
		return found.listed, err
	}
	switch {
	case found.id == 0:
		p.counts.New++
		found, err = p.batch.create(numero, codeCDGF)
	case found.codeCDGF != codeCDGF:
		err = p.batch.recode(found, codeCDGF)
	}
	if err != nil {
		return false, err
	}
	p.place++
	state := stateWaits
	switch {
	case found.statut.Valid && p.final[found.statut.String]:
		p.counts.Final++
		state = stateDone
	case found.settledAt.Valid && found.settledAt.Int64 >= p.since:
		state = stateDone
	}
	if err := p.batch.list(found, lane, p.place, state); err != nil {
		return false, err
	}
	if p.batch.listed == p.size {
		return false, p.flush()
	}
	return false, nil
}

// begin begins a transaction and sees to its end.
func (p *Plan) begin(ctx context.Context) error {
	if p.pause > 0 {
		if err := sleep(ctx, p.pause); err != nil {
			return err
		}
	}
	beside, err := p.ledger.otherLives(p.run.ID)
	if err != nil {
		return err
	}
	hold := planHold
	if p.beside = beside; beside {
		hold = planHoldBeside
	}
	batch, err := p.ledger.beginPlanTx(p.run.ID)
	if err != nil {
		return err
	}
	p.batch, p.began = batch, time.Now()
	p.timer = time.AfterFunc(hold, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.batch == batch {
			p.failed = p.flush()
		}
	})
	return nil
}

// flush commits the transaction that is under way.
func (p *Plan) flush() error {
	if p.batch == nil {
		return nil
	}
	p.timer.Stop()
	batch := p.batch
	p.batch = nil
	err := batch.tx.Commit()
	if p.pause = 0; p.beside {
		p.pause = time.Since(p.began)
	}
	return err
}

// Commit makes the list the run's. It ends the plan whether it succeeds or not.
func (p *Plan) Commit(ctx context.Context) (Planned, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.commit(ctx)
	p.abandon()
	if err != nil {
		return Planned{}, fmt.Errorf("committing the plan of run %d: %w", p.run.ID, err)
	}
	return p.counts, nil
}

func (p *Plan) commit(ctx context.Context) error {
	if err := p.usable(ctx); err != nil {
		return err
	}
	if err := p.flush(); err != nil {
		return err
	}
	p.counts.Listed = p.place
	return p.ledger.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE plans SET committed = 1, listed = ? WHERE run_id = ?", p.place, p.run.ID)
		return err
	})
}

// Abandon ends a plan without making it the run's. After Commit it does nothing.
func (p *Plan) Abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.abandon()
}

func (p *Plan) abandon() {
	p.ended = true
	if p.batch != nil {
		p.timer.Stop()
		_ = p.batch.tx.Rollback() // nothing in it matters
		p.batch = nil
	}
}
