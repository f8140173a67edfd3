package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"omega-export/e2e/gcstest"
)

// bucketGrace is the --grace of what replaces files under the reader's eyes.
const bucketGrace = 3 * time.Second

// bucketOutput is an output in a bucket. DuckDB has no httpfs in the tests: what the views read is fetched before, into
// a folder, where it stays, since files are immutable. As DuckDB would read the bucket itself until the last query is
// done, the files are looked for there again then.
type bucketOutput struct {
	server *gcstest.Server
	bucket string
	mirror string

	now       map[string]bool         // the files that the SQL that was opened last names, from the output's root
	ever      map[string]bool         // and those that one has named
	gone      map[string]bool         // those of them that were removed after their grace
	replacing map[string]*replacement // by the record's name: they are immutable too
}

func newBucketOutput(t *testing.T) *bucketOutput {
	t.Helper()
	server, err := gcstest.Start(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return &bucketOutput{
		server: server, bucket: server.NewBucket(), mirror: t.TempDir(),
		ever: map[string]bool{}, gone: map[string]bool{}, replacing: map[string]*replacement{},
	}
}

func (b *bucketOutput) uri() string   { return "gs://" + b.bucket + "/out" }
func (b *bucketOutput) env() []string { return []string{"STORAGE_EMULATOR_HOST=" + b.server.URL} }

// enough is once files were removed that the reader has read.
func (b *bucketOutput) enough() bool { return len(b.gone) > 0 }

func (b *bucketOutput) sum() string {
	return fmt.Sprintf("; %d files were named, of which %d were removed after their grace", len(b.ever), len(b.gone))
}

var fileInSQL = regexp.MustCompile(`'gs://[^']*'`)

func (b *bucketOutput) open() (string, error) {
	b.now = map[string]bool{}
	script, err := b.get("_sql/duckdb.sql")
	if err != nil {
		return "", err
	}
	for _, quoted := range fileInSQL.FindAllString(string(script), -1) {
		name, ours := strings.CutPrefix(strings.Trim(quoted, "'"), b.uri()+"/")
		if !ours || !filepath.IsLocal(name) {
			return "", fmt.Errorf("_sql/duckdb.sql names %s, which is not of %s", quoted, b.uri())
		}
		b.now[name], b.ever[name] = true, true
	}
	for name := range b.now {
		if err := b.fetch(name); err != nil {
			return "", err
		}
	}
	return strings.ReplaceAll(string(script), "'"+b.uri()+"/", "'"+b.mirror+"/"), nil
}

// fetch copies a file into the mirror, unless it is there.
func (b *bucketOutput) fetch(name string) error {
	to := filepath.Join(b.mirror, filepath.FromSlash(name))
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	content, err := b.get(name)
	if errors.Is(err, fs.ErrNotExist) {
		return b.missing(name, time.Now())
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}

// stands looks for all files that were ever named: a query that began with an earlier look may still read them.
func (b *bucketOutput) stands() error {
	objects, err := b.server.Objects(b.bucket)
	if err != nil {
		return err
	}
	at := time.Now()
	var past error
	for name := range b.ever {
		if _, there := objects["out/"+name]; there || b.gone[name] {
			continue
		}
		// All of them are judged: one that may be gone does not excuse one that may not.
		if err := b.missing(name, at); !errors.Is(err, errPast) {
			return err
		}
		if b.now[name] {
			past = errPast
		}
	}
	return past
}

// missing holds a file that was named, and was not there at a moment, against the promise: a file stands as long as
// _sql/duckdb.sql names it, and then until the grace has passed since it was replaced. The error is errPast if it has.
func (b *bucketOutput) missing(name string, at time.Time) error {
	script, err := b.get("_sql/duckdb.sql")
	if err != nil {
		return err
	}
	if strings.Contains(string(script), "'"+b.uri()+"/"+name+"'") {
		return fmt.Errorf("%s is not there, and _sql/duckdb.sql names it", name)
	}
	if err := b.readReplacements(); err != nil {
		return err
	}
	for record, replaced := range b.replacing {
		if !replaced.has(name) {
			continue
		}
		if stays := replaced.RemoveAfter.Sub(replaced.CommittedAt); stays < bucketGrace {
			return fmt.Errorf("%s says that what it replaces stays for %v, which is less than %v", record, stays, bucketGrace)
		}
		if at.Before(replaced.RemoveAfter) {
			return fmt.Errorf("%s is not there, %v before the grace since %s has passed", name, replaced.RemoveAfter.Sub(at), record)
		}
		b.gone[name] = true
		return errPast
	}
	return fmt.Errorf("%s is not there, and nothing has replaced it", name)
}

// replacement is what of a replacement's record the reader looks at.
type replacement struct {
	CommittedAt time.Time           `json:"committed_at"`
	RemoveAfter time.Time           `json:"remove_after"`
	Replaces    map[string][]string `json:"replaces"` // files by table
}

func (r *replacement) has(name string) bool {
	table, _, _ := strings.Cut(name, "/")
	return slices.Contains(r.Replaces[table], name)
}

// readReplacements reads the records that are new.
func (b *bucketOutput) readReplacements() error {
	objects, err := b.server.Objects(b.bucket)
	if err != nil {
		return err
	}
	for object := range objects {
		record := strings.TrimPrefix(object, "out/")
		if !strings.HasPrefix(record, "_replacements/") || !strings.HasSuffix(record, ".json") || b.replacing[record] != nil {
			continue
		}
		content, err := b.get(record)
		if err != nil {
			return err
		}
		replaced := &replacement{}
		if err := json.Unmarshal(content, replaced); err != nil {
			return fmt.Errorf("reading %s: %w", record, err)
		}
		b.replacing[record] = replaced
	}
	return nil
}

// get is a file of the output. The error is fs.ErrNotExist if it is not there.
func (b *bucketOutput) get(name string) ([]byte, error) {
	response, err := http.Get(b.server.URL + "/storage/v1/b/" + b.bucket + "/o/" + url.PathEscape("out/"+name) + "?alt=media")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return io.ReadAll(response.Body)
	case http.StatusNotFound:
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return nil, fmt.Errorf("reading %s: %s", name, response.Status)
}

// What the reader is there to see, it sees.
func TestTheReaderOfABucketTellsOfAFileThatIsGoneTooEarly(t *testing.T) {
	t.Parallel()
	newFiles := func(t *testing.T) (*bucketOutput, *reader) {
		t.Helper()
		out := newBucketOutput(t)
		p := &lotsProgram{t: t, out: out}
		if text, err := p.in(nights(t, out.uri(), "-nights", "4")).CombinedOutput(); err != nil {
			t.Fatalf("nights: %v\n%s", err, text)
		}
		r := &reader{out: out, most: map[string]int64{}}
		if err := r.look(); err != nil || r.looks != 1 || len(out.ever) != 4*24 {
			t.Fatalf("%v; %d looks, %d files", err, r.looks, len(out.ever))
		}
		return out, r
	}
	const file = "demande_chf/date_export=2025-01-01/20250101-020000-1.parquet"
	for name, test := range map[string]struct {
		grace  string // of a compaction before; "": none
		remove bool
		says   string
	}{
		"named":              {"", true, "is not there, and _sql/duckdb.sql names it"},
		"before its grace":   {"1h", true, "before the grace since _replacements/compact-"},
		"with a small grace": {"0s", false, "says that what it replaces stays for 0s"},
		"standing":           {"1h", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, r := newFiles(t)
			if test.grace != "" {
				p := &lotsProgram{t: t, out: out}
				if text, err := p.in(exec.Command(binary, "compact", "--out", out.uri(), "--grace", test.grace, "--progress", "none")).CombinedOutput(); err != nil {
					t.Fatalf("compact: %v\n%s", err, text)
				}
			}
			if test.remove {
				if err := out.server.Fake.Backend().DeleteObject(out.bucket, "out/"+file); err != nil {
					t.Fatal(err)
				}
			}
			err := r.look()
			if test.says == "" && err == nil {
				return
			}
			if err == nil || test.says == "" || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the reader says %v, want %q", err, test.says)
			}
		})
	}
}
