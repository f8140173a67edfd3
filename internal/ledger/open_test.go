package ledger

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFreshLedgerIsForItsOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "state")
	l := open(t, dir)
	begin(t, l, Due, begun) // so that there is a log
	want := map[string]fs.FileMode{dir: 0o700 | fs.ModeDir}
	for _, name := range []string{fileName, fileName + "-wal", fileName + "-shm", lockName} {
		want[filepath.Join(dir, name)] = 0o600
	}
	for path, mode := range want {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != mode {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), mode)
		}
	}
}

func TestCloseLeavesOneFileAndTheNextRunFindsItsAnswers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "état #1 100%?") // as no URI likes it
	l := open(t, dir)
	run := begin(t, l, Due, begun)
	planned(t, l, run, "A")
	record(t, l, document(1, "{}", begun))
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, fileName+"-wal")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the log is still there: %v", err)
	}
	if documents := status(t, open(t, dir), begun).Documents; documents != 1 {
		t.Errorf("%d documents after reopening, want 1", documents)
	}
}

func TestTheConnectionsAreDurable(t *testing.T) {
	l := open(t, t.TempDir())
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		if err := l.writer.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, want %s (%v)", pragma, got, want, err)
		}
	}
}

// altered makes a closed ledger that has answers, and alters its file.
func altered(t *testing.T, alter func(path string) error) (dir string) {
	t.Helper()
	dir = t.TempDir()
	l := open(t, dir)
	fillSome(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := alter(filepath.Join(dir, fileName)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fillSome plans and records a hundred answers, so that the file has some pages.
func fillSome(t *testing.T, l *Ledger) {
	t.Helper()
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("WD%06d", i))
	}
	run := begin(t, l, Due, begun)
	planned(t, l, run, names...)
	var answers []Answer
	for _, demande := range due(t, l, run, begun) {
		answers = append(answers, document(demande.ID, strings.Repeat(demande.Numero, 200), begun))
	}
	record(t, l, answers...)
}

func execute(statement string) func(string) error {
	return func(path string) error {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			return err
		}
		_, err = db.Exec(statement)
		return errors.Join(err, db.Close())
	}
}

func TestWhatIsNoSoundLedgerIsRefusedAndLeftAsItIs(t *testing.T) {
	rewrite := func(content string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(content), 0o600) }
	}
	foreign := func(path string) error {
		return errors.Join(os.Remove(path), execute("CREATE TABLE photos (id INTEGER PRIMARY KEY); PRAGMA user_version = 1")(path))
	}
	for name, test := range map[string]struct {
		alter func(path string) error
		want  error
	}{
		"empty":                    {rewrite(""), ErrDamaged},
		"text":                     {rewrite(strings.Repeat("numero_demande\n", 1000)), ErrDamaged},
		"cut within its header":    {func(path string) error { return os.Truncate(path, 60) }, ErrDamaged},
		"cut within its pages":     {func(path string) error { return os.Truncate(path, 3*4096+100) }, ErrDamaged},
		"a database of another":    {foreign, ErrDamaged},
		"a folder":                 {func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) }, ErrDamaged},
		"without its first table":  {execute("DROP TABLE ledger"), ErrDamaged},
		"without its first row":    {execute("DELETE FROM ledger"), ErrDamaged},
		"gone, its log still here": {func(path string) error { return os.Rename(path, path+"-wal") }, ErrDamaged},
		"newer":                    {execute("PRAGMA user_version = 1000"), ErrNewer},
		"of the other mode":        {execute("UPDATE ledger SET mode = 'simule'"), ErrMode},
	} {
		t.Run(name, func(t *testing.T) {
			dir := altered(t, test.alter)
			before := content(t, dir)
			for _, options := range []Options{{Mode: "reel"}, {ReadOnly: true}} {
				if options.ReadOnly && errors.Is(test.want, ErrMode) {
					continue // reading is allowed
				}
				l, err := Open(t.Context(), dir, options)
				if err == nil {
					_ = l.Close()
				}
				var opening *OpenError
				if !errors.Is(err, test.want) || !errors.As(err, &opening) {
					t.Errorf("read only %v: %v, want %v", options.ReadOnly, err, test.want)
				} else if !strings.Contains(err.Error(), "--state") {
					t.Errorf("%v does not say what to do", err)
				}
			}
			if !bytes.Equal(content(t, dir), before) {
				t.Error("the file was changed")
			}
		})
	}
}

// content is the bytes of the ledger's file, nil if it is none.
func content(t *testing.T, dir string) []byte {
	t.Helper()
	bytes, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		info, statErr := os.Stat(filepath.Join(dir, fileName))
		if statErr != nil || !info.IsDir() {
			t.Fatal(err)
		}
	}
	return bytes
}

func TestDamageInsideIsFoundAfterARunThatDied(t *testing.T) {
	live := t.TempDir()
	l := open(t, live)
	fillSome(t, l)
	if _, err := l.writer.Exec("PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
		t.Fatal(err)
	}
	begin(t, l, Due, begun) // so that the log is not empty
	for name, spoil := range map[string]bool{"sound": false, "spoiled": true} {
		t.Run(name, func(t *testing.T) {
			// The files as a kill leaves them. Reading them here takes SQLite's locks away, which nobody else wants.
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(live)); err != nil {
				t.Fatal(err)
			}
			if spoil {
				file, err := os.OpenFile(filepath.Join(dir, fileName), os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				if _, err := file.WriteAt(bytes.Repeat([]byte{0xa5}, 4096), 20*4096); err != nil {
					t.Fatal(err)
				}
			}
			died, err := Open(t.Context(), dir, Options{Mode: "reel"})
			if spoil != errors.Is(err, ErrDamaged) {
				t.Errorf("opened with %v", err)
			}
			if err == nil {
				_ = died.Close()
			}
		})
	}
}

func TestAKillWhileTheLedgerIsMadeLeavesNothingThatMatters(t *testing.T) {
	dir := t.TempDir()
	for _, left := range []string{".new", ".new-wal", ".new-shm"} {
		if err := os.WriteFile(filepath.Join(dir, fileName+left), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(t.Context(), dir, Options{ReadOnly: true}); !errors.Is(err, ErrNotFound) {
		t.Errorf("read only: %v, want %v", err, ErrNotFound)
	}
	open(t, dir)
	left, err := filepath.Glob(filepath.Join(dir, "*.new*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

func TestReadOnlyMakesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if _, err := Open(t.Context(), dir, Options{ReadOnly: true}); !errors.Is(err, ErrNotFound) {
		t.Fatalf("got %v, want %v", err, ErrNotFound)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
}

func TestAnUnknownModeMakesNoLedger(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if _, err := Open(t.Context(), dir, Options{Mode: "test"}); err == nil {
		t.Fatal("opened")
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
}

func TestAReadOnlyLedgerCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	l, err := Open(t.Context(), dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.BeginRun(t.Context(), Due, begun); !errors.Is(err, errReadOnly) {
		t.Errorf("writing: %v", err)
	}
	if _, err := l.reader.Exec("DELETE FROM runs"); err == nil {
		t.Error("the reading connection wrote")
	}
}

func TestALedgerThatNoRunHoldsIsReadWithoutALock(t *testing.T) {
	dir := altered(t, func(string) error { return nil })
	for range 2 {
		reader, err := Open(t.Context(), dir, Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if documents := status(t, reader, begun).Documents; documents != 100 {
			t.Errorf("%d documents, want 100", documents)
		}
		defer reader.Close()
	}
	open(t, dir) // the readers are still open, and hinder nobody
}
