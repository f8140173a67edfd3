package pipeline

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"omega-export/internal/flatten"
	"omega-export/internal/sink"
	"omega-export/schemas"
)

// deepProblems is how many problems of one kind are listed; the others are counted.
const deepProblems = 100

// DeepReport is what VerifyDeep compared and found.
type DeepReport struct {
	Documents int64          `json:"documents"` // answers of the archive that give a row
	Rows      int64          `json:"rows"`      // of the typed tables
	Equal     int64          `json:"equal"`     // of them, those that are exactly what their answer gives
	Problems  []sink.Problem `json:"problems,omitempty"`
}

// DeepRoom is where VerifyDeep reads.
type DeepRoom interface {
	// Content is all of one moment.
	Content(ctx context.Context) (*sink.Content, error)
	// ReadTable hands over a file's rows, in records that are good until visit returns.
	ReadTable(ctx context.Context, file *sink.TableFile, visit func(arrow.Record) error) error
	// ReadAnswers hands over an archive file's answers, in batches of one day that the visitor releases.
	ReadAnswers(ctx context.Context, file sink.ArchiveFile, visit func(*sink.AnswerBatch) error) error
}

// DeepOptions are how VerifyDeep compares.
type DeepOptions struct {
	Schemas  *schemas.Set // what tells of persons, by its name; nil: nothing does
	Personal Personal     // what became of it; nil: it stayed
	// Progress is told the rows and answers read so far, of so many; nil: nobody is.
	Progress func(done, total int64)
}

// VerifyDeep holds every row of the typed tables against the raw answer that it was made of: the answer is flattened
// again, with the columns that the row was built with, and every column of the row, and its day, must be equal. No row
// may be missing, and none be more.
//
// Rows with codes in the place of personal values are compared if options.Personal has the codes' key; what found no column
// is compared as its policy says, which must be that of the run.
//
// Of each row 128 bits are kept, so that memory is about 120 bytes a row, whatever its size. The error says why the
// comparison could not be done; a file that is not what its lot says is a problem, and its rows are not compared.
func VerifyDeep(ctx context.Context, room DeepRoom, options DeepOptions) (DeepReport, error) {
	if options.Schemas == nil {
		options.Schemas = &schemas.Set{}
	}
	d := &deep{
		room: room, options: options, report: DeepReport{Problems: []sink.Problem{}}, rows: map[rowKey]rowState{}, ids: map[string]uint32{},
		listed: map[string]int64{}, unread: map[string]bool{},
	}
	if err := d.run(ctx); err != nil {
		return d.report, fmt.Errorf("comparing rows with their answers: %w", err)
	}
	return d.report, nil
}

// deep is one comparison. First the rows are read, then the answers.
type deep struct {
	room    DeepRoom
	report  DeepReport
	options DeepOptions
	done    int64
	total   int64

	files    []sink.TableFile
	rows     map[rowKey]rowState
	versions []*flatten.Table  // the columns that rows were built with
	ids      map[string]uint32 // of versions, by table and columns
	listed   map[string]int64  // problems by kind
	unread   map[string]bool   // tables and archive that could not be read whole
}

// rowKey is a hash of what tells a row from all others: its table, number, body and time.
type rowKey [16]byte

// rowState is what is known of a row.
type rowState struct {
	sum  rowKey // a hash of all its values
	file uint32 // among files
	// version is among versions, or severalVersions: one of those of the file.
	version uint32
	seen    bool // its answer was
}

const severalVersions = ^uint32(0)

func (d *deep) run(ctx context.Context) error {
	content, err := d.room.Content(ctx)
	if err != nil {
		return err
	}
	d.files = content.Tables
	for _, file := range d.files {
		d.total += file.Rows
	}
	d.total += rowsOf(content.Archive)
	for i := range d.files {
		if err := d.readRows(ctx, uint32(i)); err != nil {
			return err
		}
	}
	answers := newDeepAnswers(d)
	for _, file := range content.Archive {
		if err := answers.read(ctx, file); err != nil {
			return err
		}
	}
	d.unanswered()
	d.countHidden()
	return nil
}

// damaged makes a problem of a file that cannot be read, and no error.
func (d *deep) damaged(path, of, table string, err error) error {
	if !errors.Is(err, sink.ErrDamaged) {
		return err
	}
	d.unread[table] = true
	d.problem("unread", path, of, "not compared: it is not what its lot says")
	return nil
}

// problem lists a problem, or counts it if there are many of its kind.
func (d *deep) problem(kind, file, of, format string, args ...any) {
	d.listed[kind]++
	if d.listed[kind] <= deepProblems {
		d.report.Problems = append(d.report.Problems, sink.Problem{File: file, Lot: of, Problem: fmt.Sprintf(format, args...)})
	}
}

func (d *deep) countHidden() {
	for _, kind := range slices.Sorted(keys(d.listed)) {
		if more := d.listed[kind] - deepProblems; more > 0 {
			d.report.Problems = append(d.report.Problems, sink.Problem{Problem: fmt.Sprintf("%d more of the kind: %s", more, kind)})
		}
	}
}

func (d *deep) step(rows int64) {
	d.done += rows
	if d.options.Progress != nil {
		d.options.Progress(d.done, d.total)
	}
}

// readRows keeps the sums of a file's rows.
func (d *deep) readRows(ctx context.Context, at uint32) error {
	file := &d.files[at]
	versions, err := d.versionsOf(file)
	if err != nil {
		d.problem("columns", file.Path, file.Of, "not compared: %v", err)
		d.unread[file.Table] = true
		return nil
	}
	var sums rowSums
	err = d.room.ReadTable(ctx, file, func(record arrow.Record) error {
		if err := sums.open(record); err != nil {
			return err
		}
		for row := range int(record.NumRows()) {
			day := file.Day
			if day == "" {
				day = sums.day(row)
			}
			key := keyOf(file.Table, sums.numero(row), sums.body(row), sums.fetched(row))
			if _, twice := d.rows[key]; twice {
				d.problem("twice", file.Path, file.Of, "demande %s has the row of %s twice", sums.numero(row), stampText(sums.fetched(row)))
				continue
			}
			version, ok := versions.byLot[sums.lot(row)]
			if !ok {
				version = versions.otherwise
			}
			d.rows[key] = rowState{sum: sums.sum(row, day), file: at, version: version}
		}
		d.report.Rows += record.NumRows()
		d.step(record.NumRows())
		return ctx.Err()
	})
	if err != nil {
		return d.damaged(file.Path, file.Of, file.Table, err)
	}
	return nil
}

// fileVersions is which columns a file's rows were built with.
type fileVersions struct {
	byLot     map[string]uint32
	otherwise uint32
}

func (d *deep) versionsOf(file *sink.TableFile) (fileVersions, error) {
	v := fileVersions{byLot: map[string]uint32{}}
	for lot, columns := range file.Columns.ByLot {
		id, err := d.version(file.Table, columns)
		if err != nil {
			return v, err
		}
		v.byLot[lot] = id
		v.otherwise = id // a night's file has rows of one lot
	}
	others := file.Columns.Else
	if len(others)+len(v.byLot) == 0 {
		return v, errors.New("the columns that it was built with are not known")
	}
	if len(others) > 0 {
		v.otherwise = severalVersions
	}
	for _, columns := range others {
		id, err := d.version(file.Table, columns)
		if err != nil {
			return v, err
		}
		if len(others) == 1 {
			v.otherwise = id
		}
	}
	return v, nil
}

// version is the number of a table's columns.
func (d *deep) version(table string, columns []byte) (uint32, error) {
	name := table + " " + string(columns)
	if id, known := d.ids[name]; known {
		return id, nil
	}
	parsed, err := flatten.ParseTable(codeOf(table), d.options.Schemas, columns)
	if err != nil {
		return 0, err
	}
	id := uint32(len(d.versions))
	d.versions = append(d.versions, parsed)
	d.ids[name] = id
	return id, nil
}

// unanswered lists the rows of which no answer came.
func (d *deep) unanswered() {
	if d.unread[archiveName] {
		return
	}
	missing := make([]int64, len(d.files))
	for _, state := range d.rows {
		if !state.seen {
			missing[state.file]++
		}
	}
	for i, rows := range missing {
		if rows > 0 {
			d.problem("answerless", d.files[i].Path, d.files[i].Of, "%d of its rows have no raw answer in the archive", rows)
		}
	}
}

const archiveName = "reponses"

func keyOf(table, numero, body string, fetched int64) (key rowKey) {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\x00%s\x00%s\x00%d", table, numero, body, fetched)
	sum := sha256.Sum256([]byte(text.String()))
	copy(key[:], sum[:])
	return key
}

func stampText(micros int64) string { return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano) }
