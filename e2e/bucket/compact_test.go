package bucket

import (
	"os/exec"
	"strings"
	"testing"
)

// TestABucketIsCompactedAndReplayedWhole runs the commands that replace files, on a bucket.
func TestABucketIsCompactedAndReplayedWhole(t *testing.T) {
	t.Parallel()
	uri := "gs://" + newBucket(t) + "/out"
	e := newExporter(t, uri, "WC", 60)
	e.run(0)
	before := len(dataFiles(t, uri))
	for _, step := range [][]string{
		{"verify", "--deep", "--out", uri},
		{"compact", "--out", uri, "--grace", "0s", "--progress", "none"},
		{"verify", "--deep", "--out", uri},
		{"replay", "--out", uri, "--grace", "0s", "--progress", "none"},
		{"compact", "--out", uri, "--grace", "0s", "--progress", "none"},
		{"verify", "--deep", "--out", uri},
	} {
		if text, err := exec.Command(world.binary, step...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", step, err, text)
		}
		whole(t, uri, e)
	}
	if after := len(dataFiles(t, uri)); after >= before {
		t.Errorf("%d files before, %d after", before, after)
	}
}

// dataFiles are the Parquet files that stand in a bucket's output.
func dataFiles(t *testing.T, uri string) []string {
	t.Helper()
	var found []string
	bucket, _, _ := strings.Cut(strings.TrimPrefix(uri, "gs://"), "/")
	for name := range names(t, bucket) {
		if strings.HasSuffix(name, ".parquet") {
			found = append(found, name)
		}
	}
	return found
}
