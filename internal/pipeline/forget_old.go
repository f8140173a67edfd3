package pipeline

import (
	"context"
	"fmt"
	"time"

	"omega-export/internal/sink"
)

// quietSince is the numbers whose newest answer, of those that the ledger and the outputs know, is older than a moment.
// A number without any answer is none of them.
func quietSince(ctx context.Context, before time.Time, rooms ForgetRooms) ([]string, error) {
	sorter := newHeadSorter("")
	defer sorter.close()
	add := func(numero string, at time.Time) error {
		return sorter.add(&sink.Head{Numero: numero, FetchedAt: at})
	}
	if rooms.Ledger != nil {
		if err := rooms.Ledger.Newest(ctx, add); err != nil {
			return nil, err
		}
	}
	for _, output := range rooms.Outputs {
		err := output.Heads(ctx, func(heads []sink.Head) error {
			for i := range heads {
				if heads[i].Numero == "" {
					continue
				}
				if err := add(heads[i].Numero, heads[i].FetchedAt); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	var old []string
	numero, newest := "", time.Time{}
	end := func() {
		if numero != "" && newest.Before(before) {
			old = append(old, numero)
		}
	}
	for head, err := range sorter.sorted() {
		if err != nil {
			return nil, fmt.Errorf("sorting the answers: %w", err)
		}
		if head.Numero != numero {
			end()
			numero, newest = head.Numero, head.FetchedAt
		} else if head.FetchedAt.After(newest) {
			newest = head.FetchedAt
		}
	}
	end()
	return old, nil
}
