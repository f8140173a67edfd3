// Command archive makes an output with as many raw answers as wanted, for measuring: the corpus's documents again and
// again under other numbers, with other digits wherever six or more stand together, so that they are not all alike. It
// publishes reponses only, in lots of 50,000, as the program does; `omega-export replay` makes the typed tables.
//
//	go run ./archive --answers 100000 --out /tmp/out --ndjson /tmp/answers.ndjson
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"omega-export/internal/sink"
)

const lotAnswers = 50_000

func main() {
	answers := flag.Int("answers", 100_000, "how many answers")
	out := flag.String("out", "", "folder of the output")
	ndjson := flag.String("ndjson", "", "file that gets the bodies too, one a line")
	corpus := flag.String("corpus", "../testdata/demandes.ndjson", "the documents to repeat")
	flag.Parse()
	if err := run(context.Background(), *answers, *out, *ndjson, *corpus); err != nil {
		fmt.Fprintln(os.Stderr, "archive:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, answers int, out, ndjson, corpus string) error {
	documents, err := os.ReadFile(corpus)
	if err != nil {
		return err
	}
	var lines io.Writer = io.Discard
	if ndjson != "" {
		file, err := os.Create(ndjson)
		if err != nil {
			return err
		}
		defer file.Close()
		buffered := bufio.NewWriterSize(file, 1<<20)
		defer buffered.Flush()
		lines = buffered
	}
	output, err := sink.Open(ctx, out)
	if err != nil {
		return err
	}
	maker := &maker{documents: bytes.Split(bytes.TrimSpace(documents), []byte("\n")), random: rand.New(rand.NewPCG(1, 2))}
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for lot := 0; maker.made < answers; lot++ {
		sealed := day.AddDate(0, 0, lot/10).Add(time.Duration(lot%10) * time.Hour)
		name := fmt.Sprintf("%s-bench-%06d", sealed.Format("20060102T150405Z"), lot)
		if err := publish(ctx, output, maker, min(lotAnswers, answers-maker.made), name, sealed, lines); err != nil {
			return err
		}
	}
	return nil
}

// publish publishes one lot of answers.
func publish(ctx context.Context, output *sink.Output, from *maker, answers int, name string, sealed time.Time, lines io.Writer) error {
	lot, err := output.Begin(ctx, sink.LotInfo{Name: name, DateExport: sealed.Format(time.DateOnly), Mode: "simule", SealedAt: sealed})
	if err != nil {
		return err
	}
	defer lot.Abort()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "numero_demande", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "code_cdgf", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "http_status", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "corps", Type: arrow.BinaryTypes.Binary, Nullable: true},
		{Name: "_sha256", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "_recupere_le", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
		{Name: "_lot", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil)
	writer, err := lot.Create(ctx, sink.TableSpec{Name: "reponses", Kind: "reponses", Schema: schema})
	if err != nil {
		return err
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	for i := range answers {
		numero, body := from.next()
		sum := sha256.Sum256(body)
		builder.Field(0).(*array.StringBuilder).Append(numero)
		builder.Field(1).(*array.StringBuilder).Append("A04000000X")
		builder.Field(2).(*array.Int64Builder).Append(200)
		builder.Field(3).(*array.BinaryBuilder).Append(body)
		builder.Field(4).(*array.StringBuilder).Append(hex.EncodeToString(sum[:]))
		builder.Field(5).(*array.TimestampBuilder).Append(arrow.Timestamp(sealed.Add(time.Duration(i) * time.Second).UnixMicro()))
		builder.Field(6).(*array.StringBuilder).Append(name)
		if _, err := lines.Write(append(body, '\n')); err != nil {
			return err
		}
		if i%10_000 == 9_999 || i == answers-1 {
			record := builder.NewRecord()
			err := writer.Write(record)
			record.Release()
			if err != nil {
				return err
			}
		}
	}
	if err := writer.Close(); err != nil {
		return err
	}
	return lot.Commit(ctx)
}

// maker makes documents of the corpus's.
type maker struct {
	documents [][]byte
	random    *rand.Rand
	made      int
}

var (
	number = regexp.MustCompile(`"numero_demande":\s*"([^"]*)"`)
	digits = regexp.MustCompile(`[^A-Z0-9][0-9]{6,}`) // no code such as A04000010
)

// next is the next document. Those of the first round are the corpus's own.
func (m *maker) next() (numero string, body []byte) {
	document := m.documents[m.made%len(m.documents)]
	round := m.made / len(m.documents)
	m.made++
	var own struct {
		Numero string `json:"numero_demande"`
	}
	if err := json.Unmarshal(document, &own); err != nil {
		panic(err) // the corpus is JSON
	}
	if round == 0 {
		return own.Numero, bytes.Clone(document)
	}
	numero = fmt.Sprintf("%s-%d", own.Numero, round)
	body = digits.ReplaceAllFunc(document, func(run []byte) []byte {
		other := make([]byte, len(run))
		copy(other, run[:2]) // a number must not begin with 0
		for i := 2; i < len(run); i++ {
			other[i] = byte('0' + m.random.IntN(10))
		}
		return other
	})
	return numero, number.ReplaceAll(body, fmt.Appendf(nil, `"numero_demande":"%s"`, numero))
}
