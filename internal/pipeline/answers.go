package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"omega-export/internal/sink"
)

// Archive is where a run keeps the answers as they came.
type Archive struct {
	// Output has the tables reponses and rejets, with their bodies; nil: the tables' own output. The tables' output then has
	// rejets without bodies. A lot is committed there first, so that no row's answer is ever missing.
	Output *sink.Output
	// Seal encrypts a body; nil: bodies are kept as they are. It may give other bytes each time.
	Seal func(body []byte) ([]byte, error)
}

func (a *Archive) isElsewhere() bool { return a.Output != nil }

// ErrSealed says that answers are encrypted, and that there is no identity to read them with.
var ErrSealed = errors.New("the answers are encrypted, and no identity is given to read them with (--identity-file)")

// Answers are the raw answers of an output: those in its own archive and those in the one that it has elsewhere, of which
// only the output's lots count: a lot whose tables are not published yet is not there yet. It is for one reading at a time.
type Answers struct {
	Output    *sink.Output
	Elsewhere *sink.Output // nil: there is none
	// Open decrypts a body; nil: what is encrypted fails with ErrSealed.
	Open func(sealed []byte) ([]byte, error)

	lots   map[string]bool // that count, of those elsewhere
	theirs map[string]bool // files elsewhere, by path
}

// Files names the files of both archives, by day.
func (a *Answers) Files(ctx context.Context) ([]sink.ArchiveFile, error) {
	files, err := a.Output.Archive(ctx)
	if err != nil || a.Elsewhere == nil {
		return files, err
	}
	lots, err := a.Output.Lots(ctx)
	if err != nil {
		return nil, err
	}
	// The archive's are looked at afterwards: it has each lot before the output has.
	theirs, err := a.Elsewhere.Archive(ctx)
	if err != nil {
		return nil, err
	}
	return a.joined(files, theirs, lots), nil
}

// joined puts the files elsewhere among the output's own. One that a compaction or a forgetting has made may have answers
// of lots that do not count, which ReadAnswers leaves out.
func (a *Answers) joined(own, theirs []sink.ArchiveFile, lots []string) []sink.ArchiveFile {
	a.lots = map[string]bool{}
	for _, lot := range lots {
		a.lots[lot] = true
	}
	if a.theirs == nil {
		a.theirs = map[string]bool{}
	}
	mine := map[string]bool{}
	for _, file := range own {
		mine[file.Path] = file.OfLot()
	}
	for _, file := range theirs {
		// A lot that is in both was begun without the archive and ended with it: it counts once.
		if !file.OfLot() || a.lots[file.Lot] && !mine[file.Path] {
			a.theirs[file.Path] = true
			own = append(own, file)
		}
	}
	slices.SortStableFunc(own, func(x, y sink.ArchiveFile) int { return strings.Compare(x.DateExport, y.DateExport) })
	return own
}

// Late names the files elsewhere of the lots that the output has got since Files, or the last Late. From then on only
// those lots' answers are read.
func (a *Answers) Late(ctx context.Context) ([]sink.ArchiveFile, error) {
	if a.Elsewhere == nil {
		return nil, nil
	}
	lots, err := a.Output.Lots(ctx)
	if err != nil {
		return nil, err
	}
	before := a.lots
	lots = slices.DeleteFunc(lots, func(lot string) bool { return before[lot] })
	if len(lots) == 0 {
		return nil, nil
	}
	theirs, err := a.Elsewhere.Archive(ctx)
	if err != nil {
		return nil, err
	}
	return a.joined(nil, theirs, lots), nil
}

// ReadAnswers is sink.Output.ReadAnswers of a file of either archive, with the bodies decrypted.
func (a *Answers) ReadAnswers(ctx context.Context, file sink.ArchiveFile, visit func(*sink.AnswerBatch) error) error {
	from := a.Output
	if a.theirs[file.Path] {
		from = a.Elsewhere
	}
	return from.ReadAnswers(ctx, file, func(batch *sink.AnswerBatch) error {
		if from != a.Output {
			batch.Answers = slices.DeleteFunc(batch.Answers, func(answer sink.Answer) bool { return !a.lots[answer.Lot] })
		}
		for i := range batch.Answers {
			if err := a.open(&batch.Answers[i]); err != nil {
				err = fmt.Errorf("reading the archive: %s, demande %s: %w", file.Path, batch.Answers[i].Numero, err)
				batch.Release()
				return err
			}
		}
		return visit(batch)
	})
}

// open gives an encrypted answer its body.
func (a *Answers) open(answer *sink.Answer) (err error) {
	switch {
	case answer.Sealed == nil:
		return nil
	case a.Open == nil:
		return ErrSealed
	}
	answer.Body, err = a.Open(answer.Sealed)
	return err
}
