package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/parquet-go/parquet-go"
)

const (
	// batchBytes and batchRows bound a batch of answers; batchBytes counts bodies.
	batchBytes = 8 << 20
	batchRows  = 65_536
	// readBufferBytes is what is read of a column at once; larger pages are read straight into place.
	readBufferBytes = 64 << 10
)

// columnSealed has a body as it was encrypted, behind the columns of those that are not. What is in it is nothing to the
// sink.
const columnSealed = "_corps_age"

// Answer is one row of the archive. Its strings and bytes are views into its batch's memory: whoever keeps one past
// AnswerBatch.Release copies it.
type Answer struct {
	Numero     string
	CodeCDGF   string
	HTTPStatus int64
	Body       []byte // nil where NULL
	Sealed     []byte // the body as it was encrypted, nil where it is not
	SHA256     string // hexadecimal, "" where NULL
	FetchedAt  time.Time
	Lot        string
}

// AnswerBatch is some answers of an archive file, in its order, all of one day.
type AnswerBatch struct {
	Answers []Answer
	// Day is the day of their export, as 2026-11-23: of a compacted file each answer has its own.
	Day string

	text  []byte         // holds the strings
	pages []parquet.Page // hold the bodies
	home  *sync.Pool
}

// Release gives the batch's memory to the batches to come: none of its answers may be used afterwards. It is called
// once, by whoever has the batch last.
func (b *AnswerBatch) Release() {
	for i, page := range b.pages {
		parquet.Release(page)
		b.pages[i] = nil
	}
	clear(b.Answers)
	b.Answers, b.Day, b.text, b.pages = b.Answers[:0], "", b.text[:0], b.pages[:0]
	b.home.Put(b)
}

// ReadAnswers reads one archive file, in its order, and hands its answers to visit in batches of one day and of at most
// about 16 MiB of bodies. A batch is the visitor's from then on, until its Release, which may come from another goroutine and after
// ReadAnswers has returned. Memory is bounded by the batches that are not released and by a page a column.
//
// Columns are found by name, so that files of older versions are read too: one that a file does not have is empty. A
// file that cannot be read, or has other rows than it should, is ErrDamaged; batches may have been visited before. The
// visitor's error is returned as it is, and ends the reading, as ctx does.
func (o *Output) ReadAnswers(ctx context.Context, file ArchiveFile, visit func(*AnswerBatch) error) error {
	if _, ok := parseDataName(file.Path); !ok {
		return fmt.Errorf("reading the archive: %q is no file of a table", file.Path)
	}
	from, err := o.storage.Open(ctx, file.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return o.damaged(file, errors.New("there is no such file"))
	}
	if err != nil {
		return fmt.Errorf("reading the archive: %w", err)
	}
	defer from.Close()
	if from.Size() != file.Bytes {
		return o.damaged(file, fmt.Errorf("it has %d bytes, its lot says %d", from.Size(), file.Bytes))
	}
	reader, err := newAnswerReader(from, file)
	if err != nil {
		return o.damaged(file, err)
	}
	defer reader.close()
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		batch := o.newBatch()
		err := reader.fill(batch)
		if err != nil || len(batch.Answers) == 0 {
			batch.Release()
		}
		switch {
		case err != nil:
			return o.damaged(file, err)
		case len(batch.Answers) > 0:
			if err := visit(batch); err != nil {
				return err
			}
		case reader.rows != file.Rows:
			return o.damaged(file, fmt.Errorf("it has %d rows, its lot says %d", reader.rows, file.Rows))
		default:
			return nil
		}
	}
}

func (o *Output) newBatch() *AnswerBatch {
	if batch, ok := o.batches.Get().(*AnswerBatch); ok {
		return batch
	}
	return &AnswerBatch{home: &o.batches}
}

func (o *Output) damaged(file ArchiveFile, err error) error {
	return fmt.Errorf("%w: archive file %s: %w; omega-export verify tells all that is damaged", ErrDamaged, o.storage.URI(file.Path), err)
}

// answerReader goes through an archive file, a row group at a time.
type answerReader struct {
	groups []parquet.RowGroup // still to read
	left   int64              // rows of the group being read
	rows   int64              // read so far
	date   string             // of all answers; "": they have each their day
	days   []dayRows          // of the group being read: what is left, if they have each their day

	numero, code, sum, lot answerColumn
	status, fetched        answerColumn
	body, sealed, day      answerColumn
}

// dayRows is rows of one day that follow one another.
type dayRows struct {
	day  int32
	rows int
}

func newAnswerReader(from object, of ArchiveFile) (r *answerReader, err error) {
	defer recovered(&err)
	file, err := parquet.OpenFile(from, from.Size(),
		parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(readBufferBytes))
	if err != nil {
		return nil, err
	}
	r = &answerReader{groups: file.RowGroups(), date: of.DateExport}
	r.day.leaf = -1
	if of.Compact {
		r.date = ""
		if err := r.day.find(file.Schema(), partitionColumn, parquet.Int32); err != nil {
			return nil, err
		}
		if r.day.leaf < 0 {
			return nil, errors.New("it lacks the answers' days")
		}
	}
	for name, column := range map[string]*answerColumn{
		columnNumero: &r.numero, "code_cdgf": &r.code, "_sha256": &r.sum, columnLot: &r.lot, "corps": &r.body, columnSealed: &r.sealed,
		"http_status": &r.status, columnFetched: &r.fetched,
	} {
		kind := parquet.ByteArray
		if column == &r.status || column == &r.fetched {
			kind = parquet.Int64
		}
		if err := column.find(file.Schema(), name, kind); err != nil {
			return nil, err
		}
	}
	if r.numero.leaf < 0 || r.body.leaf < 0 {
		return nil, errors.New("it lacks the numbers or the bodies")
	}
	return r, nil
}

// recovered makes an error of a panic: the Parquet reader trusts much of what a file says of itself.
func recovered(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("the reader gave up: %v", cause)
	}
}

func (r *answerReader) columns() [9]*answerColumn {
	return [...]*answerColumn{&r.numero, &r.code, &r.sum, &r.lot, &r.body, &r.sealed, &r.status, &r.fetched, &r.day}
}

// fill puts the next answers into an empty batch; none are left if it stays empty.
func (r *answerReader) fill(b *AnswerBatch) (err error) {
	defer recovered(&err)
	for r.left == 0 {
		if len(r.groups) == 0 {
			return nil
		}
		r.left = r.groups[0].NumRows()
		chunks := r.groups[0].ColumnChunks()
		for _, column := range r.columns() {
			column.open(chunks)
		}
		r.groups = r.groups[1:]
		if err := r.readDays(); err != nil {
			return err
		}
	}
	b.Day = r.date
	most := r.left
	if len(r.days) > 0 {
		b.Day, most = dayText(r.days[0].day), int64(r.days[0].rows)
	}
	if err := r.fillBodies(b, most); err != nil {
		return err
	}
	rows := len(b.Answers)
	r.left -= int64(rows)
	r.rows += int64(rows)
	if len(r.days) > 0 {
		if r.days[0].rows -= rows; r.days[0].rows == 0 {
			r.days = r.days[1:]
		}
	}
	for i := range b.Answers {
		answer := &b.Answers[i]
		status, err := r.status.number()
		if err != nil {
			return err
		}
		fetched, err := r.fetched.number()
		if err != nil {
			return err
		}
		answer.HTTPStatus, answer.FetchedAt = status, time.UnixMicro(fetched).UTC()
	}
	return r.fillText(b)
}

// readDays reads the days of the group's answers, which are few.
func (r *answerReader) readDays() error {
	r.days = r.days[:0]
	if r.day.leaf < 0 {
		return nil
	}
	for range r.left {
		day, err := r.day.date()
		if err != nil {
			return err
		}
		if last := len(r.days) - 1; last >= 0 && r.days[last].day == day {
			r.days[last].rows++
		} else {
			r.days = append(r.days, dayRows{day, 1})
		}
	}
	return nil
}

// fillBodies makes the batch's answers, with their bodies.
func (r *answerReader) fillBodies(b *AnswerBatch, most int64) error {
	bytes := 0
	for len(b.Answers) < batchRows && int64(len(b.Answers)) < most && bytes < batchBytes {
		body, err := r.body.held(b, len(b.Answers) == 0)
		if err != nil {
			return err
		}
		sealed, err := r.sealed.held(b, len(b.Answers) == 0)
		if err != nil {
			return err
		}
		bytes += len(body) + len(sealed)
		b.Answers = append(b.Answers, Answer{Body: body, Sealed: sealed})
	}
	return nil
}

// held is the next row's bytes, in a page that the batch holds; nil of a column that the file has not.
func (c *answerColumn) held(b *AnswerBatch, isFirst bool) ([]byte, error) {
	if c.leaf < 0 {
		return nil, nil
	}
	turned, err := c.advance()
	if err != nil {
		return nil, err
	}
	if turned || isFirst {
		parquet.Retain(c.page)
		b.pages = append(b.pages, c.page)
	}
	return c.bytes(), nil
}

func (r *answerReader) fillText(b *AnswerBatch) error {
	for i := range b.Answers {
		answer := &b.Answers[i]
		for _, text := range [...]struct {
			from *answerColumn
			to   *string
		}{{&r.numero, &answer.Numero}, {&r.code, &answer.CodeCDGF}, {&r.sum, &answer.SHA256}, {&r.lot, &answer.Lot}} {
			if err := text.from.text(b, text.to); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *answerReader) close() {
	for _, column := range r.columns() {
		column.close()
	}
}

// unexpectedEnd says that a column has fewer values than the file has rows.
func unexpectedEnd(name string, err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("column %s ends before the others", name)
	}
	return fmt.Errorf("column %s: %w", name, err)
}
