package pipeline

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"

	"omega-export/internal/flatten"
	"omega-export/internal/sink"
)

// deepAnswers flattens the archive's answers again and holds them against the rows.
type deepAnswers struct {
	deep     *deep
	reader   documentReader
	builders map[uint32]*flatten.Builder // by version
	waiting  []*waitingRow               // of the batch: rows to be built
	sums     rowSums
}

// waitingRow is a row whose answer is in the batch.
type waitingRow struct {
	key      rowKey
	answer   *sink.Answer
	table    string
	versions []uint32 // that may still be its; the first is tried next
}

func newDeepAnswers(d *deep) *deepAnswers {
	return &deepAnswers{deep: d, reader: documentReader{replay: &replay{}}, builders: map[uint32]*flatten.Builder{}}
}

func (a *deepAnswers) read(ctx context.Context, file sink.ArchiveFile) error {
	err := a.deep.room.ReadAnswers(ctx, file, func(batch *sink.AnswerBatch) error {
		defer batch.Release()
		if err := a.batch(batch, file); err != nil {
			return err
		}
		a.deep.step(int64(len(batch.Answers)))
		return ctx.Err()
	})
	if err != nil {
		return a.deep.damaged(file.Path, file.Lot, archiveName, err)
	}
	return nil
}

// batch compares the rows of a batch's answers.
func (a *deepAnswers) batch(batch *sink.AnswerBatch, file sink.ArchiveFile) error {
	d := a.deep
	a.waiting = a.waiting[:0]
	for i := range batch.Answers {
		answer := &batch.Answers[i]
		table, ok := a.reader.read(answer)
		if !ok {
			continue
		}
		d.report.Documents++
		key := keyOf(table, answer.Numero, answer.SHA256, answer.FetchedAt.UnixMicro())
		state, known := d.rows[key]
		switch {
		case !known && !d.unread[table]:
			d.problem("missing", file.Path, answer.Lot, "the answer of demande %s at %s has no row in %s",
				answer.Numero, stampText(answer.FetchedAt.UnixMicro()), table)
		case state.seen:
			d.problem("again", file.Path, answer.Lot, "the answer of demande %s at %s is there twice",
				answer.Numero, stampText(answer.FetchedAt.UnixMicro()))
		case known:
			a.waiting = append(a.waiting, &waitingRow{key: key, answer: answer, table: table, versions: d.versionsFor(&state)})
		}
	}
	for waiting := a.waiting; len(waiting) > 0; {
		var err error
		if waiting, err = a.try(waiting, batch.Day); err != nil {
			return err
		}
	}
	return nil
}

// versionsFor is the columns that a row may have been built with.
func (d *deep) versionsFor(state *rowState) []uint32 {
	if state.version != severalVersions {
		return []uint32{state.version}
	}
	file := &d.files[state.file]
	var versions []uint32
	for _, columns := range file.Columns.Else {
		versions = append(versions, d.ids[file.Table+" "+string(columns)])
	}
	return versions
}

// try builds each row with the first of its versions, and gives back those that have others left.
func (a *deepAnswers) try(waiting []*waitingRow, day string) (again []*waitingRow, err error) {
	built := map[uint32][]*waitingRow{}
	for _, row := range waiting {
		version := row.versions[0]
		if a.builders[version] == nil {
			builder, err := flatten.NewBuilderUnder(a.deep.versions[version], a.deep.options.Personal)
			if err != nil {
				return nil, err
			}
			a.builders[version] = builder
		}
		answer := row.answer
		origin := flatten.Origin{
			Numero: answer.Numero, FetchedAt: answer.FetchedAt, CodeCDGF: answer.CodeCDGF, Lot: answer.Lot, SHA256: answer.SHA256,
		}
		if err := a.builders[version].Append(origin, answer.Body); err != nil {
			return nil, err
		}
		built[version] = append(built[version], row)
	}
	for version, rows := range built {
		record := a.builders[version].Record()
		left, err := a.compare(record, rows, day)
		record.Release()
		if err != nil {
			return nil, err
		}
		again = append(again, left...)
	}
	return again, nil
}

// compare holds rows that were built again against those of the tables.
func (a *deepAnswers) compare(record arrow.Record, rows []*waitingRow, day string) (again []*waitingRow, err error) {
	if err := a.sums.open(record); err != nil {
		return nil, err
	}
	d := a.deep
	for i, row := range rows {
		state := d.rows[row.key]
		equal := a.sums.sum(i, day) == state.sum
		if !equal && len(row.versions) > 1 {
			row.versions = row.versions[1:]
			again = append(again, row)
			continue
		}
		state.seen = true
		d.rows[row.key] = state
		if equal {
			d.report.Equal++
			continue
		}
		file := &d.files[state.file]
		d.problem("different", file.Path, file.Of, "the row of demande %s at %s is not what its raw answer gives",
			row.answer.Numero, stampText(row.answer.FetchedAt.UnixMicro()))
	}
	return again, nil
}
