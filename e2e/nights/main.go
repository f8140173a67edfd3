// Command nights publishes many small lots of made-up demandes into an output, as so many nights would, without a call
// and in seconds. It is a program of its own because DuckDB, which reads the output in the tests, and the sink cannot be
// linked into one.
//
// Each type has some demandes. Every night each of a few of them is answered with a document of another status, and one
// more with the document of its last answer, which gives no row.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"omega-export/internal/flatten"
	"omega-export/internal/sink"
	"omega-export/schemas"
)

func main() {
	out := flag.String("out", "", "the output")
	corpus := flag.String("corpus", "", "documents, one a line, of all types")
	first := flag.Int("first", 0, "the first night, counted from 0")
	nights := flag.Int("nights", 10, "how many")
	answers := flag.Int("answers", 4, "answers a type and night")
	demandes := flag.Int("demandes", 20, "demandes a type")
	pause := flag.Duration("pause", 0, "between two lots")
	archive := flag.String("archive", "", "an output of its own for the answers as they came")
	recipient := flag.String("recipient", "", "age1…: to whom they are encrypted there")
	flag.Parse()
	vault, err := openVault(context.Background(), *archive, *recipient)
	if err == nil {
		err = run(context.Background(), *out, vault, *corpus, *first, *nights, *answers, *demandes, *pause)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "nights:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string, vault *vault, corpus string, first, nights, answers, demandes int, pause time.Duration) error {
	types, err := readTypes(corpus)
	if err != nil {
		return err
	}
	output, err := sink.Open(ctx, out)
	if err != nil {
		return err
	}
	for night := first; night < first+nights; night++ {
		if err := publish(ctx, output, vault, types, night, answers, demandes); err != nil {
			return fmt.Errorf("night %d: %w", night, err)
		}
		time.Sleep(pause)
	}
	return nil
}

// kind is a type of demande with its documents and the table that they give.
type kind struct {
	code      string
	documents [][]byte
	table     *flatten.Table
}

// readTypes takes the corpus's documents by type. Types that it lacks, up to 23, are others' under another code.
func readTypes(path string) ([]*kind, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var types []*kind
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		document := slices.Clone(lines.Bytes())
		var identifier flatten.Identifier
		identity, err := identifier.Identify(document)
		if err != nil || !numberPattern.Match(document) || !statusPattern.Match(document) || !typePattern.Match(document) {
			continue // some of the corpus are no documents on purpose
		}
		at := slices.IndexFunc(types, func(k *kind) bool { return k.code == identity.Type })
		if at < 0 {
			at = len(types)
			types = append(types, &kind{code: identity.Type})
		}
		types[at].documents = append(types[at].documents, document)
	}
	for i := 0; len(types) > 0 && len(types) < 23; i++ {
		types = append(types, &kind{code: fmt.Sprintf("AUTRE%d", i+1), documents: types[i].documents})
	}
	set, err := schemas.Embedded()
	if err != nil {
		return nil, err
	}
	for _, k := range types {
		if k.table, err = flatten.NewTable(k.code, set); err != nil {
			return nil, err
		}
		learner := flatten.NewLearner(k.table)
		for _, document := range k.documents {
			if err := learner.Observe("", time.Time{}, document); err != nil {
				return nil, err
			}
		}
		k.table, _ = learner.Evolve()
	}
	return types, lines.Err()
}

var (
	numberPattern = regexp.MustCompile(`"numero_demande":"[^"]*"`)
	statusPattern = regexp.MustCompile(`"statut_externe_demande":\{[^{}]*\}`)
	typePattern   = regexp.MustCompile(`"type_demande":\{[^{}]*\}`)
)

// statuses are those that a demande goes through, again and again.
var statuses = []string{"CREEE", "ENCOURS", "ATTRDV", "PLANIF", "TERMINEE"}

// body is a demande's document in the status that it is in after so many changes.
func (k *kind) body(demande, step int) (numero string, body []byte) {
	numero = fmt.Sprintf("N-%s-%05d", strings.ReplaceAll(k.code, "_", "-"), demande)
	status := statuses[step%len(statuses)]
	body = k.documents[demande%len(k.documents)]
	body = numberPattern.ReplaceAllLiteral(body, []byte(`"numero_demande":"`+numero+`"`))
	body = typePattern.ReplaceAllLiteral(body, []byte(`"type_demande":{"code":"`+k.code+`","libelle":"`+k.code+`"}`))
	return numero, statusPattern.ReplaceAllLiteral(body, []byte(`"statut_externe_demande":{"code":"`+status+`","libelle":"`+status+`"}`))
}

func publish(ctx context.Context, output *sink.Output, vault *vault, types []*kind, night, answers, demandes int) error {
	at := time.Date(2025, 1, 1, 2, 0, 0, 0, time.UTC).AddDate(0, 0, night)
	name := at.Format("20060102") + "-020000-1"
	if there, err := output.HasLot(name); there || err != nil {
		return err
	}
	info := sink.LotInfo{Name: name, DateExport: at.Format(time.DateOnly), Mode: "reel", SealedAt: at.Add(time.Hour)}
	lot, err := output.Begin(ctx, info)
	if err != nil {
		return err
	}
	defer lot.Abort()
	archive := array.NewRecordBuilder(memory.DefaultAllocator, archiveSchema())
	second := 0
	for _, k := range types {
		rows := flatten.NewBuilder(k.table)
		for i := range answers + 1 {
			// The last is one of the night before, as it was.
			turn := night*answers + i
			again := i == answers
			if again {
				if turn = (night - 1) * answers; night == 0 {
					continue
				}
			}
			demande, step := turn%demandes, turn/demandes
			numero, body := k.body(demande, step)
			sum := sha256.Sum256(body)
			origin := flatten.Origin{Numero: numero, FetchedAt: at.Add(time.Duration(second) * time.Second), CodeCDGF: "A04000010", Lot: name, SHA256: hex.EncodeToString(sum[:])}
			second++
			answer(archive, origin, body, again)
			if again {
				continue
			}
			if err := rows.Append(origin, body); err != nil {
				return err
			}
		}
		columns, err := k.table.Describe()
		if err != nil {
			return err
		}
		spec := sink.TableSpec{Name: k.table.Name(), Kind: "demande", Schema: k.table.ArrowSchema(), Columns: columns}
		if err := write(ctx, lot, spec, rows.Record()); err != nil {
			return err
		}
	}
	if vault != nil {
		return errors.Join(vault.publish(ctx, info, archive.NewRecord()), lot.Commit(ctx))
	}
	if err := write(ctx, lot, sink.TableSpec{Name: "reponses", Kind: "reponses", Schema: archiveSchema()}, archive.NewRecord()); err != nil {
		return err
	}
	return lot.Commit(ctx)
}

func write(ctx context.Context, lot *sink.Lot, spec sink.TableSpec, record arrow.Record) error {
	writer, err := lot.Create(ctx, spec)
	if err != nil {
		return err
	}
	return errors.Join(writer.Write(record), writer.Close())
}

func archiveSchema() *arrow.Schema {
	column := func(name string, typ arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: typ, Nullable: true}
	}
	text := arrow.BinaryTypes.String
	return arrow.NewSchema([]arrow.Field{
		column("numero_demande", text), column("code_cdgf", text), column("http_status", arrow.PrimitiveTypes.Int64),
		column("corps", arrow.BinaryTypes.Binary), column("_sha256", text), column("_recupere_le", arrow.FixedWidthTypes.Timestamp_us), column("_lot", text),
	}, nil)
}

func answer(to *array.RecordBuilder, origin flatten.Origin, body []byte, again bool) {
	to.Field(0).(*array.StringBuilder).Append(origin.Numero)
	to.Field(1).(*array.StringBuilder).Append(origin.CodeCDGF)
	to.Field(2).(*array.Int64Builder).Append(200)
	if again {
		to.Field(3).AppendNull()
	} else {
		to.Field(3).(*array.BinaryBuilder).Append(body)
	}
	to.Field(4).(*array.StringBuilder).Append(origin.SHA256)
	to.Field(5).(*array.TimestampBuilder).Append(arrow.Timestamp(origin.FetchedAt.UnixMicro()))
	to.Field(6).(*array.StringBuilder).Append(origin.Lot)
}
