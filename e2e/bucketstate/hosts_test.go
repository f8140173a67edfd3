package bucketstate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/storage"
)

func TestListsAreReadFromABucketAsTheyAreStored(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 0)
	p.put("lists/a.csv.gz", zipped(t, "numero_demande\nWD00APSW\nWD00APSX\n"), "")
	p.put("lists/b.csv.gz", zipped(t, "numero_demande\nWD00APSY\n"), "gzip") // which a browser would unpack
	p.put("lists/c.txt", []byte("WD00APSX\n"), "")
	p.put("lists/deep/d.csv.gz", zipped(t, "numero_demande\nWD00APSZ\n"), "")
	run := func(code int, list string) string {
		t.Helper()
		return p.command("run", "--simulate", "--rate", "100", "--list", list, "--dry-run", "--out", filepath.Join(t.TempDir(), "out"),
			"--state", filepath.Join(t.TempDir(), "state")).start().ends(code)
	}
	if text := run(0, p.uri("lists/*.csv.gz")); !strings.Contains(text, "Listed: 3 numbers in 2 lists") {
		t.Error(text)
	}
	if text := run(0, p.uri("lists/c.txt")); !strings.Contains(text, "Listed: 1 numbers in 1 lists") {
		t.Error(text)
	}
	for _, missing := range []string{p.uri("lists/none.txt"), p.uri("none/*.txt"), "gs://no-such-bucket/list.txt", "gs://no-such-bucket/*.txt"} {
		text := run(65, missing)
		bucket, _, _ := strings.Cut(strings.TrimPrefix(missing, "gs://"), "/")
		if !strings.Contains(text, bucket) {
			t.Errorf("%s: %s", missing, text)
		}
	}
}

func TestAHostThatIsKilledIsTakenOverAndOnlyWhatItHadNotPublishedIsAskedAgain(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 0)
	for kill := 1; kill <= 2; kill++ {
		before := p.rows("reponses")
		h := p.host("--rate", "60", "--seal-every", "1s").start()
		h.until("a lot", func() bool { return p.rows("reponses") > before+50 })
		asked := p.sim.Stats().Documents
		h.until("calls beyond it", func() bool { return p.sim.Stats().Documents > asked+10 })
		h.kill()
		p.publicationLeaseEnds()
	}
	published, asked := p.rows("reponses"), p.sim.Stats().Documents
	text := p.host("--rate", "60").start().ends(0)
	stats := p.sim.Stats()
	t.Logf("%d documents were asked for and %d of them published when the second host was killed; the third asked for %d",
		asked, published, stats.Documents-asked)
	if again := stats.Documents - asked; again != 460-published {
		t.Errorf("%d documents are asked for, %d are not published\n%s", again, 460-published, text)
	}
	if stats.DistinctNumbers != 460 || p.rows("reponses") != 460 {
		t.Errorf("%+v, %d published", stats, p.rows("reponses"))
	}
	p.command("verify", "--out", p.uri("out")).start().ends(0)
	if text := p.host("--rate", "60").start().ends(0); !regexp.MustCompile(`calls +0 `).MatchString(text) {
		t.Errorf("what is not due is asked for\n%s", text)
	}
	if text := p.host("--rate", "60", "--refresh", "all", "--max-calls", "20").start().ends(75); !strings.Contains(text, "(20 unchanged)") {
		t.Errorf("what has not changed is not known\n%s", text)
	}
	text = p.command("status", "--state", p.uri("state"), "--out", p.uri("out")).start().ends(0)
	if !strings.Contains(text, "No run has the state; the last was on ") || !strings.Contains(text, "460 with a document") {
		t.Error(text)
	}
}

// publicationLeaseEnds spares a test the 40 seconds after which another may publish, if a host was killed while it did.
func (p *place) publicationLeaseEnds() {
	p.t.Helper()
	err := world.client.Bucket(p.bucket).Object("out/_lots/.lock").Delete(p.t.Context())
	if err != nil && !errors.Is(err, storage.ErrObjectNotExist) {
		p.t.Fatal(err)
	}
}

func TestOfTwoHostsAtOnceTheSecondIsToldOfTheFirst(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 5)
	first := p.host("--rate", "5", "--lease-duration", "6s").start()
	first.until("a call", func() bool { return p.sim.Stats().Arrivals > 0 })
	begun := time.Now()
	text := p.host("--rate", "5", "--lease-duration", "6s").start().ends(75)
	if !strings.Contains(text, fmt.Sprintf("pid %d ", first.Process.Pid)) || !strings.Contains(text, "another holds the lease") {
		t.Errorf("the first is not named:\n%s", text)
	}
	t.Logf("told after %s", time.Since(begun).Round(time.Millisecond))
	if text := p.command("status", "--state", p.uri("state"), "--out", p.uri("out"), "--json").start().ends(0); !strings.Contains(text, `"held": true`) {
		t.Error(text)
	}
	if err := first.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	first.ends(75)
	// Given back, it is taken at once.
	begun = time.Now()
	next := p.host("--rate", "5", "--max-calls", "3", "--lease-duration", "1m").start()
	next.ends(75)
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("a lease that was given back is taken after %s", took)
	}
	if refused := p.sim.Stats().Refused; refused != 0 {
		t.Errorf("%d calls came too early", refused)
	}
}

func TestAHostThatLosesItsLeaseStops(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 0)
	h := p.host("--rate", "20").start()
	h.until("a call", func() bool { return p.sim.Stats().Arrivals > 5 })
	record := map[string]any{}
	from, err := world.client.Bucket(p.bucket).Object("state/lease.json").NewReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(from)
	if err != nil || json.Unmarshal(text, &record) != nil {
		t.Fatalf("%v: %s", err, text)
	}
	record["owner"], record["fencing"] = "another", record["fencing"].(float64)+1
	if text, err = json.Marshal(record); err != nil {
		t.Fatal(err)
	}
	p.put("state/lease.json", text, "")
	begun := time.Now()
	told := h.ends(75)
	if !strings.Contains(told, "the lease is lost") {
		t.Error(told)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it stops after %s", took)
	}
	calls := p.sim.Stats().Documents
	if published := p.rows("reponses"); published != calls {
		t.Errorf("%d of %d answers are published", published, calls)
	}
}

func TestACampaignOfAllGoesOnOnAnotherHost(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 0)
	p.host("--rate", "100").start().ends(0)
	h := p.host("--rate", "100", "--refresh", "all", "--seal-every", "1s").start()
	h.until("half of it", func() bool { return p.rows("reponses") > 600 })
	h.kill()
	published, asked := p.rows("reponses"), p.sim.Stats().Documents
	text := p.host("--rate", "100", "--refresh", "all").start().ends(0)
	if again := p.sim.Stats().Documents - asked; again != 920-published {
		t.Errorf("%d are asked for, %d were left of the campaign\n%s", again, 920-published, text)
	}
	// The next is another campaign.
	if text := p.host("--rate", "100", "--refresh", "all", "--dry-run").start().ends(0); !regexp.MustCompile(`A04000000X +0 +460 `).MatchString(text) {
		t.Error(text)
	}
}

func TestALedgerIsRebuiltByHandFromABucket(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 0)
	p.host("--rate", "200").start().ends(0)
	state := filepath.Join(t.TempDir(), "state")
	text := p.command("state", "rebuild", "--state", state, "--out", p.uri("out")).start().ends(0)
	if !regexp.MustCompile(`numbers +460\n`).MatchString(text) {
		t.Error(text)
	}
	before := p.sim.Stats().Arrivals
	p.host("--rate", "200", "--state", state).start().ends(0)
	if calls := p.sim.Stats().Arrivals - before; calls != 0 {
		t.Errorf("%d calls for what is not due", calls)
	}
	if _, err := os.Stat(filepath.Join(state, "ledger.sqlite")); err != nil {
		t.Error(err)
	}
}
