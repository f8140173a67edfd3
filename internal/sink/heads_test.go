package sink

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// countingStorage counts the bytes that are read of data files.
type countingStorage struct {
	storage
	read atomic.Int64
}

func (s *countingStorage) Open(ctx context.Context, name string) (object, error) {
	from, err := s.storage.Open(ctx, name)
	return &countingObject{object: from, read: &s.read}, err
}

type countingObject struct {
	object
	read *atomic.Int64
}

func (o *countingObject) ReadAt(into []byte, at int64) (int, error) {
	count, err := o.object.ReadAt(into, at)
	o.read.Add(int64(count))
	return count, err
}

// headTable is a table as the pipeline writes it, in short.
type headTable struct {
	name, kind string
	fields     []arrow.Field
	rows       [][]any
}

var headDay = time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)

func headSum(i int) string {
	sum := sha256.Sum256(fmt.Append(nil, i))
	return hex.EncodeToString(sum[:])
}

func publishHeads(t *testing.T, output *Output, lot string, tables ...headTable) {
	t.Helper()
	begun, err := output.Begin(t.Context(), LotInfo{Name: lot, DateExport: "2026-11-24", Mode: "reel", SealedAt: headDay})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		schema := arrow.NewSchema(table.fields, nil)
		builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for _, row := range table.rows {
			for i, value := range row {
				switch value := value.(type) {
				case nil:
					builder.Field(i).AppendNull()
				case string:
					builder.Field(i).(*array.StringBuilder).Append(value)
				case []byte:
					builder.Field(i).(*array.BinaryBuilder).Append(value)
				case int:
					builder.Field(i).(*array.Int64Builder).Append(int64(value))
				case time.Time:
					if dates, ok := builder.Field(i).(*array.Date32Builder); ok {
						dates.Append(arrow.Date32FromTime(value))
					} else {
						builder.Field(i).(*array.TimestampBuilder).Append(arrow.Timestamp(value.UnixMicro()))
					}
				}
			}
		}
		writer, err := begun.Create(t.Context(), TableSpec{Name: table.name, Kind: table.kind, Schema: schema})
		if err != nil {
			t.Fatal(err)
		}
		record := builder.NewRecord()
		if err := errors.Join(writer.Write(record), writer.Close()); err != nil {
			t.Fatal(err)
		}
		record.Release()
		builder.Release()
	}
	if err := begun.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func headField(name string, typ arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: typ, Nullable: true}
}

func answersTable(from, to int, body []byte) headTable {
	table := headTable{name: "reponses", kind: "reponses", fields: []arrow.Field{
		headField("numero_demande", arrow.BinaryTypes.String), headField("code_cdgf", arrow.BinaryTypes.String), headField("http_status", arrow.PrimitiveTypes.Int64),
		headField("corps", arrow.BinaryTypes.Binary), headField("_sha256", arrow.BinaryTypes.String), headField("_recupere_le", arrow.FixedWidthTypes.Timestamp_us),
	}}
	for i := from; i < to; i++ {
		// Bodies that no compression makes small.
		random := slices.Clone(body)
		for at := 0; at+64 <= len(random); at += 64 {
			copy(random[at:], headSum(i*len(body)+at))
		}
		table.rows = append(table.rows, []any{fmt.Sprintf("N%06d", i), "A", 200, random, headSum(i), headDay.Add(time.Duration(i) * time.Second)})
	}
	return table
}

func readAllHeads(t *testing.T, output *Output) (heads []Head, err error) {
	t.Helper()
	err = output.Heads(t.Context(), func(some []Head) error {
		heads = append(heads, some...)
		return nil
	})
	slices.SortFunc(heads, func(a, b Head) int {
		return strings.Compare(fmt.Sprint(a.Kind, a.Numero, a.FetchedAt), fmt.Sprint(b.Kind, b.Numero, b.FetchedAt))
	})
	return heads, err
}

func TestHeadsTellWhatTheTablesHaveBesideTheBodies(t *testing.T) {
	output, err := Open(t.Context(), filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	rejects := headTable{name: "rejets", kind: "rejets", fields: []arrow.Field{
		headField("numero_demande", arrow.BinaryTypes.String), headField("code_cdgf", arrow.BinaryTypes.String), headField("motif", arrow.BinaryTypes.String),
		headField("http_status", arrow.PrimitiveTypes.Int64), headField("essais", arrow.PrimitiveTypes.Int64), headField("_recupere_le", arrow.FixedWidthTypes.Timestamp_us),
	}, rows: [][]any{{"R1", "B", "introuvable", 404, 2, headDay}, {"R2", "B", "erreur_serveur", nil, 5, headDay}}}
	typed := headTable{name: "demande_chf", kind: "demande", fields: []arrow.Field{
		headField("numero_demande", arrow.BinaryTypes.String), headField("_recupere_le", arrow.FixedWidthTypes.Timestamp_us), headField("_code_cdgf", arrow.BinaryTypes.String),
		headField("_sha256", arrow.BinaryTypes.String), headField("type_demande__code", arrow.BinaryTypes.String), headField("statut_externe_demande__code", arrow.BinaryTypes.String),
		headField("date_dernier_changement_statut_externe", arrow.FixedWidthTypes.Date32),
	}, rows: [][]any{
		{"D1", headDay, "C", headSum(1), "CHF", "CLOS", headDay}, {"D2", headDay, "C", headSum(2), "CHF", nil, nil},
	}}
	// A schema file may declare a date as text: it is then not known.
	other := headTable{name: "demande_mes", kind: "demande", fields: slices.Clone(typed.fields), rows: [][]any{{"D3", headDay, "C", headSum(3), "MES", "CLOS", "2026"}}}
	other.fields[6] = headField("date_dernier_changement_statut_externe", arrow.BinaryTypes.String)
	publishHeads(t, output, "lot-1", answersTable(0, 2, make([]byte, 64)), rejects, typed, other)
	got, err := readAllHeads(t, output)
	if err != nil {
		t.Fatal(err)
	}
	sum := func(i int) [32]byte { return sha256.Sum256(fmt.Append(nil, i)) }
	want := []Head{
		{Kind: HeadAnswer, Numero: "N000000", CodeCDGF: "A", HTTPStatus: 200, SHA256: sum(0), FetchedAt: headDay},
		{Kind: HeadAnswer, Numero: "N000001", CodeCDGF: "A", HTTPStatus: 200, SHA256: sum(1), FetchedAt: headDay.Add(time.Second)},
		{Kind: HeadReject, Numero: "R1", CodeCDGF: "B", Motif: "introuvable", HTTPStatus: 404, Attempts: 2, FetchedAt: headDay},
		{Kind: HeadReject, Numero: "R2", CodeCDGF: "B", Motif: "erreur_serveur", Attempts: 5, FetchedAt: headDay},
		{Kind: HeadDocument, Numero: "D1", CodeCDGF: "C", SHA256: sum(1), Type: "CHF", Statut: "CLOS", StatutSince: headDay.Truncate(24 * time.Hour), FetchedAt: headDay},
		{Kind: HeadDocument, Numero: "D2", CodeCDGF: "C", SHA256: sum(2), Type: "CHF", FetchedAt: headDay},
		{Kind: HeadDocument, Numero: "D3", CodeCDGF: "C", SHA256: sum(3), Type: "MES", Statut: "CLOS", FetchedAt: headDay},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestHeadsAreReadWithoutTheBodies(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "out")
	output, err := Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	publishHeads(t, output, "lot-1", answersTable(0, 5000, make([]byte, 4096)))
	counted := &countingStorage{storage: output.storage}
	output.storage = counted
	heads, err := readAllHeads(t, output)
	if err != nil || len(heads) != 5000 {
		t.Fatalf("%d heads, %v", len(heads), err)
	}
	names, err := output.storage.List(t.Context(), "reponses")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(folder, names[0]))
	if err != nil {
		t.Fatal(err)
	}
	if read := counted.read.Load(); read > info.Size()/8 {
		t.Errorf("%d bytes are read of a file of %d", read, info.Size())
	} else {
		t.Logf("%d bytes are read of a file of %d", read, info.Size())
	}
}

func TestAFileThatIsLostOrDamagedOrForeignIsNoHeads(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"lost":    os.Remove,
		"damaged": func(path string) error { return os.Truncate(path, 100) },
		"another": func(path string) error { return os.WriteFile(path, []byte("PAR1"), 0o600) },
	} {
		folder := filepath.Join(t.TempDir(), "out")
		output, err := Open(t.Context(), folder)
		if err != nil {
			t.Fatal(err)
		}
		publishHeads(t, output, "lot-1", answersTable(0, 10, make([]byte, 64)))
		if err := spoil(filepath.Join(folder, "reponses", "date_export=2026-11-24", "lot-1.parquet")); err != nil {
			t.Fatal(err)
		}
		if _, err := readAllHeads(t, output); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
