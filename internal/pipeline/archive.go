package pipeline

import (
	"context"
	"encoding/hex"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"omega-export/internal/ledger"
	"omega-export/internal/sink"
)

func column(name string, typ arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: typ, Nullable: true}
}

// sealedColumn has the bodies where they are encrypted: corps is then NULL. It comes last, since earlier files lack it.
const sealedColumn = "_corps_age"

// reponsesSchema is the archive's columns, which sink.Answer reads back.
func reponsesSchema(sealed bool) *arrow.Schema {
	return withSealed(sealed, []arrow.Field{
		column("numero_demande", arrow.BinaryTypes.String),
		column("code_cdgf", arrow.BinaryTypes.String),
		column("http_status", arrow.PrimitiveTypes.Int64),
		column("corps", arrow.BinaryTypes.Binary), // bytes, since an answer need not be UTF-8
		column("_sha256", arrow.BinaryTypes.String),
		column("_recupere_le", arrow.FixedWidthTypes.Timestamp_us),
		column("_lot", arrow.BinaryTypes.String),
	})
}

func withSealed(sealed bool, fields []arrow.Field) *arrow.Schema {
	if sealed {
		fields = append(fields, column(sealedColumn, arrow.BinaryTypes.Binary))
	}
	return arrow.NewSchema(fields, nil)
}

// rejetsSchema is the columns of the rejects.
func rejetsSchema(sealed bool) *arrow.Schema {
	return withSealed(sealed, []arrow.Field{
		column("numero_demande", arrow.BinaryTypes.String),
		column("code_cdgf", arrow.BinaryTypes.String),
		column("motif", arrow.BinaryTypes.String),
		column("http_status", arrow.PrimitiveTypes.Int64),
		column("message", arrow.BinaryTypes.String),
		column("essais", arrow.PrimitiveTypes.Int64),
		column("corps", arrow.BinaryTypes.Binary),
		column("_recupere_le", arrow.FixedWidthTypes.Timestamp_us),
		column("_lot", arrow.BinaryTypes.String),
	})
}

func (w *lotWriter) reponses(ctx context.Context) error {
	seal := w.rooms.Archive.Seal
	return w.archive(ctx, "reponses", reponsesSchema(seal != nil), w.rooms.Ledger.EachAnswer, func(b *array.RecordBuilder, s *ledger.Stored) error {
		text(b, 0, s.Numero)
		text(b, 1, s.CodeCDGF)
		b.Field(2).(*array.Int64Builder).Append(int64(s.HTTPStatus))
		text(b, 4, hex.EncodeToString(s.SHA256))
		b.Field(5).(*array.TimestampBuilder).Append(arrow.Timestamp(s.ReceivedAt.UnixMicro()))
		text(b, 6, w.lot.Name)
		return archived(b, 3, 7, s.Body, seal)
	})
}

// rejets are those of the archive, with their bodies, or of the tables, where it is elsewhere or not all may be told.
func (w *lotWriter) rejets(ctx context.Context, ofArchive bool) error {
	seal := w.rooms.Archive.Seal
	isOwn := !w.rooms.Archive.isElsewhere()
	hasBodies := ofArchive || isOwn && (seal != nil || keepsAll(w.rooms.Personal))
	if !hasBodies {
		seal = nil
	}
	return w.archive(ctx, "rejets", rejetsSchema(seal != nil), w.rooms.Ledger.EachReject, func(b *array.RecordBuilder, s *ledger.Stored) error {
		text(b, 0, s.Numero)
		text(b, 1, s.CodeCDGF)
		text(b, 2, s.Motif)
		if s.HTTPStatus == 0 {
			b.Field(3).AppendNull()
		} else {
			b.Field(3).(*array.Int64Builder).Append(int64(s.HTTPStatus))
		}
		if message, stays := rejectMessage(w.rooms.Personal, s); stays || ofArchive && seal == nil {
			text(b, 4, message)
		} else {
			b.Field(4).AppendNull()
		}
		b.Field(5).(*array.Int64Builder).Append(int64(s.Attempts))
		b.Field(7).(*array.TimestampBuilder).Append(arrow.Timestamp(s.ReceivedAt.UnixMicro()))
		text(b, 8, w.lot.Name)
		if !hasBodies {
			b.Field(6).AppendNull()
			return nil
		}
		return archived(b, 6, 9, s.Body, seal)
	})
}

// archived appends a body in one of its two columns: as it is, or as seal encrypts it.
func archived(b *array.RecordBuilder, plain, sealed int, content []byte, seal func([]byte) ([]byte, error)) error {
	if seal == nil {
		body(b, plain, content)
		return nil
	}
	b.Field(plain).AppendNull()
	if content != nil {
		var err error
		if content, err = seal(content); err != nil {
			return err
		}
	}
	body(b, sealed, content)
	return nil
}

// archive writes a table whose rows are the stored answers that each visits.
func (w *lotWriter) archive(ctx context.Context, name string, schema *arrow.Schema,
	each func(context.Context, ledger.Lot, func(*ledger.Stored) error) error, row func(*array.RecordBuilder, *ledger.Stored) error,
) error {
	writer, err := w.out.Create(ctx, sink.TableSpec{Name: name, Kind: name, Schema: schema})
	if err != nil {
		return err
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	rows, bytes := 0, 0
	flush := func() error {
		record := builder.NewRecord()
		defer record.Release()
		rows, bytes = 0, 0
		return writer.Write(record)
	}
	total := int64(0)
	err = each(ctx, w.lot, w.unforgotten(func(stored *ledger.Stored) error {
		if err := row(builder, stored); err != nil {
			return err
		}
		total++
		rows++
		bytes += len(stored.Body)
		if rows >= recordRows || bytes >= recordBytes {
			return flush()
		}
		return nil
	}))
	if err == nil && rows > 0 {
		err = flush()
	}
	if err != nil {
		writer.Abort()
		return err
	}
	if total > 0 {
		w.table(name).Rows += total
	}
	return writer.Close()
}

func text(b *array.RecordBuilder, index int, value string) {
	b.Field(index).(*array.StringBuilder).Append(value)
}

// body appends bytes, NULL where there are none.
func body(b *array.RecordBuilder, index int, value []byte) {
	if value == nil {
		b.Field(index).AppendNull()
		return
	}
	b.Field(index).(*array.BinaryBuilder).Append(value)
}
