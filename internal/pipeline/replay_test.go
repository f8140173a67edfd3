package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"omega-export/internal/flatten"
	"omega-export/internal/sink"
	"omega-export/schemas"
)

// shelf is an output whose archive a test fills.
type shelf struct {
	t      testing.TB
	output *sink.Output
	lots   int
	rooms  ReplayRooms
	config ReplayConfig
}

func newShelf(t testing.TB) *shelf {
	t.Helper()
	output, err := sink.Open(t.Context(), filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	set, err := schemas.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return &shelf{
		t: t, output: output, config: ReplayConfig{Name: "replay-0", Workers: 2},
		rooms: ReplayRooms{From: output, To: output, Schemas: set, Log: slog.New(slog.DiscardHandler), Progress: silentReplay{}},
	}
}

type silentReplay struct{}

func (silentReplay) Replaying(string, int64, int64) {}
func (silentReplay) Finished()                      {}

// answer is one row of reponses.
type answer struct {
	numero string
	status int64
	body   string // "": NULL
}

// lot publishes a lot of answers, with nothing but the archive.
func (s *shelf) lot(answers ...answer) {
	s.t.Helper()
	s.lots++
	name := fmt.Sprintf("lot-%d", s.lots)
	day := time.Date(2026, 11, s.lots, 3, 0, 0, 0, time.UTC)
	lot, err := s.output.Begin(s.t.Context(), sink.LotInfo{Name: name, DateExport: day.Format(time.DateOnly), Mode: "reel", SealedAt: day})
	if err != nil {
		s.t.Fatal(err)
	}
	defer lot.Abort()
	schema := reponsesSchema(false)
	writer, err := lot.Create(s.t.Context(), sink.TableSpec{Name: "reponses", Kind: "reponses", Schema: schema})
	if err != nil {
		s.t.Fatal(err)
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	for _, answer := range answers {
		sum := sha256.Sum256([]byte(answer.body))
		text(builder, 0, answer.numero)
		text(builder, 1, "A")
		builder.Field(2).(*array.Int64Builder).Append(answer.status)
		body(builder, 3, bytesOrNil(answer.body))
		text(builder, 4, hex.EncodeToString(sum[:]))
		builder.Field(5).(*array.TimestampBuilder).Append(arrow.Timestamp(day.UnixMicro()))
		text(builder, 6, name)
	}
	if err := errors.Join(writer.Write(builder.NewRecord()), writer.Close(), lot.Commit(s.t.Context())); err != nil {
		s.t.Fatal(err)
	}
}

func bytesOrNil(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}

func document(i int, more string) answer {
	return answer{number(i), 200, fmt.Sprintf(`{"numero_demande":%q,"type_demande":{"code":"CHF"}%s}`, number(i), more)}
}

// replay must end with that error; nil: complete.
func (s *shelf) replay(want error) ReplayReport {
	s.t.Helper()
	s.config.Name += "x"
	report, err := Replay(s.t.Context(), s.config, s.rooms)
	if !errors.Is(err, want) {
		s.t.Fatalf("the replay ends with %v, want %v", err, want)
	}
	return report
}

// columns are a published table's columns beyond the root's, with their types, and its rows.
func (s *shelf) columns(table string) string {
	s.t.Helper()
	published, err := s.output.Table(table)
	if err != nil || published == nil {
		s.t.Fatalf("table %s: %v, %v", table, published, err)
	}
	columns, err := flatten.ParseTable("CHF", s.rooms.Schemas, published.Columns)
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, column := range columns.Columns[len(s.rooms.Schemas.Root()):] {
		names = append(names, column.Name+" "+column.Type.String())
	}
	return fmt.Sprintf("%s: %d rows in %d files", strings.Join(names, ", "), published.Rows, len(published.Files))
}

func (s *shelf) wants(table, want string) {
	s.t.Helper()
	if got := s.columns(table); got != want {
		s.t.Errorf("%s is %q, want %q", table, got, want)
	}
}

func TestReplayMakesRowsOfDocumentsAlone(t *testing.T) {
	s := newShelf(t)
	other := document(9, "")
	other.numero = number(8) // the API gave another's
	s.lot(document(1, ""), answer{number(2), 404, `{"erreur":"introuvable"}`}, answer{number(1), 200, ""}, other,
		answer{number(3), 200, "<html>"}, answer{number(4), 200, fmt.Sprintf(`{"numero_demande":%q}`, number(4))}, document(5, `,"a":1`))
	report := s.replay(nil)
	s.wants("demande_chf", "a INT64: 2 rows in 1 files")
	if report.Answers != 7 || report.Documents != 2 || report.Tables["demande_chf"].Rows != 2 {
		t.Errorf("report: %+v", report)
	}
}

// TestReplayLearnsWhatThePublishedColumnsLack has fields come that the first replay did not see, in an older lot's day
// too: the table is then built anew, once, with all columns.
func TestReplayLearnsWhatThePublishedColumnsLack(t *testing.T) {
	s := newShelf(t)
	s.lot(document(1, `,"a":1`))
	s.replay(nil)
	s.wants("demande_chf", "a INT64: 1 rows in 1 files")
	s.lot(document(2, `,"a":2.5,"b":"x"`), answer{number(3), 200, fmt.Sprintf(`{"numero_demande":%q,"type_demande":{"code":"MES"}}`, number(3))})
	report := s.replay(nil)
	s.wants("demande_chf", "a INT64, b STRING: 2 rows in 2 files")
	s.wants("demande_mes", ": 1 rows in 1 files")
	counts := report.Tables["demande_chf"]
	if counts.Rows != 2 || len(counts.NewColumns) != 1 || len(counts.Drift) != 1 || counts.Drift[0].Path != "a" || counts.Drift[0].Count != 1 {
		t.Errorf("counts: %+v", counts)
	}
	s.config.Relearn = true
	s.replay(nil)
	s.wants("demande_chf", "a DOUBLE, b STRING: 2 rows in 2 files")
	s.config.Freeze = true
	s.replay(nil)
	s.wants("demande_chf", ": 2 rows in 2 files")
}

func TestReplayOfSomeTypesLeavesTheOthersAlone(t *testing.T) {
	s := newShelf(t)
	mes := answer{number(3), 200, fmt.Sprintf(`{"numero_demande":%q,"type_demande":{"code":"MES"}}`, number(3))}
	s.lot(document(1, ""), mes)
	s.replay(nil)
	before, err := s.output.Table("demande_mes")
	if err != nil {
		t.Fatal(err)
	}
	s.config.Types = []string{"chf"}
	report := s.replay(nil)
	after, err := s.output.Table("demande_mes")
	if err != nil || !slices.Equal(before.Files, after.Files) {
		t.Errorf("files of the other type were %+v and are %+v (%v)", before.Files, after.Files, err)
	}
	if len(report.Tables) != 1 || report.Documents != 1 {
		t.Errorf("report: %+v", report)
	}
}

// publishing publishes a lot in the middle of the replay.
type publishing struct {
	silentReplay
	once func()
}

func (p *publishing) Replaying(string, int64, int64) {
	if once := p.once; once != nil {
		p.once = nil
		once()
	}
}

func TestALotPublishedDuringAReplayIsInIt(t *testing.T) {
	s := newShelf(t)
	s.lot(document(1, `,"a":1`))
	s.replay(nil)
	s.rooms.Progress = &publishing{once: func() { s.lot(document(2, `,"a":2,"b":true`)) }}
	report := s.replay(nil)
	s.wants("demande_chf", "a INT64, b BOOLEAN: 2 rows in 2 files")
	if report.Answers != 2 || report.Tables["demande_chf"].Rows != 2 {
		t.Errorf("report: %+v", report)
	}
}

func TestAReplayThatIsStoppedLeavesTheTables(t *testing.T) {
	s := newShelf(t)
	s.lot(document(1, `,"a":1`))
	s.replay(nil)
	before, err := os.ReadFile(filepath.Join(s.output.URI(), "_tables", "demande_chf.json"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.rooms.Progress = &publishing{once: cancel}
	s.config.Name += "y"
	if _, err := Replay(ctx, s.config, s.rooms); !errors.Is(err, ErrStopped) {
		t.Fatalf("the replay ends with %v", err)
	}
	after, err := os.ReadFile(filepath.Join(s.output.URI(), "_tables", "demande_chf.json"))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the pointer changed: %v\n%s\n%s", err, before, after)
	}
	s.rooms.Progress = silentReplay{}
	s.replay(nil)
	if found, err := sink.Verify(t.Context(), s.output.URI(), sink.VerifyOptions{}); err != nil || !found.OK() {
		t.Errorf("verify: %+v, %v", found.Problems, err)
	}
}

// TestAFileDoesNotDependOnHowManyWork replays twice, with one goroutine and with five: the same rows in the same order.
func TestAFileDoesNotDependOnHowManyWork(t *testing.T) {
	s := newShelf(t)
	var answers []answer
	for i := range 3000 {
		answers = append(answers, document(i, fmt.Sprintf(`,"a":%d,"t":"%s"`, i, strings.Repeat("x", 20_000))))
	}
	s.lot(answers...)
	sums := map[string]bool{}
	for _, workers := range []int{1, 5} {
		s.config.Workers = workers
		s.replay(nil)
		table, err := s.output.Table("demande_chf")
		if err != nil {
			t.Fatal(err)
		}
		sums[table.Files[0].SHA256] = true
	}
	if len(sums) != 1 {
		t.Errorf("the files differ: %v", sums)
	}
}

// BenchmarkReplay is the whole way, from the archive's Parquet to the tables', over 23,000 answers like the corpus's.
func BenchmarkReplay(b *testing.B) {
	lines, err := os.ReadFile("../../testdata/demandes.ndjson")
	if err != nil {
		b.Fatal(err)
	}
	s := newShelf(b)
	var answers []answer
	size := int64(0)
	for round := range 50 {
		for line := range bytes.Lines(bytes.TrimSpace(lines)) {
			numero := string(line[len(`{"numero_demande":"`) : len(`{"numero_demande":"`)+8])
			other := fmt.Sprintf("%s-%d", numero, round)
			answers = append(answers, answer{other, 200, strings.Replace(string(line), numero, other, 1)})
			size += int64(len(line))
		}
	}
	s.lot(answers...)
	s.replay(nil)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if report := s.replay(nil); report.Documents != int64(len(answers)) {
			b.Fatalf("%d documents of %d", report.Documents, len(answers))
		}
	}
}
