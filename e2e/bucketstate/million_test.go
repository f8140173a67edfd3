package bucketstate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"omega-export/internal/sink"
)

// TestALedgerOfAMillionAnswersIsRebuiltWithinAMinute publishes a million answers in lots of 50,000, with bodies and
// typed rows, into the bucket, and rebuilds the ledger from it.
func TestALedgerOfAMillionAnswersIsRebuiltWithinAMinute(t *testing.T) {
	if os.Getenv("OMEGA_E2E_REBUILD") == "" {
		t.Skip("OMEGA_E2E_REBUILD is not set")
	}
	p := newPlace(t, 0)
	output, err := sink.Open(t.Context(), p.uri("out"))
	if err != nil {
		t.Fatal(err)
	}
	const lots, perLot = 20, 50_000
	for lot := range lots {
		publishLot(t, output, lot, perLot)
	}
	bytesBefore, requestsBefore := world.server.counts(p.bucket)
	state := filepath.Join(t.TempDir(), "state")
	begun := time.Now()
	h := p.command("state", "rebuild", "--state", state, "--out", p.uri("out")).start()
	text := h.ends(0)
	took := time.Since(begun)
	read, requests := world.server.counts(p.bucket)
	t.Logf("rebuilt in %s, %d MiB at most, %.1f MiB read in %d requests\n%s", took.Round(time.Millisecond),
		h.ProcessState.SysUsage().(*syscall.Rusage).Maxrss>>10, float64(read-bytesBefore)/(1<<20), requests-requestsBefore, text)
	if !regexp.MustCompile(`numbers +1000000\n`).MatchString(text) || took > time.Minute {
		t.Errorf("after %s:\n%s", took, text)
	}
}

// publishLot publishes a lot of answers, each with a body of a kilobyte and a typed row.
func publishLot(t *testing.T, output *sink.Output, number, answers int) {
	t.Helper()
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(number*answers) * time.Second)
	name := fmt.Sprintf("%s-bench-%06d", at.Format("20060102T150405Z"), number)
	lot, err := output.Begin(t.Context(), sink.LotInfo{Name: name, DateExport: at.Format(time.DateOnly), Mode: "simule", SealedAt: at})
	if err != nil {
		t.Fatal(err)
	}
	text, stamp := arrow.BinaryTypes.String, arrow.FixedWidthTypes.Timestamp_us
	write := func(table, kind string, fields []arrow.Field, row func(*array.RecordBuilder, int)) {
		schema := arrow.NewSchema(fields, nil)
		writer, err := lot.Create(t.Context(), sink.TableSpec{Name: table, Kind: kind, Schema: schema})
		if err != nil {
			t.Fatal(err)
		}
		builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		defer builder.Release()
		for i := range answers {
			if row(builder, i); i%10_000 == 9_999 {
				record := builder.NewRecord()
				if err := writer.Write(record); err != nil {
					t.Fatal(err)
				}
				record.Release()
			}
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
	}
	field := func(name string, typ arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: typ, Nullable: true}
	}
	// The numbers of a lot are not in order.
	numero := func(i int) string { return fmt.Sprintf("WD%08d", number*answers+i*7919%answers) }
	sum := func(i int) string {
		sum := sha256.Sum256([]byte(numero(i)))
		return hex.EncodeToString(sum[:])
	}
	fetched := func(i int) arrow.Timestamp {
		return arrow.Timestamp(at.Add(time.Duration(i) * time.Second).UnixMicro())
	}
	write("reponses", "reponses", []arrow.Field{
		field("numero_demande", text), field("code_cdgf", text), field("http_status", arrow.PrimitiveTypes.Int64), field("corps", arrow.BinaryTypes.Binary),
		field("_sha256", text), field("_recupere_le", stamp), field("_lot", text),
	}, func(b *array.RecordBuilder, i int) {
		b.Field(0).(*array.StringBuilder).Append(numero(i))
		b.Field(1).(*array.StringBuilder).Append("A04000000X")
		b.Field(2).(*array.Int64Builder).Append(200)
		b.Field(3).(*array.BinaryBuilder).Append([]byte(strings.Repeat(sum(i), 16)))
		b.Field(4).(*array.StringBuilder).Append(sum(i))
		b.Field(5).(*array.TimestampBuilder).Append(fetched(i))
		b.Field(6).(*array.StringBuilder).Append(name)
	})
	write("demande_chf", "demande", []arrow.Field{
		field("numero_demande", text), field("_recupere_le", stamp), field("_code_cdgf", text), field("_lot", text), field("_sha256", text),
		field("type_demande__code", text), field("statut_externe_demande__code", text), field("date_dernier_changement_statut_externe", arrow.FixedWidthTypes.Date32),
	}, func(b *array.RecordBuilder, i int) {
		b.Field(0).(*array.StringBuilder).Append(numero(i))
		b.Field(1).(*array.TimestampBuilder).Append(fetched(i))
		b.Field(2).(*array.StringBuilder).Append("A04000000X")
		b.Field(3).(*array.StringBuilder).Append(name)
		b.Field(4).(*array.StringBuilder).Append(sum(i))
		b.Field(5).(*array.StringBuilder).Append("CHF")
		b.Field(6).(*array.StringBuilder).Append(fmt.Sprint("S", i%7))
		b.Field(7).(*array.Date32Builder).Append(arrow.Date32FromTime(at.AddDate(0, 0, -i%90)))
	})
	if err := lot.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}
