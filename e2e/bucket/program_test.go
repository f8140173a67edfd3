package bucket

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// exporter is the program with a state folder of its own and a list, publishing into an output.
type exporter struct {
	t       testing.TB
	uri     string
	state   string
	list    string
	numbers []string // sorted
	mutex   sync.Mutex
	command *exec.Cmd
	ended   chan struct{}
	text    bytes.Buffer
}

// newExporter has a list of made-up numbers that begin with a prefix: the simulator gives each a document of its own.
func newExporter(t testing.TB, uri, prefix string, count int) *exporter {
	t.Helper()
	e := &exporter{t: t, uri: uri, state: filepath.Join(t.TempDir(), "state"), list: filepath.Join(t.TempDir(), "list.txt")}
	for i := range count {
		e.numbers = append(e.numbers, fmt.Sprintf("%s%06d", prefix, i))
	}
	if err := os.WriteFile(e.list, []byte(strings.Join(e.numbers, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *exporter) start(flags ...string) {
	e.t.Helper()
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.command = exec.Command(world.binary, append([]string{
		"run", "--simulate", "--rate", "500", "--lot-answers", "10", "--progress", "none", "--list", e.list, "--out", e.uri, "--state", e.state,
	}, flags...)...)
	e.text.Reset()
	e.command.Stdout, e.command.Stderr = &e.text, &e.text
	e.ended = make(chan struct{})
	if err := e.command.Start(); err != nil {
		e.t.Fatal(err)
	}
	command, ended := e.command, e.ended
	go func() {
		defer close(ended)
		_ = command.Wait() // its exit code is looked at in wait
	}()
}

// kill ends the program as kill -9 does, and waits for its end.
func (e *exporter) kill() {
	e.mutex.Lock()
	command, ended := e.command, e.ended
	e.mutex.Unlock()
	_ = command.Process.Kill()
	<-ended
}

// wait waits for the program's end and gives its exit code, -1 if it was killed, and what it told.
func (e *exporter) wait() (code int, text string) {
	e.t.Helper()
	select {
	case <-e.ended:
	case <-time.After(4 * time.Minute):
		e.kill()
		e.t.Fatalf("the program hangs:\n%s", e.text.String())
	}
	return e.command.ProcessState.ExitCode(), e.text.String()
}

func (e *exporter) run(want int, flags ...string) string {
	e.t.Helper()
	e.start(flags...)
	code, text := e.wait()
	if code != want {
		e.t.Fatalf("the run exits %d, want %d:\n%s", code, want, text)
	}
	return text
}

// whole sees that an output has every number of its exporters once, in the archive and in the tables, and is clean.
func whole(t testing.TB, uri string, exporters ...*exporter) {
	t.Helper()
	var want []string
	for _, exporter := range exporters {
		want = append(want, exporter.numbers...)
	}
	slices.Sort(want)
	out := open(t, uri)
	if got := answers(t, out); !slices.Equal(got, want) {
		t.Errorf("%d answers, want %d: %v", len(got), len(want), got)
	}
	tables, err := out.Tables()
	if err != nil {
		t.Fatal(err)
	}
	var typed int64
	for _, name := range tables {
		if !strings.HasPrefix(name, "demande_") {
			continue
		}
		table, err := out.Table(name)
		if err != nil {
			t.Fatal(err)
		}
		typed += table.Rows
	}
	if typed != int64(len(want)) {
		t.Errorf("%d rows in the tables, want %d", typed, len(want))
	}
	clean(t, uri)
}

// Each stage of publishing, by name, fails in each way, in the first lot and in the second; the next run ends what was
// begun. A failure that the program survives needs none.
func TestAnyStageMayFailInAnyWay(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{
		"lock", "intent", "data file", "commit record", "pointer", "manifest", "sql", "intent removed", "lock removed",
	} {
		for _, way := range []way{killBefore, killAfter, refuse, cut, lose} {
			if way == lose && strings.HasSuffix(stage, "removed") {
				continue // who removes does not look again: see the lease and the note
			}
			for _, nth := range []int{1, 2} {
				t.Run(fmt.Sprintf("%s %s %d", stage, way, nth), func(t *testing.T) {
					t.Parallel()
					throttle <- struct{}{}
					defer func() { <-throttle }()
					bucket := newBucket(t)
					e := newExporter(t, "gs://"+bucket+"/out", "WE", 20)
					world.arm(bucket, &fault{stage: stage, way: way, nth: nth, kill: e.kill})
					e.start()
					code, text := e.wait()
					if !world.wasHit(bucket) {
						t.Fatalf("the stage was not reached: %v\n%s", world.stages(bucket), text)
					}
					killed := way == killBefore || way == killAfter
					if killed != (code == -1) || !killed && code != 0 {
						t.Errorf("the run exits %d:\n%s", code, text)
					}
					timePasses(t, bucket)
					if killed {
						e.run(0)
					}
					whole(t, e.uri, e)
				})
			}
		}
	}
}

// throttle bounds the programs at once.
var throttle = make(chan struct{}, 4)

func TestALeaseOfADeadHolderIsTakenOver(t *testing.T) {
	t.Parallel()
	bucket := newBucket(t)
	e := newExporter(t, "gs://"+bucket, "WE", 20)
	world.arm(bucket, &fault{stage: "commit record", way: killBefore, nth: 1, kill: e.kill})
	e.start()
	e.wait()
	begun := time.Now()
	e.run(0)
	if took := time.Since(begun); took < 10*time.Second || took > time.Minute {
		t.Errorf("the lease was taken over after %v", took)
	}
	whole(t, e.uri, e)
}

func TestTwoExportersOnOneOutputLoseNothing(t *testing.T) {
	t.Parallel()
	uri := "gs://" + newBucket(t) + "/out"
	one, two := newExporter(t, uri, "WA", 60), newExporter(t, uri, "WB", 60)
	one.start()
	two.start()
	for _, e := range []*exporter{one, two} {
		if code, text := e.wait(); code != 0 {
			t.Errorf("a run exits %d:\n%s", code, text)
		}
	}
	whole(t, uri, one, two)
}

// The bucket goes away in the midst of a run: calls go on, the run ends 74 if it stays away, and the next publishes.
func TestABucketOutOfReachStopsNoCall(t *testing.T) {
	t.Parallel()
	bucket := newBucket(t)
	e := newExporter(t, "gs://"+bucket+"/out", "WE", 100)
	e.start("--rate", "20", "--lot-answers", "40")
	for deadline := time.Now().Add(time.Minute); !slices.Contains(world.stages(bucket), "commit record"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was published")
		}
	}
	world.setDown(bucket, http.StatusServiceUnavailable)
	code, text := e.wait()
	if code != 74 || !strings.Contains(text, "not to be reached") {
		t.Errorf("the run exits %d, want 74:\n%s", code, text)
	}
	world.setDown(bucket, 0)
	timePasses(t, bucket)
	if text := e.run(0); !strings.Contains(text, "lot published") {
		t.Errorf("the next run:\n%s", text)
	}
	whole(t, e.uri, e)
}

// The bucket comes back while the run goes on: nothing is to be seen of it in the end.
func TestABucketThatComesBackGetsAllInTheSameRun(t *testing.T) {
	t.Parallel()
	bucket := newBucket(t)
	e := newExporter(t, "gs://"+bucket+"/out", "WE", 100)
	e.start("--rate", "20", "--lot-answers", "40")
	for deadline := time.Now().Add(time.Minute); !slices.Contains(world.stages(bucket), "commit record"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was published")
		}
	}
	world.setDown(bucket, http.StatusServiceUnavailable)
	time.Sleep(3 * time.Second) // another process's work goes on, which no fake clock drives
	world.setDown(bucket, 0)
	if code, text := e.wait(); code != 0 {
		t.Errorf("the run exits %d:\n%s", code, text)
	}
	whole(t, e.uri, e)
}

func TestABucketThatIsNotThereIsToldBeforeTheFirstCall(t *testing.T) {
	t.Parallel()
	e := newExporter(t, "gs://nowhere/out", "WE", 1)
	if text := e.run(73); !strings.Contains(text, "there is no such bucket") {
		t.Error(text)
	}
}
