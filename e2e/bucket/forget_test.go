package bucket

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// forget runs the command on the exporter's output; its bucket's settings are those given, or those of the fake server.
func (e *exporter) forget(want int, settings http.HandlerFunc, flags ...string) string {
	e.t.Helper()
	command := exec.Command(world.binary, append([]string{"forget", "--out", e.uri, "--state", e.state, "--progress", "none"}, flags...)...)
	if settings != nil {
		bucket, _, _ := strings.Cut(strings.TrimPrefix(e.uri, "gs://"), "/")
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && r.URL.Path == "/storage/v1/b/"+bucket {
				settings(w, r)
				return
			}
			world.front.ServeHTTP(w, r)
		}))
		defer proxy.Close()
		command.Env = append(os.Environ(), "STORAGE_EMULATOR_HOST="+proxy.URL)
	}
	text, _ := command.CombinedOutput()
	if code := command.ProcessState.ExitCode(); code != want {
		e.t.Fatalf("forget %q exits %d, want %d:\n%s", flags, code, want, text)
	}
	return string(text)
}

// without is the exporter as if it had never listed some numbers.
func (e *exporter) without(numbers ...string) *exporter {
	return &exporter{t: e.t, uri: e.uri, numbers: slices.DeleteFunc(slices.Clone(e.numbers), func(number string) bool { return slices.Contains(numbers, number) })}
}

func settings(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, text)
	}
}

func TestForgettingInABucketTellsWhatTheBucketKeeps(t *testing.T) {
	t.Parallel()
	e := newExporter(t, "gs://"+newBucket(t)+"/out", "WF", 40)
	e.run(0)
	gone := []string{e.numbers[3], e.numbers[25]}
	deep := func() {
		t.Helper()
		if text, err := exec.Command(world.binary, "verify", "--deep", "--out", e.uri).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	text := e.forget(0, settings(`{"kind":"storage#bucket","name":"b","versioning":{"enabled":true},"softDeletePolicy":{"retentionDurationSeconds":"604800"},"retentionPolicy":{"retentionPeriod":"172800","effectiveTime":"2026-01-01T00:00:00Z"}}`), append(gone, "--grace", "0s")...)
	for _, want := range []string{"soft delete keeps removed objects for 7 days", "--clear-soft-delete", "the bucket keeps versions", "gcloud storage ls --all-versions", "retention policy forbids removing an object before it is 2 days old"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	whole(t, e.uri, e.without(gone...))
	deep()
	text = e.forget(0, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":{"code":403,"message":"no"}}`, http.StatusForbidden)
	}, gone...)
	if !strings.Contains(text, "its settings cannot be read") || !strings.Contains(text, "Nothing was found of these numbers") {
		t.Errorf("it says %s", text)
	}
	if text = e.forget(0, nil, "--undo", gone[0]); !strings.Contains(text, "asked for again") {
		t.Errorf("it says %s", text)
	}
	e.run(0)
	whole(t, e.uri, e.without(gone[1]))
	if text = e.forget(0, nil, "--dry-run", "--older-than", "1ms"); !strings.Contains(text, "the bucket keeps nothing of removed objects") || !strings.Contains(text, "reponses") {
		t.Errorf("it says %s", text)
	}
	whole(t, e.uri, e.without(gone[1]))
	deep()
}

// Each stage of forgetting, by name, is the last before a kill; running it again ends it.
func TestForgettingInABucketMayBeKilledAtAnyStage(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{"other", "data file", "intent", "commit record", "pointer", "manifest", "sql", "intent removed", "data file removed"} {
		for _, way := range []way{killBefore, killAfter} {
			t.Run(fmt.Sprintf("%s %s", stage, way), func(t *testing.T) {
				t.Parallel()
				throttle <- struct{}{}
				defer func() { <-throttle }()
				bucket := newBucket(t)
				e := newExporter(t, "gs://"+bucket+"/out", "WG", 20)
				e.run(0)
				gone := []string{e.numbers[3], e.numbers[15]}
				command := exec.Command(world.binary, "forget", "--out", e.uri, "--state", e.state, "--grace", "0s", gone[0], gone[1])
				ended := make(chan error, 1)
				world.arm(bucket, &fault{stage: stage, way: way, nth: 1, kill: func() {
					_ = command.Process.Kill()
					ended <- command.Wait()
				}})
				if err := command.Start(); err != nil {
					t.Fatal(err)
				}
				if err := <-ended; err == nil || !world.wasHit(bucket) {
					t.Fatalf("%v: %v", err, world.stages(bucket))
				}
				timePasses(t, bucket)
				e.forget(0, nil, gone[0], gone[1], "--grace", "0s")
				whole(t, e.uri, e.without(gone...))
				if text := e.forget(0, nil, gone[0], gone[1], "--grace", "0s"); !strings.Contains(text, "Nothing was found of these numbers") {
					t.Errorf("again: %s", text)
				}
			})
		}
	}
}

func TestForgettingWithTheStateInABucket(t *testing.T) {
	t.Parallel()
	bucket := newBucket(t)
	e := newExporter(t, "gs://"+bucket+"/out", "WH", 20)
	e.state = "gs://" + bucket + "/etat"
	e.run(0)
	gone := e.numbers[7]
	if text := e.forget(0, nil, gone, "--grace", "0s"); !strings.Contains(text, "reponses") {
		t.Errorf("it says %s", text)
	}
	whole(t, e.uri, e.without(gone))
	if text := e.run(0); !strings.Contains(text, "forgotten  1 listed numbers are left out") {
		t.Errorf("it says %s", text)
	}
	whole(t, e.uri, e.without(gone))
}
