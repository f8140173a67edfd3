package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
)

// planBatch is how many numbers one transaction of a plan takes. In a shuffled list each transaction writes most pages of
// the index of numbers, so few and big ones are cheaper; SQLite's cache bounds their memory.
const planBatch = 100_000

// Plan is the list of one run being made. It is for one goroutine. Until Commit or Abandon it holds the ledger's
// only writing connection: no other method that writes may be called meanwhile.
type Plan struct {
	ledger *Ledger
	run    Run
	since  int64 // numbers settled since then are not asked for again
	newest int64 // the greatest demande id when the plan began
	place  int64 // of the last number added
	size   int   // numbers a transaction
	batch  *planTx
	ended  bool
}

// Planned is what a plan holds.
type Planned struct {
	Listed int64 // numbers, each once
	New    int64 // of them, those that the ledger did not know
}

// NewPlan begins the list of a run and drops the list of the run before. A plan that is not committed, because it was
// abandoned or the process died, leaves at most numbers that are known and in no list.
func (l *Ledger) NewPlan(ctx context.Context, run Run) (*Plan, error) {
	// Only a campaign of All goes on from one run to the next; the others have answered nothing yet when they plan.
	plan := &Plan{ledger: l, run: run, since: math.MaxInt64, size: planBatch}
	if run.Refresh == All {
		plan.since = run.Since.UnixMicro()
	}
	err := l.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE ledger SET planned_run = NULL"); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM plan"); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM demandes").Scan(&plan.newest)
	})
	if err != nil {
		return nil, fmt.Errorf("beginning the plan of run %d: %w", run.ID, err)
	}
	return plan, nil
}

// Add puts a number at the end of the list. A number that the list already has is a duplicate: its first place and its
// first code count. A code that differs from the one known is the number's code from now on. After an error the plan
// can only be abandoned.
func (p *Plan) Add(ctx context.Context, numero, codeCDGF string) (duplicate bool, err error) {
	if err := p.usable(ctx); err != nil {
		return false, fmt.Errorf("adding to the plan of run %d: %w", p.run.ID, err)
	}
	duplicate, err = p.add(numero, codeCDGF)
	if err != nil {
		p.Abandon()
		return false, fmt.Errorf("adding to the plan of run %d: %w", p.run.ID, err)
	}
	return duplicate, nil
}

func (p *Plan) usable(ctx context.Context) error {
	if p.ended {
		return errors.New("the plan has ended")
	}
	return ctx.Err()
}

func (p *Plan) add(numero, codeCDGF string) (duplicate bool, err error) {
	if p.batch == nil {
		if p.batch, err = p.ledger.beginPlanTx(); err != nil {
			return false, err
		}
	}
	found, err := p.batch.find(numero, p.since)
	if err != nil || found.listed {
		return found.listed, err
	}
	switch {
	case found.id == 0:
		found, err = p.batch.create(numero, codeCDGF)
	case found.codeCDGF != codeCDGF:
		err = p.batch.recode(found, codeCDGF)
	}
	if err != nil {
		return false, err
	}
	p.place++
	if err := p.batch.list(found, p.place); err != nil {
		return false, err
	}
	if p.batch.listed == p.size {
		return false, p.flush()
	}
	return false, nil
}

func (p *Plan) flush() error {
	if p.batch == nil {
		return nil
	}
	batch := p.batch
	p.batch = nil
	return batch.tx.Commit()
}

// Commit makes the list the run's. It ends the plan whether it succeeds or not.
func (p *Plan) Commit(ctx context.Context) (Planned, error) {
	planned, err := p.commit(ctx)
	p.Abandon()
	if err != nil {
		return Planned{}, fmt.Errorf("committing the plan of run %d: %w", p.run.ID, err)
	}
	return planned, nil
}

func (p *Plan) commit(ctx context.Context) (Planned, error) {
	if err := p.usable(ctx); err != nil {
		return Planned{}, err
	}
	if err := p.flush(); err != nil {
		return Planned{}, err
	}
	planned := Planned{Listed: p.place}
	err := p.ledger.write(ctx, func(tx *sql.Tx) error {
		// Ids only grow and no number is ever deleted.
		row := tx.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) - ? FROM demandes", p.newest)
		if err := row.Scan(&planned.New); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE ledger SET planned_run = ?", p.run.ID)
		return err
	})
	return planned, err
}

// Abandon ends a plan without making it the run's. After Commit it does nothing.
func (p *Plan) Abandon() {
	p.ended = true
	if p.batch != nil {
		_ = p.batch.tx.Rollback() // nothing in it matters
		p.batch = nil
	}
}
