package pipeline

import (
	"context"
	"iter"
	"maps"

	"omega-export/internal/flatten"
	"omega-export/internal/sink"
)

// learn looks at the answers of the tables named, of all that are selected if none is, and gives each the columns that
// it lacks. With Freeze it only finds which tables there are.
func (r *replay) learn(ctx context.Context, files []sink.ArchiveFile, only map[string]bool) (map[string]*flatten.Table, error) {
	learners := map[string]*flatten.Learner{}
	reader := documentReader{replay: r}
	total := rowsOf(files)
	done := int64(0)
	for _, file := range files {
		err := r.rooms.Answers.ReadAnswers(ctx, file, func(batch *sink.AnswerBatch) error {
			defer batch.Release()
			for i := range batch.Answers {
				answer := &batch.Answers[i]
				name, ok := reader.read(answer)
				if !ok || len(only) > 0 && !only[name] {
					continue
				}
				learner, err := r.learner(learners, name, reader.code)
				if err != nil {
					return err
				}
				if !r.config.Freeze {
					learner.ObserveDocument(answer.Numero, answer.FetchedAt, &reader.document)
				}
			}
			done += int64(len(batch.Answers))
			r.rooms.Progress.Replaying("learning", done, total)
			return ctx.Err()
		})
		if err != nil {
			return nil, err
		}
	}
	tables := map[string]*flatten.Table{}
	for name, learner := range learners {
		table, learned := learner.Evolve()
		tables[name] = table.Under(r.rooms.Personal)
		r.report.table(name).learned(learned)
	}
	return tables, nil
}

// learner is the table's learner, which begins with the columns decided so far, or with those declared.
func (r *replay) learner(learners map[string]*flatten.Learner, name, code string) (*flatten.Learner, error) {
	if learner := learners[name]; learner != nil {
		return learner, nil
	}
	table := r.tables[name]
	if table == nil {
		var err error
		if table, err = flatten.NewTable(code, r.rooms.Schemas); err != nil {
			return nil, err
		}
	}
	learners[name] = flatten.NewLearnerUnder(table, r.rooms.Personal)
	return learners[name], nil
}

// documentReader finds the documents among an archive's answers. It is for one goroutine.
type documentReader struct {
	replay   *replay
	document flatten.Document
	code     string            // of the last document
	names    map[string]string // tables' names by code; "" for those that are not selected
}

// read says whether the answer gave a row of a table that is selected, and of which. The archive also has answers that
// did not: refusals, documents of another number, and answers equal to the one before, which have no body.
func (d *documentReader) read(answer *sink.Answer) (table string, ok bool) {
	if answer.HTTPStatus != 200 || answer.Body == nil || d.document.Parse(answer.Body) != nil {
		return "", false
	}
	identity, err := d.document.Identity()
	if err != nil || identity.Numero != answer.Numero {
		return "", false
	}
	d.code = identity.Type
	table, known := d.names[identity.Type]
	if !known {
		if name := flatten.TableName(identity.Type); d.replay.selects(name) {
			table = name
		}
		if d.names == nil {
			d.names = map[string]string{}
		}
		d.names[identity.Type] = table
	}
	return table, table != ""
}

func rowsOf(files []sink.ArchiveFile) (rows int64) {
	for _, file := range files {
		rows += file.Rows
	}
	return rows
}

func keys[V any](of map[string]V) iter.Seq[string] { return maps.Keys(of) }
