package pipeline

import (
	"context"
	"fmt"
	"iter"
	"time"

	"omega-export/internal/ledger"
	"omega-export/internal/sink"
)

// RebuildConfig is how a ledger is rebuilt.
type RebuildConfig struct {
	// DueAfter and DueAtMost are those of Config: when each number is due again is told by them anew.
	DueAfter, DueAtMost time.Duration
	// Campaign is the begin of a campaign of refresh all that was left open; zero: none.
	Campaign time.Time
	// Archive has reponses, beside what the output has of it; nil: there is none elsewhere.
	Archive *sink.Output
	// Temporary is a folder for what does not fit into memory, some 100 bytes an answer beyond half a million; "": the
	// system's.
	Temporary string
	// Progress is told now and then how many heads were read, from one goroutine at a time; nil: nobody is.
	Progress func(heads int64)
}

// RebuildReport is what a ledger was rebuilt from, and to.
type RebuildReport struct {
	Answers   int64         `json:"answers"`   // rows of reponses
	Rejects   int64         `json:"rejects"`   // rows of rejets
	Documents int64         `json:"documents"` // rows of the typed tables
	Numbers   int64         `json:"numbers"`   // in the ledger now
	Reading   time.Duration `json:"-"`
	Writing   time.Duration `json:"-"`
}

// Rebuild fills an empty ledger with what the output's tables tell of each number, as if the ledger had recorded their
// answers itself: the last document, its status and when it changed, the rejects in a row, and when it is due again. It
// reads no body. Numbers that were forgotten are left out, and remembered as such. It is all or nothing, and fails with ledger.ErrNotEmpty, or with sink.ErrDamaged.
//
// An answer 200 is taken for a document if a typed table has a row of its number and checksum. One that is in none,
// because the table was removed, settles nothing: the number is asked for again.
func Rebuild(ctx context.Context, config RebuildConfig, books *ledger.Ledger, output *sink.Output) (RebuildReport, error) {
	var report RebuildReport
	if err := books.Empty(ctx); err != nil {
		return report, fmt.Errorf("rebuilding the ledger: %w", err)
	}
	begun := time.Now()
	sorter := newHeadSorter(config.Temporary)
	defer sorter.close()
	forgotten, err := publishedTombstones(ctx, output)
	if err != nil {
		return report, err
	}
	if err := readHeads(ctx, config, output, forgotten, sorter, &report); err != nil {
		return report, err
	}
	report.Reading = time.Since(begun)
	begun = time.Now()
	fold := folder{due: duePolicy{atLeast: config.DueAfter, atMost: config.DueAtMost}}
	numbers, err := books.Rebuild(ctx, config.Campaign, fold.numbers(sorter.sorted()))
	report.Numbers, report.Writing = numbers, time.Since(begun)
	if err != nil {
		return report, fmt.Errorf("%w: %w", ErrState, err)
	}
	return report, takeForgotten(ctx, books, output)
}

func readHeads(ctx context.Context, config RebuildConfig, output *sink.Output, forgotten *ledger.Tombstones, to *headSorter, report *RebuildReport) error {
	take := func(heads []sink.Head) error {
		for i := range heads {
			if heads[i].Numero == "" || forgotten.Holds(heads[i].Numero) {
				continue
			}
			if err := to.add(&heads[i]); err != nil {
				return fmt.Errorf("%w: sorting the answers: %w", ErrState, err)
			}
		}
		switch heads[0].Kind {
		case sink.HeadAnswer:
			report.Answers += int64(len(heads))
		case sink.HeadReject:
			report.Rejects += int64(len(heads))
		case sink.HeadDocument:
			report.Documents += int64(len(heads))
		}
		if config.Progress != nil {
			config.Progress(report.Answers + report.Rejects + report.Documents)
		}
		return nil
	}
	if err := output.Heads(ctx, take); err != nil || config.Archive == nil {
		return err
	}
	return config.Archive.Heads(ctx, func(heads []sink.Head) error {
		if heads[0].Kind != sink.HeadAnswer {
			return nil // the output has its rejects too
		}
		return take(heads)
	})
}

// folder makes of each number's heads what the ledger knows of it.
type folder struct {
	due duePolicy

	number    ledger.Restored
	documents map[[32]byte]sink.Head // those of the number's typed rows
	rejectAt  time.Time              // of its last reject
}

// numbers folds heads that are sorted as headSorter does.
func (f *folder) numbers(heads iter.Seq2[sink.Head, error]) iter.Seq2[ledger.Restored, error] {
	return func(yield func(ledger.Restored, error) bool) {
		f.documents = map[[32]byte]sink.Head{}
		for head, err := range heads {
			if err != nil {
				yield(ledger.Restored{}, err)
				return
			}
			if head.Numero != f.number.Numero {
				if f.number.Numero != "" && !yield(f.number, nil) {
					return
				}
				f.number, f.rejectAt = ledger.Restored{Numero: head.Numero}, time.Time{}
				clear(f.documents)
			}
			f.fold(&head)
		}
		if f.number.Numero != "" {
			yield(f.number, nil)
		}
	}
}

func (f *folder) fold(head *sink.Head) {
	switch head.Kind {
	case sink.HeadDocument:
		f.documents[head.SHA256] = *head
		return
	case sink.HeadReject:
		f.reject(head)
	case sink.HeadAnswer:
		// An answer that was a reject has its row in both tables.
		if document, ok := f.documents[head.SHA256]; ok && head.HTTPStatus == 200 && !head.FetchedAt.Equal(f.rejectAt) {
			f.document(head, &document)
		}
	}
	f.number.CodeCDGF = head.CodeCDGF
}

// document is what recorder.dueAgain and the ledger's record make of a document.
func (f *folder) document(head, typed *sink.Head) {
	n := &f.number
	at := head.FetchedAt
	past := history{now: at, statusSince: typed.StatutSince, changedAt: n.ChangedAt}
	same := n.SHA256 != nil && [32]byte(n.SHA256) == head.SHA256
	if n.SHA256 == nil {
		past.changedAt = at
	} else {
		past.changed = !same
	}
	if same {
		n.Unchanged++
	} else {
		n.SHA256, n.ChangedAt, n.Unchanged = head.SHA256[:], at, 0
	}
	n.Type, n.Statut = typed.Type, typed.Statut
	n.Motif, n.Rejects, n.FailedRuns = "", 0, 0
	n.HTTPStatus, n.Attempts = head.HTTPStatus, 1
	n.SettledAt, n.Every = at, f.due.every(past)
	n.NextDue = at.Add(n.Every)
}

// reject is the same of a reject.
func (f *folder) reject(head *sink.Head) {
	n := &f.number
	at := head.FetchedAt
	f.rejectAt = at
	n.Motif, n.HTTPStatus, n.Attempts = head.Motif, head.HTTPStatus, head.Attempts
	n.Rejects++
	if head.Motif == "erreur_serveur" {
		n.FailedRuns++
		n.Every = f.due.everyFailure(n.FailedRuns)
	} else {
		n.FailedRuns = 0
		n.Every = f.due.everyReject(n.Rejects)
	}
	n.SettledAt, n.NextDue = at, at.Add(n.Every)
}
