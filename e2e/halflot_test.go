package e2e

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// lotsOutput is an output that lots go into while a reader looks at its views.
type lotsOutput interface {
	// uri is the output's address, and env what the program needs in its environment to reach it.
	uri() string
	env() []string
	// open is the SQL of the views as it stands, for DuckDB on this machine. The error is errPast as of stands.
	open() (script string, err error)
	// stands is called when the queries of what open gave are done: what it named must have stood until then. The error is
	// errPast if a file of it was removed, but when it might be.
	stands() error
	// enough says whether what there is to see has been there to see.
	enough() bool
	// sum tells what else is worth telling in the end.
	sum() string
}

// errPast says that a look took longer than replaced files stay: it has seen nothing wrong, and counts for nothing.
var errPast = errors.New("the grace has passed")

// folderOutput is an output in a folder, which DuckDB reads where it is.
type folderOutput string

func (f folderOutput) uri() string   { return string(f) }
func (f folderOutput) env() []string { return nil }
func (f folderOutput) stands() error { return nil }
func (f folderOutput) enough() bool  { return true }
func (f folderOutput) sum() string   { return "" }

func (f folderOutput) open() (string, error) {
	script, err := os.ReadFile(filepath.Join(string(f), "_sql", "duckdb.sql"))
	return string(script), err
}

// TestAReaderNeverSeesHalfALot reads through the views, in a loop, while lots are published, compacted and replayed. Each
// lot adds as many rows to each table.
func TestAReaderNeverSeesHalfALot(t *testing.T) {
	t.Parallel()
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		readWhileLotsCome(t, folderOutput(filepath.Join(t.TempDir(), "out")), time.Hour, 20*time.Millisecond)
	})
	t.Run("bucket", func(t *testing.T) {
		t.Parallel()
		// The grace is short, so that files are removed under the reader's eyes. The pause lets the others have the lock: who
		// waits for a lease asks for it every now and then, and does not stand in a queue.
		readWhileLotsCome(t, newBucketOutput(t), bucketGrace, time.Second)
	})
}

func readWhileLotsCome(t *testing.T, out lotsOutput, grace, pause time.Duration) {
	t.Helper()
	began := time.Now()
	lots := setting(t, "OMEGA_E2E_LOTS", 15)
	p := &lotsProgram{t: t, out: out, grace: grace}
	if text, err := p.in(nights(t, out.uri(), "-nights", "2")).CombinedOutput(); err != nil {
		t.Fatalf("nights: %v\n%s", err, text)
	}
	published := make(chan error, 1)
	go func() {
		text, err := p.in(nights(t, out.uri(), "-first", "2", "-nights", fmt.Sprint(lots-2), "-pause", pause.String())).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("nights: %w\n%s", err, text)
		}
		published <- err
	}()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		p.replace(stop)
	}()
	r := &reader{out: out, most: map[string]int64{}}
	look := func() {
		if err := r.look(); err != nil {
			t.Error(err)
		}
	}
	running := true
	for running && !t.Failed() {
		select {
		case err := <-published:
			if err != nil {
				t.Error(err)
			}
			running = false
		default:
			look()
		}
	}
	// Few lots may be out before enough was replaced.
	for late := time.Now().Add(5 * time.Minute); !t.Failed() && (p.replays.Load() == 0 || !out.enough()); look() {
		if time.Now().After(late) {
			t.Errorf("%d replays%s: that is not enough to look at", p.replays.Load(), out.sum())
		}
	}
	close(stop)
	<-stopped
	if running {
		<-published // or it would write into what the test's end removes
	}
	if t.Failed() {
		return
	}
	look()
	t.Logf("%d lots, %d compactions, %d replays, beside %d looks and %d that took longer than the grace, in %.1f s%s",
		lots, p.compactions.Load(), p.replays.Load(), r.looks, r.past, time.Since(began).Seconds(), out.sum())
	if r.most["demande_chf"] != int64(lots*nightAnswers) {
		t.Errorf("%d rows at the end, want %d", r.most["demande_chf"], lots*nightAnswers)
	}
	if text, err := p.in(exec.Command(binary, "verify", "--deep", "--out", out.uri())).CombinedOutput(); err != nil {
		t.Errorf("verify: %v\n%s", err, text)
	}
}

// lotsProgram is the program at work on an output.
type lotsProgram struct {
	t                    *testing.T
	out                  lotsOutput
	grace                time.Duration
	compactions, replays atomic.Int32
}

func (p *lotsProgram) in(command *exec.Cmd) *exec.Cmd {
	command.Env = append(os.Environ(), p.out.env()...)
	return command
}

// replace compacts without end, and replays after the first compaction and each third from there, until stop.
func (p *lotsProgram) replace(stop <-chan struct{}) {
	run := func(what string, count *atomic.Int32) bool {
		text, err := p.in(exec.Command(binary, what, "--out", p.out.uri(), "--grace", p.grace.String(), "--progress", "none")).CombinedOutput()
		if err != nil {
			p.t.Errorf("%s: %v\n%s", what, err, text)
			return false
		}
		count.Add(1)
		return true
	}
	for {
		select {
		case <-stop:
			return
		default:
		}
		if !run("compact", &p.compactions) || p.compactions.Load()%3 == 1 && !run("replay", &p.replays) {
			return
		}
	}
}

// reader looks at some tables and remembers how many rows it has seen at most.
type reader struct {
	out   lotsOutput
	most  map[string]int64
	looks int
	past  int // looks that count for nothing
}

// look is one query after another of the views as they stand. The error says what it saw that must not be.
func (r *reader) look() error {
	script, err := r.out.open()
	if err == nil {
		err = r.read(script)
	}
	// Whatever was read is worth something only if the files stood all the while: DuckDB reads them as it goes.
	if standing := r.out.stands(); standing != nil && (err == nil || errors.Is(err, errPast)) {
		err = standing
	}
	if errors.Is(err, errPast) {
		r.past++
		return nil
	}
	r.looks++
	return err
}

func (r *reader) read(script string) error {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Exec(script); err != nil {
		return fmt.Errorf("running _sql/duckdb.sql: %w", err)
	}
	daysOfFirst := int64(-1)
	for _, table := range []string{"demande_chf", "demande_mes", "demande_qsr"} {
		var all, distinct, days int64
		query := fmt.Sprintf("SELECT count(*), count(DISTINCT (numero_demande, _recupere_le)), count(DISTINCT date_export) FROM %q", table)
		if err := db.QueryRow(query).Scan(&all, &distinct, &days); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
		if all != distinct || all != days*nightAnswers || all < r.most[table] {
			return fmt.Errorf("%s has %d rows, %d distinct, of %d days; it had %d", table, all, distinct, days, r.most[table])
		}
		// A lot is whole in all its tables at once.
		if daysOfFirst >= 0 && days != daysOfFirst {
			return fmt.Errorf("%s has rows of %d days, and another table of %d", table, days, daysOfFirst)
		}
		daysOfFirst = days
		r.most[table] = max(r.most[table], all)
	}
	return nil
}
