package sink

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/parquet-go/parquet-go"
	"golang.org/x/sync/errgroup"
)

// archiveSchema is the archive's, as the pipeline writes it.
func archiveSchema() *arrow.Schema {
	text := arrow.BinaryTypes.String
	return arrow.NewSchema([]arrow.Field{
		nullable("numero_demande", text), nullable("code_cdgf", text), nullable("http_status", arrow.PrimitiveTypes.Int64),
		nullable("corps", arrow.BinaryTypes.Binary), nullable("_sha256", text),
		nullable("_recupere_le", arrow.FixedWidthTypes.Timestamp_us), nullable("_lot", text),
	}, nil)
}

// someAnswers are answers of about so many bytes, some NULL and some empty.
func someAnswers(rows, size int) []Answer {
	random := rand.New(rand.NewPCG(1, 2))
	answers := make([]Answer, rows)
	for i := range answers {
		sum := make([]byte, 32)
		for j := range sum {
			sum[j] = byte(random.IntN(256))
		}
		answer := Answer{
			Numero: fmt.Sprintf("D%08d", i), CodeCDGF: "GD0001", HTTPStatus: 200, SHA256: hex.EncodeToString(sum),
			FetchedAt: time.UnixMicro(1_790_000_000_000_000 + int64(i)*1_000_000).UTC(), Lot: firstLot,
		}
		var body bytes.Buffer
		fmt.Fprintf(&body, `{"numero_demande":"%s","type_demande":{"code":"CHF"}`, answer.Numero)
		for key := 0; body.Len() < size; key++ {
			fmt.Fprintf(&body, `,"champ_%d":"valeur %d"`, key%60, random.IntN(10_000))
		}
		body.WriteByte('}')
		switch {
		case i%10 != 7:
			answer.Body = body.Bytes()
		case i%20 == 7:
			answer.Body = []byte{}
		default:
			answer.HTTPStatus, answer.SHA256 = 404, ""
		}
		answers[i] = answer
	}
	return answers
}

func answersRecord(answers []Answer) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, archiveSchema())
	defer b.Release()
	for _, answer := range answers {
		b.Field(0).(*array.StringBuilder).Append(answer.Numero)
		b.Field(1).(*array.StringBuilder).Append(answer.CodeCDGF)
		b.Field(2).(*array.Int64Builder).Append(answer.HTTPStatus)
		if answer.Body == nil {
			b.Field(3).AppendNull()
		} else {
			b.Field(3).(*array.BinaryBuilder).Append(answer.Body)
		}
		if answer.SHA256 == "" {
			b.Field(4).AppendNull()
		} else {
			b.Field(4).(*array.StringBuilder).Append(answer.SHA256)
		}
		b.Field(5).(*array.TimestampBuilder).Append(arrow.Timestamp(answer.FetchedAt.UnixMicro()))
		b.Field(6).(*array.StringBuilder).Append(answer.Lot)
	}
	return b.NewRecord()
}

// archived is an output whose archive has these answers in one file.
func archived(t testing.TB, answers []Answer) (*Output, ArchiveFile) {
	t.Helper()
	ctx := context.Background()
	out := published(t)
	lot, err := out.Begin(ctx, infoOf(firstLot))
	if err != nil {
		t.Fatal(err)
	}
	defer lot.Abort()
	writer, err := lot.Create(ctx, TableSpec{Name: archiveTable, Kind: "reponses", Schema: archiveSchema()})
	if err != nil {
		t.Fatal(err)
	}
	for len(answers) > 0 {
		some := answers[:min(len(answers), 20_000)]
		answers = answers[len(some):]
		record := answersRecord(some)
		if err := writer.Write(record); err != nil {
			t.Fatal(err)
		}
		record.Release()
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := lot.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	files, err := out.Archive(ctx)
	if err != nil || len(files) != 1 {
		t.Fatalf("archive %+v, %v", files, err)
	}
	return out, files[0]
}

func (a *Answer) equal(b *Answer) bool {
	return a.Numero == b.Numero && a.CodeCDGF == b.CodeCDGF && a.HTTPStatus == b.HTTPStatus && a.SHA256 == b.SHA256 &&
		a.FetchedAt.Equal(b.FetchedAt) && a.Lot == b.Lot && (a.Body == nil) == (b.Body == nil) && bytes.Equal(a.Body, b.Body)
}

// Batches are compared in another goroutine than the one that reads, and while it reads on, so that memory used twice
// would be seen.
func TestAnswersComeBackAsTheyWere(t *testing.T) {
	want := someAnswers(30_000, 1500)
	out, file := archived(t, want)
	if file.Lot != firstLot || file.DateExport != "2026-11-23" || file.Rows != 30_000 || file.Path != dataName(archiveTable, "2026-11-23", firstLot) {
		t.Errorf("file %+v", file)
	}
	for range 2 {
		batches := make(chan *AnswerBatch, 1)
		var group errgroup.Group
		group.Go(func() error {
			defer close(batches)
			return out.ReadAnswers(context.Background(), file, func(batch *AnswerBatch) error {
				batches <- batch
				return nil
			})
		})
		at, visits := 0, 0
		for batch := range batches {
			size := 0
			for i := range batch.Answers {
				if !batch.Answers[i].equal(&want[at]) {
					t.Fatalf("answer %d is\n%+v, want\n%+v", at, batch.Answers[i], want[at])
				}
				size += len(batch.Answers[i].Body)
				at++
			}
			if size > batchBytes+1<<20 {
				t.Errorf("a batch of %d bytes", size)
			}
			batch.Release()
			visits++
		}
		if err := group.Wait(); err != nil || at != len(want) || visits < 3 {
			t.Fatalf("%d answers in %d batches, error %v", at, visits, err)
		}
	}
}

func TestManySmallAnswersAreBatchesToo(t *testing.T) {
	want := make([]Answer, 2*groupRows)
	for i := range want {
		want[i] = Answer{Numero: fmt.Sprint(i), FetchedAt: time.UnixMicro(0)}
	}
	out, file := archived(t, want)
	rows := 0
	err := out.ReadAnswers(context.Background(), file, func(batch *AnswerBatch) error {
		defer batch.Release()
		if len(batch.Answers) > batchRows {
			t.Errorf("a batch of %d rows", len(batch.Answers))
		}
		for i := range batch.Answers {
			if batch.Answers[i].Numero != want[rows].Numero || batch.Answers[i].Body != nil {
				t.Fatalf("answer %d is %+v", rows, batch.Answers[i])
			}
			rows++
		}
		return nil
	})
	if err != nil || rows != len(want) {
		t.Errorf("%d rows, %v", rows, err)
	}
}

// An older version may have written columns otherwise, in another order, or not at all.
func TestAnswersOfOtherVersionsAreRead(t *testing.T) {
	type lean struct {
		Corps  []byte `parquet:"corps,snappy"`
		More   string `parquet:"autre"`
		Numero string `parquet:"numero_demande,dict"`
		Status int64  `parquet:"http_status,optional,delta"`
		Sum    string `parquet:"_sha256,delta"`
	}
	out, file := archived(t, someAnswers(3, 10))
	var content bytes.Buffer
	if err := parquet.Write(&content, []lean{
		{Corps: []byte("{}"), Numero: "A", Status: 404, Sum: "s1"}, {Corps: []byte("[]"), Numero: "B", Sum: "s2"}, {Corps: nil, Numero: "A", Sum: "s3"},
	}, parquet.DataPageVersion(2)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out.URI(), file.Path), content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	file.Bytes = int64(content.Len())
	var got []string
	err := out.ReadAnswers(context.Background(), file, func(batch *AnswerBatch) error {
		defer batch.Release()
		for _, answer := range batch.Answers {
			got = append(got, fmt.Sprintf("%s %s %d %s %q", answer.Numero, answer.Body, answer.HTTPStatus, answer.SHA256, answer.Lot))
		}
		return nil
	})
	if want := `[A {} 404 s1 "" B [] 0 s2 "" A  0 s3 ""]`; err != nil || fmt.Sprint(got) != want {
		t.Errorf("answers %v, %v; want %s", got, err, want)
	}
}

func TestADamagedArchiveFileIsTold(t *testing.T) {
	out, whole := archived(t, someAnswers(200, 300))
	path := filepath.Join(out.URI(), whole.Path)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	read := func(file ArchiveFile) error {
		return out.ReadAnswers(context.Background(), file, func(batch *AnswerBatch) error { batch.Release(); return nil })
	}
	told := func(t *testing.T, err error) {
		t.Helper()
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "omega-export verify") {
			t.Errorf("error %v, want ErrDamaged, the file, and what to do", err)
		}
	}
	other := whole
	other.Rows++
	told(t, read(other))
	other = whole
	other.Bytes++
	told(t, read(other))
	// Anything may stand in place of a byte: the reader tells, or reads something, and never panics.
	failed := 0
	for at := 0; at < len(content); at += 1 + len(content)/1500 {
		damaged := bytes.Clone(content)
		damaged[at] ^= byte(1 + at%255)
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := read(whole); err != nil {
			told(t, err)
			failed++
		}
	}
	if failed < 100 {
		t.Errorf("damage was told %d times only", failed)
	}
	for name, damaged := range map[string][]byte{"empty": {}, "text": []byte("PAR1 and no more PAR1"), "cut": content[:len(content)/2]} {
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		file := whole
		file.Bytes = int64(len(damaged))
		t.Run(name, func(t *testing.T) { told(t, read(file)) })
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	told(t, read(whole))
	if err := read(ArchiveFile{Path: "../x"}); err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("error %v of a path that leads out", err)
	}
}

func TestReadingEndsWithItsVisitorAndItsContext(t *testing.T) {
	out, file := archived(t, someAnswers(30_000, 1500))
	visits := 0
	err := out.ReadAnswers(context.Background(), file, func(batch *AnswerBatch) error { visits++; batch.Release(); return errFault })
	if err != errFault || visits != 1 { //nolint:errorlint // it is returned as it is
		t.Errorf("error %v after %d visits", err, visits)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = out.ReadAnswers(ctx, file, func(batch *AnswerBatch) error { cancel(); batch.Release(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestTheArchiveOfAKilledRunIsWhole(t *testing.T) {
	out := published(t, firstLot)
	if err := os.Remove(filepath.Join(out.URI(), pointerName(archiveTable))); err != nil {
		t.Fatal(err)
	}
	if err := writeJSON(context.Background(), out.storage, intentName, firstLot, intent{Lot: firstLot, Mode: "reel"}); err != nil {
		t.Fatal(err)
	}
	if files, err := out.Archive(context.Background()); err != nil || len(files) != 1 || files[0].Rows != 2 {
		t.Errorf("archive %+v, %v", files, err)
	}
}

const benchAnswers = 100_000

// BenchmarkReadAnswers reads 100,000 answers of 2 KB.
func BenchmarkReadAnswers(b *testing.B) {
	out, file := archived(b, someAnswers(benchAnswers, 2000))
	b.ReportAllocs()
	b.SetBytes(sizeOfAll(b, out, file))
	for b.Loop() {
		sizeOfAll(b, out, file)
	}
	b.ReportMetric(float64(file.Bytes)/(1<<20), "MiB/file")
}

func sizeOfAll(b *testing.B, out *Output, file ArchiveFile) (size int64) {
	err := out.ReadAnswers(context.Background(), file, func(batch *AnswerBatch) error {
		for i := range batch.Answers {
			size += int64(len(batch.Answers[i].Body))
		}
		batch.Release()
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return size
}

// BenchmarkReadAnswersYardstick does the same with Arrow's own reader.
func BenchmarkReadAnswersYardstick(b *testing.B) {
	out, archive := archived(b, someAnswers(benchAnswers, 2000))
	ctx := context.Background()
	read := func() (size int64) {
		from, err := out.storage.Open(ctx, archive.Path)
		if err != nil {
			b.Fatal(err)
		}
		reader, err := file.NewParquetReader(from)
		if err != nil {
			b.Fatal(err)
		}
		defer reader.Close()
		arrows, err := pqarrow.NewFileReader(reader, pqarrow.ArrowReadProperties{BatchSize: 8192}, memory.DefaultAllocator)
		if err != nil {
			b.Fatal(err)
		}
		records, err := arrows.GetRecordReader(ctx, nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		defer records.Release()
		for records.Next() {
			body := records.Record().Column(3).(*array.Binary)
			for i := range body.Len() {
				size += int64(len(body.Value(i)))
			}
		}
		return size
	}
	b.ReportAllocs()
	b.SetBytes(read())
	for b.Loop() {
		read()
	}
}
