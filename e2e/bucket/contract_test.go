package bucket

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"omega-export/internal/sink"
)

// places are the two storages of an output: what follows holds for both.
func places(t *testing.T, test func(t *testing.T, uri string)) {
	t.Run("folder", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "out")) })
	t.Run("bucket", func(t *testing.T) { test(t, "gs://"+newBucket(t)) })
	t.Run("bucket with a prefix", func(t *testing.T) { test(t, "gs://"+newBucket(t)+"/a/b c") })
}

func open(t testing.TB, uri string) *sink.Output {
	t.Helper()
	out, err := sink.Open(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func info(lot string) sink.LotInfo {
	return sink.LotInfo{Name: lot, DateExport: "2026-11-23", Mode: "simule", SealedAt: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
}

// table is one of text columns.
func table(name, kind string, columns ...string) sink.TableSpec {
	var fields []arrow.Field
	for _, column := range columns {
		field := arrow.Field{Name: column, Type: arrow.BinaryTypes.String, Nullable: true}
		if column == "_recupere_le" {
			field.Type = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
		}
		if column == "http_status" {
			field.Type = arrow.PrimitiveTypes.Int64
		}
		fields = append(fields, field)
	}
	return sink.TableSpec{Name: name, Kind: kind, Schema: arrow.NewSchema(fields, nil)}
}

func archiveTable() sink.TableSpec {
	return table("reponses", "reponses", "numero_demande", "code_cdgf", "http_status", "corps", "_sha256", "_recupere_le", "_lot")
}

// rows has each column's value made of its name and the row's number.
func rows(spec sink.TableSpec, from, count int) arrow.Record {
	builder := array.NewRecordBuilder(memory.DefaultAllocator, spec.Schema)
	defer builder.Release()
	for row := from; row < from+count; row++ {
		for i, field := range builder.Fields() {
			switch column := field.(type) {
			case *array.StringBuilder:
				column.Append(fmt.Sprintf("%s-%d", spec.Schema.Field(i).Name, row))
			case *array.Int64Builder:
				column.Append(200)
			case *array.TimestampBuilder:
				column.Append(arrow.Timestamp(1_700_000_000_000_000 + int64(row)))
			}
		}
	}
	return builder.NewRecord()
}

func fill(ctx context.Context, lot *sink.Lot, spec sink.TableSpec, from, count int) error {
	writer, err := lot.Create(ctx, spec)
	if err != nil {
		return err
	}
	record := rows(spec, from, count)
	defer record.Release()
	if err := writer.Write(record); err != nil {
		writer.Abort()
		return err
	}
	return writer.Close()
}

// publish publishes a lot of ten rows in each of two tables.
func publish(ctx context.Context, out *sink.Output, lot string, from int) error {
	l, err := out.Begin(ctx, info(lot))
	if err != nil {
		return err
	}
	defer l.Abort()
	if err := fill(ctx, l, table("demande_chf", "demande", "numero_demande", "_lot"), from, 10); err != nil {
		return err
	}
	if err := fill(ctx, l, archiveTable(), from, 10); err != nil {
		return err
	}
	return l.Commit(ctx)
}

// answers are the numbers in the archive, sorted.
func answers(t testing.TB, out *sink.Output) []string {
	t.Helper()
	files, err := out.Archive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var numbers []string
	for _, file := range files {
		err := out.ReadAnswers(t.Context(), file, func(batch *sink.AnswerBatch) error {
			defer batch.Release()
			for _, answer := range batch.Answers {
				numbers = append(numbers, strings.Clone(answer.Numero))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// clean sees that verification finds nothing.
func clean(t testing.TB, uri string) sink.VerifyReport {
	t.Helper()
	report, err := sink.Verify(t.Context(), uri, sink.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range report.Problems {
		t.Errorf("verify: %+v", problem)
	}
	for _, left := range report.Left {
		t.Errorf("verify: left %+v", left)
	}
	return report
}

func TestALotIsPublishedAndReadBack(t *testing.T) {
	places(t, func(t *testing.T, uri string) {
		out := open(t, uri)
		if strings.HasPrefix(uri, "gs://") && out.URI() != uri {
			t.Errorf("the output's URI is %s, want %s", out.URI(), uri)
		}
		for i, lot := range []string{"l1", "l2"} {
			if err := publish(t.Context(), out, lot, 10*i); err != nil {
				t.Fatal(err)
			}
			if published, err := out.HasLot(lot); !published || err != nil {
				t.Errorf("lot %s is published: %v, %v", lot, published, err)
			}
		}
		if published, err := out.HasLot("l3"); published || err != nil {
			t.Errorf("a lot that was not published is: %v, %v", published, err)
		}
		if _, err := out.Begin(t.Context(), info("l1")); !errors.Is(err, sink.ErrPublished) {
			t.Errorf("a published lot is begun again: %v", err)
		}
		other := info("l4")
		other.Mode = "reel"
		if _, err := out.Begin(t.Context(), other); !errors.Is(err, sink.ErrMode) {
			t.Errorf("a real lot goes among simulated ones: %v", err)
		}
		pointer, err := open(t, uri).Table("demande_chf")
		if err != nil || pointer.Rows != 20 || len(pointer.Files) != 2 {
			t.Errorf("the table is %+v, %v", pointer, err)
		}
		if got := answers(t, out); len(got) != 20 || len(slices.Compact(got)) != 20 {
			t.Errorf("answers %v", got)
		}
		if report := clean(t, uri); report.Lots != 2 || report.Rows != 40 {
			t.Errorf("verified %+v", report)
		}
	})
}

func TestALotGivenUpIsPublishedLaterWithOtherBytes(t *testing.T) {
	places(t, func(t *testing.T, uri string) {
		out := open(t, uri)
		l, err := out.Begin(t.Context(), info("l1"))
		if err == nil {
			err = fill(t.Context(), l, table("demande_chf", "demande", "numero_demande", "_lot"), 500, 3)
		}
		if err != nil {
			t.Fatal(err)
		}
		l.Abort()
		if err := publish(t.Context(), out, "l1", 0); err != nil {
			t.Fatal(err)
		}
		if report := clean(t, uri); report.Rows != 20 {
			t.Errorf("verified %+v", report)
		}
	})
}

func TestAReplacementHappensAtOnce(t *testing.T) {
	places(t, func(t *testing.T, uri string) {
		out := open(t, uri)
		if err := publish(t.Context(), out, "l1", 0); err != nil {
			t.Fatal(err)
		}
		replacement, err := out.Replace(t.Context(), sink.ReplacementInfo{Name: "r1", Mode: "simule", StartedAt: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		defer replacement.Abort()
		if _, err := open(t, uri).Replace(t.Context(), sink.ReplacementInfo{Name: "r2", Mode: "simule"}); !errors.Is(err, sink.ErrReplacing) {
			t.Errorf("two replacements at once: %v", err)
		}
		if err := publish(t.Context(), open(t, uri), "l2", 10); err != nil {
			t.Fatal(err)
		}
		spec := table("demande_chf", "demande", "numero_demande", "_lot", "new")
		writer, err := replacement.Create(t.Context(), spec, "2026-11-23")
		if err != nil {
			t.Fatal(err)
		}
		record := rows(spec, 0, 7)
		defer record.Release()
		if err := writer.Write(record); err != nil {
			t.Fatal(err)
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		late := 0
		err = replacement.Commit(t.Context(), []string{"demande_chf"}, func(_ context.Context, files []sink.ArchiveFile) error {
			late = len(files)
			return nil
		})
		if err != nil || late != 1 {
			t.Fatalf("committed: %v, %d files came meanwhile, want 1", err, late)
		}
		if pointer, err := out.Table("demande_chf"); err != nil || pointer.Rows != 7 {
			t.Errorf("the table is %+v, %v", pointer, err)
		}
		clean(t, uri)
	})
}

func TestPublishersGoOneAfterTheOther(t *testing.T) {
	places(t, func(t *testing.T, uri string) {
		const each = 3
		ended := make(chan error, 2)
		for publisher := range 2 {
			out := open(t, uri)
			go func() {
				var err error
				for i := range each {
					if err == nil {
						err = publish(t.Context(), out, fmt.Sprintf("p%d-%d", publisher, i), 100*publisher+10*i)
					}
				}
				ended <- err
			}()
		}
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if report := clean(t, uri); report.Lots != 2*each || report.Rows != 2*2*each*10 {
			t.Errorf("verified %+v", report)
		}
	})
}

func TestAWaitForThePublisherEndsWithItsContext(t *testing.T) {
	places(t, func(t *testing.T, uri string) {
		held, err := open(t, uri).Begin(t.Context(), info("l1"))
		if err != nil {
			t.Fatal(err)
		}
		defer held.Abort()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := open(t, uri).Begin(ctx, info("l2")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestALargeFileIsReadBackAsItWasWritten(t *testing.T) {
	places(t, func(t *testing.T, uri string) {
		out := open(t, uri)
		l, err := out.Begin(t.Context(), info("l1"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Abort()
		spec := archiveTable()
		writer, err := l.Create(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		const batches, batch = 12, 2000
		for i := range batches {
			record := noise(spec, i*batch, batch, 1000)
			err := writer.Write(record)
			record.Release()
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		if err := l.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := answers(t, out); len(got) != batches*batch || len(slices.Compact(got)) != batches*batch {
			t.Errorf("%d answers, want %d", len(got), batches*batch)
		}
		if report := clean(t, uri); report.Bytes < 20<<20 {
			t.Errorf("the file is no large one: %d bytes", report.Bytes)
		}
	})
}

// Of a file in parts, the last may fail in ways that a write in one request may not.
func TestTheEndOfALargeFileMayFail(t *testing.T) {
	t.Parallel()
	for _, way := range []way{refuse, cut, lose} {
		t.Run(string(way), func(t *testing.T) {
			t.Parallel()
			bucket := newBucket(t)
			uri := "gs://" + bucket
			world.arm(bucket, &fault{stage: "data file", way: way, nth: 1})
			if err := uploadLot(t.Context(), uri, 20); err != nil {
				t.Fatal(err)
			}
			if !world.wasHit(bucket) {
				t.Error("the stage was not reached")
			}
			clean(t, uri)
		})
	}
}
