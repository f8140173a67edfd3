package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// firstVersion makes a ledger as version 1 of its file left it: A has an unchanged document due after twenty hours, B is
// rejected after a document, C failed for want of the API, D was never answered; a lot is published, another waits.
func firstVersion(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	path := filepath.Join(dir, fileName)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := connect(path, writing("rw"), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	script, err := migrations.ReadFile("migrations/0001_ledger.sql")
	if err != nil {
		t.Fatal(err)
	}
	at, hour := begun.UnixMicro(), time.Hour.Microseconds()
	for _, statement := range []string{
		string(script),
		fmt.Sprintf("PRAGMA user_version = 1; PRAGMA application_id = %d", applicationID),
		fmt.Sprintf("INSERT INTO ledger VALUES (1, 'reel', '1f2e3d4c', %d, %d, 20000000, 1)", at, at),
		fmt.Sprintf("INSERT INTO runs (refresh, begun_at, since) VALUES ('all', %d, %d)", at, at),
		fmt.Sprintf(`INSERT INTO demandes VALUES
			(1, 'A', 'CODE', %[1]d, %[1]d + 20 * %[2]d, 200, 1, NULL, x'aa', 'CHF', %[1]d - %[2]d),
			(2, 'B', 'CODE', %[1]d, %[1]d + 10 * %[2]d, 404, 1, 'introuvable', x'bb', 'MES', %[1]d - %[2]d),
			(3, 'C', 'CODE', %[1]d, %[1]d + 1 * %[2]d, 0, 5, 'erreur_serveur', NULL, NULL, NULL),
			(4, 'D', 'CODE', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`, at, hour),
		"INSERT INTO plan VALUES (1, 1, NULL, 1), (4, 2, NULL, 0)",
		fmt.Sprintf(`INSERT INTO reponses VALUES (2, 1, 1, 'CODE', 200, x'aa', 'CHF', '', '', 1, %[1]d, '{"a":1}'), (3, 2, 3, 'CODE', 404, x'cc', '', 'introuvable', 'inconnue', 1, %[1]d, '{}')`, at),
		fmt.Sprintf("INSERT INTO lots VALUES (1, '20261124T021530Z-1f2e3d4c-000001', %[1]d, 1, 1, %[1]d, NULL), (2, '20261124T021530Z-1f2e3d4c-000002', %[1]d, 2, 2, NULL, x'7b7d')", at),
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%.60s: %v", statement, err)
		}
	}
	return dir
}

func TestALedgerOfTheFirstVersionIsBroughtUpToDateWithAllThatItHolds(t *testing.T) {
	dir := firstVersion(t)
	if _, err := Open(t.Context(), dir, Options{ReadOnly: true}); err == nil || !strings.Contains(err.Error(), "the next run brings it up to date") {
		t.Errorf("read only: %v", err)
	}
	l := open(t, dir)
	s := status(t, l, begun)
	if s.Known != 4 || s.NeverAnswered != 1 || s.Documents != 1 || s.Lots.Published != 1 || s.Lots.Waiting != 1 || s.Lots.UnsealedAnswers != 1 || len(s.Runs) != 1 {
		t.Errorf("status %+v", s)
	}
	lots, err := l.Unpublished(t.Context())
	if err != nil || len(lots) != 1 || len(lines(t, l.EachAnswer, lots[0])) != 1 {
		t.Errorf("lots %+v (%v)", lots, err)
	}
	now := begun.Add(48 * time.Hour)
	run := begin(t, l, Due, now)
	planned(t, l, run, "A", "B", "C", "D")
	want := []Demande{
		{ID: 4, Numero: "D", CodeCDGF: "CODE"},
		{ID: 3, Numero: "C", CodeCDGF: "CODE", SettledAt: begun, Motif: "erreur_serveur", Rejects: 1, FailedRuns: 1}, // late by 47 of its intervals
		{ID: 2, Numero: "B", CodeCDGF: "CODE", DernierSHA256: []byte{0xbb}, ChangedAt: begun.Add(-time.Hour), SettledAt: begun, Motif: "introuvable", Rejects: 1},
		{ID: 1, Numero: "A", CodeCDGF: "CODE", DernierSHA256: []byte{0xaa}, ChangedAt: begun.Add(-time.Hour), SettledAt: begun},
	}
	if got := due(t, l, run, now); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestAFileOfTheFirstVersionWaitsForItsHolderAndThenTellsWhy(t *testing.T) {
	dir := firstVersion(t)
	holder, err := lockNow(filepath.Join(dir, lockName), shared) // as a run of another version
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	if err := sign(holder); err != nil {
		t.Fatal(err)
	}
	_, err = (&Ledger{path: filepath.Join(dir, fileName)}).join(t.Context(), "reel", 100*time.Millisecond)
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("pid %d ", os.Getpid())) || !strings.Contains(err.Error(), "brought up to date") {
		t.Fatalf("opened: %v", err)
	}
	var version int
	db, err := sql.Open("sqlite", filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil || version != 1 {
		t.Errorf("version %d (%v)", version, err)
	}
}
