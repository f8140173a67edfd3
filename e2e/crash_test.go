package e2e

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestARunKilledAtRandomMomentsLosesNothing kills the program again and again, OMEGA_E2E_KILLS times, and holds the
// outcome against a run that was left alone. OMEGA_E2E_SEED takes an earlier run's moments again, as far as the machine allows.
func TestARunKilledAtRandomMomentsLosesNothing(t *testing.T) {
	t.Parallel()
	kills := setting(t, "OMEGA_E2E_KILLS", 12)
	o := newOrdeal(t, kills)
	for kill := range kills {
		run := o.start()
		o.await(run)
		// A run that has ended was not killed, and is none of the kills.
		if err := run.command.Process.Kill(); err != nil {
			t.Fatalf("kill %d: the run ended before: %v\n%s", kill+1, err, run.log())
		}
		<-run.ended
	}
	o.completes(kills)
}

// setting is a number from the environment.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return number
}

const (
	ordealInFlight = 4  // calls at once: what an interruption may cost
	ordealLot      = 20 // answers in a lot: few, so that interruptions fall into publishing too
)

// ordeal is a list that is asked for by runs that are interrupted.
type ordeal struct {
	t       *testing.T
	place   *place
	flags   []string
	numbers int
	random  *rand.Rand
	fell    map[string]int // interruptions by what they fell into
}

// newOrdeal makes a list long enough for that many interruptions.
func newOrdeal(t *testing.T, interruptions int) *ordeal {
	t.Helper()
	seed := setting(t, "OMEGA_E2E_SEED", int(time.Now().UnixNano()%1_000_000))
	t.Logf("OMEGA_E2E_SEED=%d", seed)
	numbers := 30*interruptions + 100
	return &ordeal{
		t: t, numbers: numbers, random: rand.New(rand.NewPCG(uint64(seed), 0)), fell: map[string]int{},
		// At this rate a busy machine's stalls are longer than the interval, and are no part of the trial: ten calls may come
		// close together. TestQuotaTable has the strict spacing over kills, at the real rate.
		place: served(t, "--gateway", "bucket", "--rate", "50", "--burst", "10", "--latency", "30ms", "--jitter", "30ms"),
		flags: []string{
			"--list", madeUpNumbers(t, numbers), "--rate", "50", "--max-in-flight", fmt.Sprint(ordealInFlight), "--lot-answers", fmt.Sprint(ordealLot),
		},
	}
}

// madeUpNumbers is a list of numbers that are not of the corpus: the simulator gives each a document of its own.
func madeUpNumbers(t *testing.T, count int) string {
	t.Helper()
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, "WE%06d\n", i)
	}
	list := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(list, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return list
}

// running is a run that goes on.
type running struct {
	command *exec.Cmd
	ended   chan struct{}
	sealed  chan struct{} // a lot was sealed since this was last read

	mutex sync.Mutex // guards text
	text  bytes.Buffer
}

func (o *ordeal) start() *running {
	o.t.Helper()
	r := &running{command: o.place.command(o.flags...), ended: make(chan struct{}), sealed: make(chan struct{}, 1)}
	r.command.Stdout, r.command.Stderr = r, r
	if err := r.command.Start(); err != nil {
		o.t.Fatal(err)
	}
	go func() {
		defer close(r.ended)
		_ = r.command.Wait() // its exit code is looked at where it matters
	}()
	o.t.Cleanup(func() { // lest a failed test leave it running on a disk that is to be unmounted
		_ = r.command.Process.Kill()
		<-r.ended
	})
	return r
}

// Write takes what the run prints and sees when it seals a lot.
func (r *running) Write(text []byte) (int, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if bytes.Contains(text, []byte("lot sealed")) {
		select {
		case r.sealed <- struct{}{}:
		default:
		}
	}
	return r.text.Write(text)
}

func (r *running) log() string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.text.String()
}

// await waits for a moment at random: while the run begins, between its calls, or while it publishes.
func (o *ordeal) await(run *running) {
	o.t.Helper()
	switch draw := o.random.Float64(); {
	case draw < 0.25:
		o.fell["opening and planning"]++
		o.sleep(150 * time.Millisecond)
	case draw < 0.6:
		o.fell["fetching"]++
		before, err := o.place.gateway()
		if err == nil {
			_, err = o.place.awaitArrivals(before.Arrivals+1+o.random.Int64N(20), 2*time.Millisecond, run.ended)
		}
		if err != nil {
			o.t.Fatal(err)
		}
		o.sleep(20 * time.Millisecond)
	default:
		o.fell["sealing and publishing"]++
		select {
		case <-run.sealed:
		case <-run.ended:
		}
		o.sleep(100 * time.Millisecond)
	}
}

// sleep sleeps up to most.
func (o *ordeal) sleep(most time.Duration) {
	time.Sleep(time.Duration(o.random.Int64N(int64(most)))) // another process's work goes on, which no fake clock drives
}

// completes runs to the end and looks at what was spent and what is there after that many interruptions.
func (o *ordeal) completes(interruptions int) {
	o.t.Helper()
	o.place.run(0, o.flags...)
	o.place.verify()
	if status := o.place.status(); status.Due != 0 || status.Documents != int64(o.numbers) || status.Lots.Waiting != 0 || status.Lots.UnsealedAnswers != 0 {
		o.t.Errorf("after the last run the ledger holds %+v", status)
	}
	o.sameAsUndisturbed()
	stats, err := o.place.gateway()
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Logf("%d interruptions %v: %d calls and %d documents for %d numbers, %d refused", interruptions, o.fell, stats.Arrivals, stats.Documents, o.numbers, stats.Refused)
	if stats.DistinctNumbers != int64(o.numbers) || stats.Arrivals > int64(o.numbers+interruptions*ordealInFlight) {
		o.t.Errorf("%d calls were spent on %d numbers of %d, with %d interruptions of %d calls in flight",
			stats.Arrivals, stats.DistinctNumbers, o.numbers, interruptions, ordealInFlight)
	}
	if stats.Refused > 0 {
		o.t.Errorf("%d calls were refused", stats.Refused)
	}
}

// sameAsUndisturbed holds the tables against those of a run that nothing disturbed.
func (o *ordeal) sameAsUndisturbed() {
	o.t.Helper()
	alone := served(o.t, "--gateway", "none", "--latency", "1ms", "--jitter", "0s")
	alone.run(0, append(o.flags, "--rate", "500")...)
	db := views(o.t, o.place.out)
	if got, want := values(o.t, db), values(o.t, views(o.t, alone.out)); got != want {
		o.t.Errorf("the tables differ from those of a run that nothing disturbed: %s", firstDifference(got, want))
	}
	answers := count(o.t, db, "SELECT count(*) FROM reponses")
	if distinct := count(o.t, db, "SELECT count(DISTINCT numero_demande) FROM reponses"); answers != int64(o.numbers) || distinct != answers {
		o.t.Errorf("the archive has %d answers of %d numbers, want one each of %d", answers, distinct, o.numbers)
	}
}

// values is contents whatever the order of columns and fields: they stand in the order in which they first came, and
// calls that are under way together end in any order.
func values(t *testing.T, db *sql.DB) string {
	t.Helper()
	var sorted strings.Builder
	for line := range strings.Lines(contents(t, db)) {
		table, row, _ := strings.Cut(line, " ")
		decoder := json.NewDecoder(strings.NewReader(row))
		decoder.UseNumber()
		var cells map[string]any
		if err := decoder.Decode(&cells); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(cells) // sorts the keys
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&sorted, "%s %s\n", table, text)
	}
	return sorted.String()
}

// firstDifference is the first line in which two texts differ.
func firstDifference(got, want string) string {
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if got, want := gotLines[i], wantLines[i]; got != want {
			from := 0
			for from < min(len(got), len(want)) && got[from] == want[from] {
				from++
			}
			from = max(0, from-100)
			return fmt.Sprintf("row %d, from byte %d\n got %.300s\nwant %.300s", i, from, got[from:], want[from:])
		}
	}
	return fmt.Sprintf("%d rows, want %d", len(gotLines)-1, len(wantLines)-1)
}

// ledgerStatus is what of `status --json` the tests look at.
type ledgerStatus struct {
	Known     int64 `json:"known"`
	Documents int64 `json:"documents"`
	Due       int64 `json:"due"`
	Lots      struct {
		UnsealedAnswers  int64 `json:"unsealed_answers"`
		Waiting          int64 `json:"waiting"`
		WaitingAnswers   int64 `json:"waiting_answers"`
		Published        int64 `json:"published"`
		PublishedAnswers int64 `json:"published_answers"`
	} `json:"lots"`
}

// status is what the ledger says of itself; nothing at all where there is no ledger yet.
func (p *place) status() (status ledgerStatus) {
	p.t.Helper()
	command := exec.Command(binary, "status", "--state", p.state, "--json")
	var problem bytes.Buffer
	command.Stderr = &problem
	text, err := command.Output()
	if strings.Contains(problem.String(), "nothing was run with this state folder yet") {
		return status
	}
	if err != nil {
		p.t.Fatalf("status: %v: %s", err, problem.String())
	}
	if err := json.Unmarshal(text, &status); err != nil {
		p.t.Fatal(err)
	}
	return status
}
