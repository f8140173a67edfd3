package sink

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// Writer writes one table's file of a lot or a replacement. It is for one goroutine, and ends with Close or Abort.
type Writer struct {
	ctx     context.Context // ends the writing; nil: nothing does
	storage storage
	codec   *codec
	home    home
	spec    TableSpec
	layout  *layout
	path    string // from the output's root
	mark    string // of what is left aside if the process dies
	state   writerState

	// These are nil until the first row.
	staged  staged
	digest  *digester
	parquet *parquetWriter
}

// home is the lot or the replacement that a Writer's file belongs to.
type home interface {
	// landing is called before a file appears; an error keeps it from appearing.
	landing(ctx context.Context) error
	// closed is called once, when the Writer has ended: with the file that has appeared, or nil if there is none.
	closed(w *Writer, file *recordFile)
}

type writerState int

const (
	writing writerState = iota
	writerClosed
	writerAborted
)

// Write adds a record's rows. The record must have the table's schema; it is not kept. After an error only Abort is of
// use.
func (w *Writer) Write(record arrow.Record) error {
	if w.state != writing {
		return fmt.Errorf("table %s: its file is closed", w.spec.Name)
	}
	if !w.layout.fits(record.Schema()) {
		return fmt.Errorf("table %s: the record has another schema than the table", w.spec.Name)
	}
	if record.NumRows() == 0 {
		return nil
	}
	if w.parquet == nil {
		if err := w.stage(); err != nil {
			return fmt.Errorf("table %s: %w", w.spec.Name, err)
		}
	}
	if err := w.parquet.write(record); err != nil {
		return fmt.Errorf("table %s: %w", w.spec.Name, err)
	}
	return nil
}

func (w *Writer) stage() error {
	if w.ctx == nil {
		w.ctx = context.Background()
	}
	staged, err := w.storage.Stage(w.ctx, w.path, w.mark)
	if err != nil {
		return err
	}
	w.staged, w.digest = staged, newDigester(staged)
	w.parquet = newParquetWriter(w.digest, w.layout, w.codec)
	return nil
}

// Close makes the file appear, whole, under its final name, though no pointer names it before Commit. Without rows
// there is no file.
func (w *Writer) Close() error {
	if w.state != writing {
		return fmt.Errorf("table %s: its file is closed", w.spec.Name)
	}
	var file *recordFile
	if w.parquet != nil {
		var err error
		if file, err = w.land(); err != nil {
			w.Abort()
			return fmt.Errorf("table %s: %w", w.spec.Name, err)
		}
	}
	w.state = writerClosed
	w.home.closed(w, file)
	return nil
}

func (w *Writer) land() (*recordFile, error) {
	rows, err := w.parquet.close()
	if err != nil {
		return nil, err
	}
	if err := w.home.landing(w.ctx); err != nil {
		return nil, err
	}
	sum := w.digest.sum()
	if err := w.staged.Land(sum); err != nil {
		return nil, err
	}
	return &recordFile{
		Path: w.path, Table: w.spec.Name, Kind: w.spec.Kind, Rows: rows,
		Bytes: sum.Bytes, SHA256: sum.SHA256, CRC32C: sum.CRC32C,
		Columns: w.spec.Columns, Schema: w.layout.lines,
	}, nil
}

// Abort gives the file up. After Close it does nothing.
func (w *Writer) Abort() {
	if w.state != writing {
		return
	}
	w.state = writerAborted
	if w.staged != nil {
		w.staged.Discard()
	}
	w.home.closed(w, nil)
}
