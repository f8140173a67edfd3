package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"omega-export/internal/flatten"
	"omega-export/internal/sink"
	"omega-export/schemas"
)

// ErrArchive says that the archive has fewer documents than a published table has rows, so that rebuilding it would
// lose some.
var ErrArchive = errors.New("the archive lacks documents that the tables have")

// ReplayConfig is what a replay is asked to do.
type ReplayConfig struct {
	Name      string   // of the set of files, as sink.ReplacementInfo wants it
	Types     []string // codes in any case; none: all
	Relearn   bool     // forget the published columns: take those declared and learn the others from all answers
	Freeze    bool     // learn nothing: columns are those published and declared
	AllowLoss bool     // replace a table even if the archive has fewer documents
	Grace     time.Duration
	Workers   int // goroutines that decode and build
}

// ReplayRooms is what a replay works with.
type ReplayRooms struct {
	From *sink.Output // whose tables are rebuilt
	// Answers are From's raw answers; nil: those that it keeps itself.
	Answers  *Answers
	To       *sink.Output // whose tables are rebuilt: From, or another
	Schemas  *schemas.Set
	Log      *slog.Logger
	Progress ReplayProgress
	// Personal is what becomes of values that tell of a person; nil: they stay.
	Personal Personal
}

// ReplayProgress is told how a replay goes, from one goroutine at a time.
type ReplayProgress interface {
	// Replaying gives the answers read so far in a stage ("learning", "building"), of so many.
	Replaying(stage string, done, total int64)
	// Finished is called once, when no more is read.
	Finished()
}

// Replay rebuilds the typed tables of an output from its raw answers, without one call, and puts them in the place of
// the old ones at once. Until then, and after any error or kill, the old tables stand whole. When ctx ends the error
// is ErrStopped. The report is filled in whatever the error.
func Replay(ctx context.Context, config ReplayConfig, rooms ReplayRooms) (ReplayReport, error) {
	report := ReplayReport{Version: 1, Name: config.Name, StartedAt: time.Now(), Tables: map[string]*TableCounts{}}
	r := &replay{config: config, rooms: rooms, report: &report, tables: map[string]*flatten.Table{}, read: map[string]bool{}}
	if r.rooms.Answers == nil {
		r.rooms.Answers = &Answers{Output: rooms.From}
	}
	err := r.run(ctx)
	rooms.Progress.Finished()
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: the old tables stand as they were: %w", ErrStopped, context.Cause(ctx))
	}
	report.end(err)
	return report, err
}

// replay is one replay.
type replay struct {
	config      ReplayConfig
	rooms       ReplayRooms
	report      *ReplayReport
	replacement *sink.Replacement
	tables      map[string]*flatten.Table // by name: those whose columns are decided
	read        map[string]bool           // the archive's files that were read, by path
}

func (r *replay) run(ctx context.Context) (err error) {
	if r.report.Mode, err = r.rooms.From.Mode(ctx); err != nil {
		return err
	}
	r.replacement, err = r.rooms.To.Replace(ctx, sink.ReplacementInfo{
		Name: r.config.Name, Mode: r.report.Mode, Grace: r.config.Grace, StartedAt: r.report.StartedAt, FromElsewhere: r.elsewhere(),
	})
	if err != nil {
		return err
	}
	defer r.replacement.Abort()
	files, err := r.rooms.Answers.Files(ctx)
	if err != nil {
		return err
	}
	if !r.config.Relearn {
		if err := r.takePublished(); err != nil {
			return err
		}
	}
	if err := r.rebuild(ctx, files); err != nil {
		return err
	}
	return r.commit(ctx)
}

func (r *replay) elsewhere() bool { return r.rooms.From.URI() != r.rooms.To.URI() }

// takePublished begins with the columns that the tables have, under the types that the schema files declare.
func (r *replay) takePublished() error {
	published, err := r.publishedTables(r.rooms.From)
	if err != nil {
		return err
	}
	for name, table := range published {
		columns, err := flatten.ParseTable(codeOf(name), r.rooms.Schemas, table.Columns)
		if err != nil {
			return err
		}
		r.tables[name] = columns.Redeclared().Under(r.rooms.Personal)
	}
	return nil
}

// publishedTables are an output's tables of demandes that the replay is to rebuild.
func (r *replay) publishedTables(of *sink.Output) (map[string]*sink.PublishedTable, error) {
	names, err := of.Tables()
	if err != nil {
		return nil, err
	}
	tables := map[string]*sink.PublishedTable{}
	for _, name := range names {
		table, err := of.Table(name)
		if err != nil {
			return nil, err
		}
		if table != nil && table.Kind == "demande" && r.selects(name) {
			tables[name] = table
		}
	}
	return tables, nil
}

// selects says whether the table is one of those to rebuild.
func (r *replay) selects(table string) bool {
	return len(r.config.Types) == 0 || slices.ContainsFunc(r.config.Types, func(code string) bool { return flatten.TableName(code) == table })
}

// codeOf is a type's code, as its table's name gives it.
func codeOf(table string) string { return strings.ToUpper(strings.TrimPrefix(table, "demande_")) }

// rebuild writes the rows of the archive's files. The tables whose columns are decided are built at once; those in
// which a value comes that might have a column are then learned and built again, as are those that are new.
func (r *replay) rebuild(ctx context.Context, files []sink.ArchiveFile) error {
	pass := r.newPass(r.tables, files)
	if len(r.tables) > 0 {
		if err := pass.run(ctx); err != nil {
			return err
		}
	}
	if len(r.tables) == 0 || len(pass.undecided) > 0 {
		learned, err := r.learn(ctx, files, pass.undecided)
		if err != nil {
			return err
		}
		for name := range learned {
			if err := r.replacement.Drop(ctx, name); err != nil {
				return err
			}
			r.tables[name] = learned[name]
		}
		pass = r.newPass(learned, files).settled()
		if err := pass.run(ctx); err != nil {
			return err
		}
	}
	r.count(pass)
	return nil
}

// count notes what was read in the last pass over some files.
func (r *replay) count(p *pass) {
	r.report.Answers += p.answers
	r.report.Documents += p.documents
	for _, file := range p.files {
		r.read[file.Path] = true
	}
}

// commit puts the rebuilt tables in the place of the old ones.
func (r *replay) commit(ctx context.Context) error {
	published, err := r.publishedTables(r.rooms.To)
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for name := range published {
		names[name] = true
	}
	for name := range r.report.Tables {
		names[name] = true
	}
	return r.replacement.Commit(ctx, slices.Sorted(keys(names)), func(ctx context.Context, late []sink.ArchiveFile) error {
		if err := r.late(ctx, late); err != nil {
			return err
		}
		return r.lossless()
	})
}

// late adds the lots that were published while the others were rebuilt.
func (r *replay) late(ctx context.Context, files []sink.ArchiveFile) error {
	files = slices.DeleteFunc(slices.Clone(files), func(file sink.ArchiveFile) bool { return r.read[file.Path] })
	if !r.elsewhere() {
		others, err := r.rooms.Answers.Late(ctx)
		if err != nil {
			return err
		}
		files = append(files, others...)
	}
	if len(files) == 0 {
		return nil
	}
	r.rooms.Log.Info("lots were published meanwhile: they are added", "files", len(files))
	learned, err := r.learn(ctx, files, nil)
	if err != nil {
		return err
	}
	pass := r.newPass(learned, files).settled()
	if err := pass.run(ctx); err != nil {
		return err
	}
	r.count(pass)
	return nil
}

// lossless refuses to put fewer rows in the place of more.
func (r *replay) lossless() error {
	if r.config.AllowLoss {
		return nil
	}
	published, err := r.publishedTables(r.rooms.From)
	if err != nil {
		return err
	}
	var lacking []string
	for name, table := range published {
		if written := r.replacement.Rows(name); written < table.Rows {
			lacking = append(lacking, fmt.Sprintf("%s has %d rows and its archive %d documents", name, table.Rows, written))
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	slices.Sort(lacking)
	return fmt.Errorf("%w: %s; nothing was replaced (see omega-export verify; --allow-loss replaces all the same)", ErrArchive, strings.Join(lacking, ", "))
}
