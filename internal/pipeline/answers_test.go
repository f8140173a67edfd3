package pipeline

import (
	"errors"
	"testing"
	"time"

	"omega-export/internal/sink"
)

// tablesLot publishes a lot whose answers are in an archive elsewhere.
func (s *shelf) tablesLot(name string) {
	s.t.Helper()
	lot, err := s.output.Begin(s.t.Context(), sink.LotInfo{Name: name, DateExport: "2026-11-01", Mode: "reel", SealedAt: time.Unix(1, 0)})
	if err == nil {
		err = lot.Commit(s.t.Context())
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// newShelves are an output and its archive elsewhere.
func newShelves(t testing.TB) (tables, archive *shelf) {
	t.Helper()
	tables, archive = newShelf(t), newShelf(t)
	tables.rooms.Answers = &Answers{Output: tables.output, Elsewhere: archive.output}
	return tables, archive
}

func TestAnAnswerElsewhereCountsOnceItsTablesArePublished(t *testing.T) {
	tables, archive := newShelves(t)
	archive.lot(document(1, `,"a":1`)) // lot-1
	archive.lot(document(2, `,"a":2`)) // lot-2, of which the tables are not there
	tables.tablesLot("lot-1")
	tables.replay(nil)
	tables.wants("demande_chf", "a INT64: 1 rows in 1 files")
	tables.tablesLot("lot-2")
	tables.replay(nil)
	tables.wants("demande_chf", "a INT64: 2 rows in 2 files")
}

func TestLotsPublishedDuringAReplayFromElsewhereAreInIt(t *testing.T) {
	tables, archive := newShelves(t)
	archive.lot(document(1, `,"a":1`))
	archive.lot(document(2, `,"a":2`))
	tables.tablesLot("lot-1")
	tables.replay(nil)
	tables.rooms.Progress = &publishing{once: func() {
		tables.tablesLot("lot-2")
		archive.lot(document(3, `,"b":true`))
		tables.tablesLot("lot-3")
		archive.lot(document(4, ``)) // whose tables do not come
	}}
	tables.replay(nil)
	tables.wants("demande_chf", "a INT64, b BOOLEAN: 3 rows in 3 files")
}

func TestAnswersOfAnOutputAndOfItsArchiveAreReadAsOne(t *testing.T) {
	tables, archive := newShelves(t)
	tables.lot(document(1, `,"a":1`)) // before there was an archive: lot-1
	archive.lots = 1
	archive.lot(document(2, `,"a":2`)) // lot-2
	tables.tablesLot("lot-2")
	if report := tables.replay(nil); report.Answers != 2 {
		t.Errorf("%d answers were read", report.Answers)
	}
	tables.wants("demande_chf", "a INT64: 2 rows in 2 files")
}

func TestEncryptedAnswersWantAnIdentity(t *testing.T) {
	answers := &Answers{}
	plain, sealed := &sink.Answer{Body: []byte("x")}, &sink.Answer{Sealed: []byte("y")}
	if err := answers.open(plain); err != nil || string(plain.Body) != "x" {
		t.Errorf("a plain answer: %v", err)
	}
	if err := answers.open(sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("an encrypted one: %v", err)
	}
	answers.Open = func(sealed []byte) ([]byte, error) { return append(sealed, 'z'), nil }
	if err := answers.open(sealed); err != nil || string(sealed.Body) != "yz" {
		t.Errorf("opened %q: %v", sealed.Body, err)
	}
}
