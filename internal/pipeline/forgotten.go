package pipeline

import (
	"context"
	"crypto/sha256"
	"fmt"

	"omega-export/internal/ledger"
	"omega-export/internal/sink"
)

// publishedTombstones is what an output says was forgotten.
func publishedTombstones(ctx context.Context, output *sink.Output) (*ledger.Tombstones, error) {
	published, err := output.Tombstones(ctx)
	if err != nil {
		return nil, err
	}
	all := &ledger.Tombstones{}
	for _, one := range published {
		if len(one.Sum) != sha256.Size {
			return nil, fmt.Errorf("%w: reading what was forgotten in %s: a sum of %d bytes", sink.ErrDamaged, output.URI(), len(one.Sum))
		}
		all.Add(ledger.Tombstone{Salt: string(one.Salt), Sum: [sha256.Size]byte(one.Sum)})
	}
	return all, nil
}

// forSink is tombstones as an output keeps them.
func forSink(tombstones []ledger.Tombstone) []sink.Tombstone {
	published := make([]sink.Tombstone, len(tombstones))
	for i, one := range tombstones {
		published[i] = sink.Tombstone{Salt: []byte(one.Salt), Sum: one.Sum[:]}
	}
	return published
}

// takeForgotten brings what the output says was forgotten into the ledger, which may be another than the one that forgot.
func takeForgotten(ctx context.Context, books *ledger.Ledger, output *sink.Output) error {
	published, err := publishedTombstones(ctx, output)
	if err != nil || published.Len() == 0 {
		return err
	}
	known, err := books.Tombstones(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	var fresh []ledger.Tombstone
	for _, one := range published.Sorted() {
		if known.Add(one) {
			fresh = append(fresh, one)
		}
	}
	if _, err := books.Remember(ctx, fresh); err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	return nil
}

// forgotten is what the output says was forgotten, or its archive, be it that only one of them was told.
func (p *publisher) forgotten(ctx context.Context) (*ledger.Tombstones, error) {
	all, err := publishedTombstones(ctx, p.rooms.Output)
	if err != nil || !p.rooms.Archive.isElsewhere() {
		return all, err
	}
	theirs, err := publishedTombstones(ctx, p.rooms.Archive.Output)
	if err != nil {
		return nil, err
	}
	for _, one := range theirs.Sorted() {
		all.Add(one)
	}
	return all, nil
}

// unforgotten visits the answers whose numbers were not forgotten.
func (w *lotWriter) unforgotten(visit func(*ledger.Stored) error) func(*ledger.Stored) error {
	if w.forgotten.Len() == 0 {
		return visit
	}
	return func(stored *ledger.Stored) error {
		if w.forgotten.Holds(stored.Numero) {
			return nil
		}
		return visit(stored)
	}
}
