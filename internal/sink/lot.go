package sink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
)

// LotInfo is what a lot says of itself.
type LotInfo struct {
	Name       string    // 1 to 80 of A-Z, a-z, 0-9 and -
	DateExport string    // the day of its partition, as 2026-11-23
	Mode       string    // "reel" or "simule"
	SealedAt   time.Time // when it was fixed in the ledger
}

func (i *LotInfo) check() error {
	if err := checkLot(i.Name); err != nil {
		return err
	}
	if err := checkDate(i.DateExport); err != nil {
		return err
	}
	if i.Mode != "reel" && i.Mode != "simule" {
		return fmt.Errorf("mode %q: it must be reel or simule", i.Mode)
	}
	return nil
}

// Lot is a lot being published. It is for one goroutine, and ends with Commit or Abort; until then no other process
// publishes into the output.
type Lot struct {
	output *Output
	info   LotInfo
	unlock func()
	files  []recordFile
	tables map[string]*Writer // every table begun
	noted  bool               // the intent stands
	ended  bool               // Commit or Abort was called
}

// Begin begins to publish a lot, once no other process publishes into the output; ctx ends the wait. The error is
// ErrMode if the output holds lots of the other mode, and ErrPublished if the lot is published already.
func (o *Output) Begin(ctx context.Context, info LotInfo) (*Lot, error) {
	if err := info.check(); err != nil {
		return nil, fmt.Errorf("beginning a lot: %w", err)
	}
	unlock, err := o.storage.Lock(ctx)
	if err != nil {
		return nil, fmt.Errorf("beginning lot %s: %w", info.Name, err)
	}
	if err := o.admit(ctx, info); err != nil {
		unlock()
		return nil, fmt.Errorf("beginning lot %s: %w", info.Name, err)
	}
	info.SealedAt = info.SealedAt.UTC()
	return &Lot{output: o, info: info, unlock: unlock, tables: map[string]*Writer{}}, nil
}

// admit sees that the lot may go into the output.
func (o *Output) admit(ctx context.Context, info LotInfo) error {
	// First what a killed run left to do: its lot may have brought columns that this one must come after.
	if err := o.recover(ctx); err != nil {
		return err
	}
	if err := o.removeDue(ctx); err != nil {
		return err
	}
	if err := o.admitMode(ctx, info.Mode); err != nil {
		return err
	}
	_, err := readRecord(ctx, o.storage, info.Name)
	if err == nil {
		return ErrPublished
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (o *Output) admitMode(ctx context.Context, mode string) error {
	there, err := o.Mode(ctx)
	if err != nil {
		return err
	}
	if there != "" && there != mode {
		return fmt.Errorf("%w: %s holds answers of mode %s, these are of mode %s; choose another output with --out (replay: with --to)",
			ErrMode, o.URI(), there, mode)
	}
	return nil
}

// TableSpec is a table that gets rows in a lot or a replacement.
type TableSpec struct {
	Name   string // 1 to 80 of a-z, 0-9 and _
	Kind   string // "demande", "reponses" or "rejets"
	Schema *arrow.Schema
	// Columns is kept with the published table, as it is. It may be nil.
	Columns json.RawMessage
}

func (s *TableSpec) check() error {
	if err := checkTable(s.Name); err != nil {
		return err
	}
	if s.Kind != "demande" && s.Kind != "reponses" && s.Kind != "rejets" {
		return fmt.Errorf("kind %q: it must be demande, reponses or rejets", s.Kind)
	}
	if s.Columns != nil && !json.Valid(s.Columns) {
		return errors.New("its columns are not JSON")
	}
	return nil
}

// Create begins a table's file. Nothing of it is written before its first row; the end of ctx may end the writing. A
// table is begun once in a lot.
func (l *Lot) Create(ctx context.Context, spec TableSpec) (*Writer, error) {
	switch {
	case l.ended:
		return nil, fmt.Errorf("table %s: lot %s has ended", spec.Name, l.info.Name)
	case l.tables[spec.Name] != nil:
		return nil, fmt.Errorf("table %s is begun twice in lot %s", spec.Name, l.info.Name)
	}
	if err := spec.check(); err != nil {
		return nil, fmt.Errorf("table %s: %w", spec.Name, err)
	}
	layout, err := newLayout(spec.Schema)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", spec.Name, err)
	}
	writer := &Writer{
		ctx: ctx, storage: l.output.storage, codec: l.output.codec, home: l, spec: spec, layout: layout,
		path: dataName(spec.Name, l.info.DateExport, l.info.Name), mark: l.info.Name,
	}
	l.tables[spec.Name] = writer
	return writer, nil
}

// Commit publishes the lot: its commit record, then the tables' pointers, then the SQL. Every writer must have been
// closed. The lot has ended whatever the error; if the error came after the record, the lot is published all the same
// and HasLot says so.
func (l *Lot) Commit(ctx context.Context) error {
	if l.ended {
		return fmt.Errorf("committing lot %s: it has ended", l.info.Name)
	}
	defer l.Abort()
	for name, writer := range l.tables {
		if writer.state != writerClosed {
			return fmt.Errorf("committing lot %s: the file of table %s is not closed", l.info.Name, name)
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("committing lot %s: %w", l.info.Name, err)
	}
	// Past this point the record may stand, so that the pointers are worth having even if ctx ends.
	ctx = context.WithoutCancel(ctx)
	slices.SortFunc(l.files, func(a, b recordFile) int { return strings.Compare(a.Path, b.Path) })
	record := &commitRecord{
		Version: formatVersion, Lot: l.info.Name, Mode: l.info.Mode, SealedAt: l.info.SealedAt,
		DateExport: l.info.DateExport, Files: l.files,
	}
	if err := writeJSON(ctx, l.output.storage, recordName(l.info.Name), l.info.Name, record); err != nil {
		return fmt.Errorf("committing lot %s: %w", l.info.Name, err)
	}
	if err := point(ctx, l.output.storage, record); err != nil {
		return fmt.Errorf("pointing to lot %s, which is published: %w", l.info.Name, err)
	}
	if err := l.output.removeDue(ctx); err != nil {
		return fmt.Errorf("after lot %s, which is published: %w", l.info.Name, err)
	}
	return nil
}

// Abort ends the lot without publishing it. Files that are closed stay, seen by no pointer, until the lot is published
// again. After Commit it does nothing.
func (l *Lot) Abort() {
	if l.ended {
		return
	}
	l.ended = true
	for _, writer := range l.tables {
		writer.Abort()
	}
	l.unlock()
}

// landing is home.landing: the intent stands before the lot's first file appears.
func (l *Lot) landing(ctx context.Context) error {
	if l.ended {
		return fmt.Errorf("lot %s has ended", l.info.Name)
	}
	if l.noted {
		return nil
	}
	begun := intent{Lot: l.info.Name, Mode: l.info.Mode}
	if err := writeJSON(ctx, l.output.storage, intentName, l.info.Name, begun); err != nil {
		return err
	}
	l.noted = true
	return nil
}

// closed is home.closed.
func (l *Lot) closed(_ *Writer, file *recordFile) {
	if file != nil {
		l.files = append(l.files, *file)
	}
}
