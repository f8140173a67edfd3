package sink

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/parquet-go/parquet-go"
	"golang.org/x/sync/errgroup"
)

const (
	// headFiles is how many files are read at once: a bucket answers slowly, and to many at a time.
	headFiles = 8
	// headRows is how many rows one visit gets at most.
	headRows = 4096
	// headBufferBytes is what is asked for of a column at once.
	headBufferBytes = 512 << 10
	// headWholeBytes is the size of a file that is read whole, in one request; headTailBytes is what is asked for of the
	// end of a greater one, where its footer stands.
	headWholeBytes = 64 << 10
	headTailBytes  = 64 << 10
)

// HeadKind is which table a head is of.
type HeadKind uint8

// The tables that tell of answers.
const (
	HeadAnswer   HeadKind = iota // reponses: an answer as it came
	HeadReject                   // rejets: an answer, or a lack of one, that gave no document
	HeadDocument                 // a typed table: a document that differed from the one before
)

// Head is what a table tells of one answer beside its body. What its table does not have is zero.
type Head struct {
	Kind        HeadKind
	Numero      string
	CodeCDGF    string
	HTTPStatus  int // of an answer or a reject; 0: there was none
	SHA256      [32]byte
	FetchedAt   time.Time // to the microsecond, UTC
	Motif       string    // of a reject
	Attempts    int       // of a reject
	Type        string    // of a document: its type's code
	Statut      string    // of a document: statut_externe_demande.code
	StatutSince time.Time // of a document: date_dernier_changement_statut_externe; zero: none
}

// Heads reads the heads of all published answers, rejects and documents, and hands them to visit in batches of one
// file each: several files are read at once, so their batches come in any order, but one at a time. A batch is the
// visitor's only until it returns; the strings may be kept.
//
// No body is read: of a bucket only the columns that a head has are fetched (and the whole of files under 64 KiB).
// Memory is bounded by the files read at once. A file that cannot be read, or has other rows than its pointer says, is
// ErrDamaged. The visitor's error is returned as it is.
func (o *Output) Heads(ctx context.Context, visit func([]Head) error) error {
	tables, err := stems(ctx, o.storage, tablesFolder)
	if err != nil {
		return fmt.Errorf("looking for the answers: %w", err)
	}
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(headFiles)
	var one sync.Mutex
	serial := func(heads []Head) error {
		one.Lock()
		defer one.Unlock()
		if err := ctx.Err(); err != nil {
			return err
		}
		return visit(heads)
	}
	for _, table := range tables {
		kind, ok := headKind(table)
		if !ok {
			continue
		}
		pointer, err := readPointer(ctx, o.storage, table)
		if err != nil {
			return errors.Join(fmt.Errorf("looking for the answers: %w", err), reading.Wait())
		}
		for _, entry := range pointer.files() {
			reading.Go(func() error { return o.fileHeads(ctx, table, kind, entry, serial) })
		}
	}
	return reading.Wait()
}

// files is the table's files; none of no table.
func (t *PublishedTable) files() []FileEntry {
	if t == nil {
		return nil
	}
	return t.Files
}

func headKind(table string) (HeadKind, bool) {
	switch {
	case table == archiveTable:
		return HeadAnswer, true
	case table == "rejets":
		return HeadReject, true
	case strings.HasPrefix(table, "demande_"):
		return HeadDocument, true
	}
	return 0, false
}

func (o *Output) fileHeads(ctx context.Context, table string, kind HeadKind, entry FileEntry, visit func([]Head) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !fs.ValidPath(entry.Path) || !strings.HasPrefix(entry.Path, table+"/") {
		return fmt.Errorf("%w: %s names %q, which is no file of the table", ErrDamaged, o.storage.URI(pointerName(table)), entry.Path)
	}
	from, err := o.storage.Open(ctx, entry.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s: there is no such file; omega-export verify tells all that is damaged", ErrDamaged, o.storage.URI(entry.Path))
	}
	if err != nil {
		return fmt.Errorf("reading the heads of %s: %w", o.storage.URI(entry.Path), err)
	}
	defer from.Close()
	visited := error(nil)
	rows, err := readHeads(from, kind, func(heads []Head) error {
		visited = visit(heads)
		return visited
	})
	switch {
	case visited != nil:
		return visited
	case err == nil && rows != entry.Rows:
		err = fmt.Errorf("it has %d rows, its pointer says %d", rows, entry.Rows)
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: reading the heads of %s: %w; omega-export verify tells all that is damaged", ErrDamaged, o.storage.URI(entry.Path), err)
	}
	return errors.Join(err, ctx.Err())
}

// headReader reads a file's heads, a row group at a time.
type headReader struct {
	kind    HeadKind
	columns []*headColumn
	heads   []Head
}

func readHeads(from object, kind HeadKind, visit func([]Head) error) (rows int64, err error) {
	defer recovered(&err)
	ranges, err := newRangeReader(from)
	if err != nil {
		return 0, err
	}
	file, err := parquet.OpenFile(ranges, from.Size(), parquet.SkipMagicBytes(true), parquet.SkipPageIndex(true),
		parquet.SkipBloomFilters(true), parquet.ReadBufferSize(headBufferBytes))
	if err != nil {
		return 0, err
	}
	reader := headReader{kind: kind, heads: make([]Head, headRows)}
	if err := reader.find(file.Schema()); err != nil {
		return 0, err
	}
	for _, group := range file.RowGroups() {
		if err := reader.group(group, visit); err != nil {
			return rows, err
		}
		rows += group.NumRows()
	}
	return rows, nil
}

// find chooses the columns of the file's kind.
func (r *headReader) find(schema *parquet.Schema) error {
	text := map[string]func(*Head, string){
		columnNumero: func(h *Head, value string) { h.Numero = value },
		"code_cdgf":  func(h *Head, value string) { h.CodeCDGF = value },
	}
	numbers := map[string]func(*Head, int64){}
	sum := ""
	switch r.kind {
	case HeadAnswer:
		numbers["http_status"] = func(h *Head, value int64) { h.HTTPStatus = int(value) }
		sum = "_sha256"
	case HeadReject:
		numbers["http_status"] = func(h *Head, value int64) { h.HTTPStatus = int(value) }
		numbers["essais"] = func(h *Head, value int64) { h.Attempts = int(value) }
		text["motif"] = func(h *Head, value string) { h.Motif = value }
	case HeadDocument:
		delete(text, "code_cdgf")
		text["_code_cdgf"] = func(h *Head, value string) { h.CodeCDGF = value }
		text["type_demande__code"] = func(h *Head, value string) { h.Type = value }
		text["statut_externe_demande__code"] = func(h *Head, value string) { h.Statut = value }
		sum = "_sha256"
	}
	numbers[columnFetched] = func(h *Head, value int64) { h.FetchedAt = time.UnixMicro(value).UTC() }
	for name, put := range text {
		r.add(schema, name, parquet.ByteArray, name == columnNumero, func(h *Head, value parquet.Value, column *headColumn) error {
			put(h, column.text(value.ByteArray()))
			return nil
		})
	}
	for name, put := range numbers {
		r.add(schema, name, parquet.Int64, false, func(h *Head, value parquet.Value, _ *headColumn) error {
			put(h, value.Int64())
			return nil
		})
	}
	if sum != "" {
		r.add(schema, sum, parquet.ByteArray, false, func(h *Head, value parquet.Value, _ *headColumn) error {
			if written, err := hex.Decode(h.SHA256[:], value.ByteArray()[:min(len(value.ByteArray()), 64)]); err != nil || written != len(h.SHA256) {
				return errors.New("it is no checksum")
			}
			return nil
		})
	}
	if r.kind == HeadDocument {
		r.add(schema, "date_dernier_changement_statut_externe", parquet.Int32, false, func(h *Head, value parquet.Value, _ *headColumn) error {
			h.StatutSince = time.Unix(int64(value.Int32())*86400, 0).UTC()
			return nil
		})
	}
	for _, column := range r.columns {
		if column.name == columnNumero {
			return nil
		}
	}
	return errors.New("it lacks the numbers")
}

// add reads a column, if the file has it and it is what the program writes: a schema file may have made another of one
// of the API's own.
func (r *headReader) add(schema *parquet.Schema, name string, kind parquet.Kind, distinct bool, put func(*Head, parquet.Value, *headColumn) error) {
	leaf, ok := schema.Lookup(name)
	if !ok || leaf.MaxRepetitionLevel > 0 || leaf.MaxDefinitionLevel > 1 || leaf.Node.Type().Kind() != kind {
		return
	}
	column := &headColumn{name: name, leaf: leaf.ColumnIndex, put: put}
	if !distinct {
		column.known = map[string]string{}
	}
	r.columns = append(r.columns, column)
}

// group reads a row group, in step over its columns.
func (r *headReader) group(group parquet.RowGroup, visit func([]Head) error) error {
	chunks := group.ColumnChunks()
	for _, column := range r.columns {
		column.pages = chunks[column.leaf].Pages()
	}
	defer func() {
		for _, column := range r.columns {
			column.close()
		}
	}()
	for left := group.NumRows(); left > 0; {
		heads := r.heads[:min(left, headRows)]
		for i := range heads {
			heads[i] = Head{Kind: r.kind}
		}
		for _, column := range r.columns {
			if err := column.fill(heads); err != nil {
				return unexpectedEnd(column.name, err)
			}
		}
		if err := visit(heads); err != nil {
			return err
		}
		left -= int64(len(heads))
	}
	return nil
}

// headColumn is one column being read.
type headColumn struct {
	name   string
	leaf   int
	put    func(*Head, parquet.Value, *headColumn) error
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buffer [512]parquet.Value
	known  map[string]string // texts that stand in many rows; nil: there are none such
}

// mostKnown bounds what is remembered of a column that is more diverse than it should be.
const mostKnown = 4096

// text is a text that outlives its page.
func (c *headColumn) text(value []byte) string {
	if c.known == nil || len(c.known) > mostKnown {
		return string(value)
	}
	known, ok := c.known[string(value)]
	if !ok {
		known = string(value)
		c.known[known] = known
	}
	return known
}

// fill puts the column's next values into as many heads.
func (c *headColumn) fill(heads []Head) error {
	for len(heads) > 0 {
		if c.values == nil {
			page, err := c.pages.ReadPage()
			if err != nil {
				return err
			}
			c.page, c.values = page, page.Values()
		}
		read, err := c.values.ReadValues(c.buffer[:min(len(heads), len(c.buffer))])
		for i := range read {
			if c.buffer[i].IsNull() {
				continue
			}
			if err := c.put(&heads[i], c.buffer[i], c); err != nil {
				return err
			}
		}
		heads = heads[read:]
		switch {
		case errors.Is(err, io.EOF):
			parquet.Release(c.page)
			c.page, c.values = nil, nil
		case err != nil:
			return err
		case read == 0:
			return io.ErrNoProgress
		}
	}
	return nil
}

func (c *headColumn) close() {
	parquet.Release(c.page)
	if c.pages != nil {
		_ = c.pages.Close() // it has nothing to lose
	}
	c.pages, c.page, c.values = nil, nil, nil
}

// rangeReader keeps the end of a file, so that its footer takes one request, and a small file as a whole too.
type rangeReader struct {
	from   io.ReaderAt
	begins int64 // where the kept part does
	kept   []byte
}

func newRangeReader(from object) (*rangeReader, error) {
	size := from.Size()
	keep := min(size, headTailBytes)
	if size <= headWholeBytes {
		keep = size
	}
	r := &rangeReader{from: from, begins: size - keep, kept: make([]byte, keep)}
	if _, err := from.ReadAt(r.kept, r.begins); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return r, nil
}

func (r *rangeReader) ReadAt(into []byte, at int64) (int, error) {
	if at < r.begins {
		return r.from.ReadAt(into, at)
	}
	count := copy(into, r.kept[min(at-r.begins, int64(len(r.kept))):])
	if count < len(into) {
		return count, io.EOF
	}
	return count, nil
}
