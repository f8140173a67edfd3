package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"omega-export/internal/lease"
	"omega-export/internal/ledger"
	"omega-export/internal/pipeline"
	"omega-export/internal/sink"
)

// leaseStatus is who holds a state in a bucket.
type leaseStatus struct {
	Held      bool      `json:"held"` // as far as the clocks of two hosts agree
	Owner     string    `json:"owner"`
	Fencing   int64     `json:"fencing"`
	Since     time.Time `json:"since"`
	ExpiresAt time.Time `json:"expires_at"`
}

// bucketStatus is the status of a state in a bucket.
func (c *statusCmd) bucketStatus(ctx context.Context, to io.Writer) error {
	held, err := c.readLease(ctx)
	if err != nil {
		return err
	}
	if held == nil {
		return fmt.Errorf("%w: nothing was run with --state %s yet", ledger.ErrNotFound, c.State)
	}
	status, err := c.publishedStatus(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return c.printJSON(to, struct {
			Lease leaseStatus `json:"lease"`
			ledger.Status
		}{*held, status})
	}
	held.print(to)
	fmt.Fprintf(to, "As published in %s: what a run has not published yet is on its host only.\n", c.Out)
	printKnown(to, status)
	c.printParts(to, status)
	return nil
}

func (c *statusCmd) readLease(ctx context.Context) (*leaseStatus, error) {
	client, err := lease.NewClient(ctx)
	if err != nil {
		return nil, stateError(c.State, err)
	}
	record, err := lease.Read(ctx, client, c.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, stateError(c.State, err)
	}
	return &leaseStatus{
		Held: record.Held(time.Now()), Owner: record.Owner, Fencing: record.Fencing, Since: record.AcquiredAt, ExpiresAt: record.ExpiresAt,
	}, nil
}

func (l *leaseStatus) print(to io.Writer) {
	const layout = "2006-01-02 15:04:05"
	if l.Held {
		fmt.Fprintf(to, "A run on %s has the state since %s; its lease is renewed or ends at %s.\n", l.Owner, l.Since.Local().Format(layout), l.ExpiresAt.Local().Format(layout))
		return
	}
	fmt.Fprintf(to, "No run has the state; the last was on %s, begun %s.\n", l.Owner, l.Since.Local().Format(layout))
}

// publishedStatus is that of the ledger that a run would begin with.
func (c *statusCmd) publishedStatus(ctx context.Context) (status ledger.Status, err error) {
	if err := mustExist("--out", c.Out); err != nil {
		return status, err
	}
	output, err := sink.Open(ctx, c.Out)
	if err != nil {
		return status, err
	}
	mode, err := output.Mode(ctx)
	if err != nil {
		return status, fmt.Errorf("%w: --out %s: %w", errUnreadable, c.Out, err)
	}
	if mode == "" {
		mode = "reel" // of nothing
	}
	folder, err := os.MkdirTemp("", "omega-export-status-")
	if err != nil {
		return status, err
	}
	defer os.RemoveAll(folder)
	books, err := ledger.Open(ctx, folder, ledger.Options{Mode: mode})
	if err != nil {
		return status, err
	}
	defer books.Close()
	_, err = pipeline.Rebuild(ctx, pipeline.RebuildConfig{DueAfter: c.DueAfter, DueAtMost: c.DueAtMost, Temporary: folder}, books, output)
	if err != nil {
		return status, fmt.Errorf("--out %s: %w", c.Out, err)
	}
	return books.Status(ctx, time.Now())
}
