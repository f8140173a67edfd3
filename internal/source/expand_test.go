package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAGlobNamesFilesInOrder(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"b/2.txt", "a/1.txt", "a/3.csv", "b/1.txt"} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		number := strings.NewReplacer("/", "-", ".", "_").Replace(name)
		if err := os.WriteFile(path, []byte(number), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "a", "0.txt"), 0o700); err != nil { // a folder that matches
		t.Fatal(err)
	}
	got := readLists(t, Options{}, filepath.Join(folder, "[ab]", "?.txt"))
	if got.err != nil || got.pairs() != "a-1_txt b-1_txt b-2_txt" || got.summary.Lists != 3 {
		t.Errorf("numbers %q, %+v, error %v", got.pairs(), got.summary, got.err)
	}
}

func TestAFileWinsOverTheMeaningOfItsNameAsAGlob(t *testing.T) {
	literal := write(t, "list[1].txt", "literal")
	if err := os.WriteFile(filepath.Join(filepath.Dir(literal), "list1.txt"), []byte("matched"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := readLists(t, Options{}, literal); got.pairs() != "literal" {
		t.Errorf("numbers %q, error %v", got.pairs(), got.err)
	}
	if err := os.Remove(literal); err != nil {
		t.Fatal(err)
	}
	if got := readLists(t, Options{}, literal); got.pairs() != "matched" {
		t.Errorf("once it is gone: numbers %q, error %v", got.pairs(), got.err)
	}
}

func TestANameThatLeadsToNoListIsExplainedBeforeAnyVisit(t *testing.T) {
	good, folder := write(t, "good", "WD1\n"), t.TempDir()
	for _, test := range []struct {
		list, told string
		is         error
	}{
		{filepath.Join(folder, "none.csv"), "check its name and folder: no such file", fs.ErrNotExist},
		{folder, "it is a folder, name its files, such as " + filepath.Join(folder, "*.csv"), nil},
		{filepath.Join(folder, "*.csv"), "no file matches", nil},
		{filepath.Join(folder, "[a.csv"), "no glob either", filepath.ErrBadPattern},
		{"", `reading list "": its name is empty`, nil},
		{"s3://bucket/list.csv", "only gs:// can be read", nil},
		{"gs://bucket/list.csv", "buckets cannot be read yet", nil},
		{"-", "standard input: it is named twice", nil},
	} {
		lists := []string{"-", good, test.list}
		got := readLists(t, Options{Stdin: strings.NewReader("WD2\n")}, lists...)
		var failure *ListError
		if !asListError(got.err, &failure) || failure.List != test.list || !strings.Contains(failure.Error(), test.told) {
			t.Errorf("%s: error %v, want …%s…", test.list, got.err, test.told)
		}
		if test.is != nil && !errors.Is(got.err, test.is) {
			t.Errorf("%s: %v is not %v", test.list, got.err, test.is)
		}
		if len(got.entries) > 0 {
			t.Errorf("%s: visited %q before the list was missed", test.list, got.pairs())
		}
	}
	got := readLists(t, Options{}, "-")
	if got.err == nil || !strings.Contains(got.err.Error(), "standard input: there is none here") {
		t.Errorf("no standard input: %v", got.err)
	}
}

func TestAListThatThisUserMayNotReadIsExplained(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything; the bucket's test sees the same error")
	}
	path := write(t, "list", "WD1\n")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	got := readLists(t, Options{}, path)
	if !errors.Is(got.err, fs.ErrPermission) || !strings.Contains(got.err.Error(), "this user may not read it") {
		t.Errorf("error %v", got.err)
	}
}

// folderBucket is a folder in the part of a bucket.
type folderBucket struct {
	folder fs.FS
	broken error // what Open fails with
}

func (b folderBucket) Expand(_ context.Context, pattern string) ([]string, error) {
	names, err := fs.Glob(b.folder, strings.TrimPrefix(pattern, "gs://bucket/"))
	for i, name := range names {
		names[i] = "gs://" + path.Join("bucket", name)
	}
	return names, err
}

func (b folderBucket) Open(_ context.Context, uri string) (io.ReadCloser, error) {
	if b.broken != nil {
		return nil, b.broken
	}
	return b.folder.Open(strings.TrimPrefix(uri, "gs://bucket/"))
}

func TestListsInABucketAreReadThroughTheDoor(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string]string{
		"1.txt": "WD1\n", "2.csv": gzipped(t, "numero_demande,x\nWD2,\n"), "3.parquet": asParquet(t, []parquetRow{{N: "WD3"}}), "4.bad": "\n\n..\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bucket := folderBucket{folder: os.DirFS(folder)}
	got := readLists(t, Options{Buckets: bucket}, "gs://bucket/[123].*", "gs://bucket/1.txt")
	if got.err != nil || got.pairs() != "WD1 WD2 WD3 WD1" || got.entries[2].Position.String() != "gs://bucket/3.parquet:1" {
		t.Errorf("numbers %q, error %v", got.pairs(), got.err)
	}
	got = readLists(t, Options{Buckets: bucket}, "gs://bucket/4.bad")
	if len(got.badLines) != 1 || got.badLines[0].Position.String() != "gs://bucket/4.bad:3" {
		t.Errorf("bad lines %v", got.badLines)
	}

	var failure *ListError
	got = readLists(t, Options{Buckets: bucket}, "gs://bucket/5.*")
	if !asListError(got.err, &failure) || !strings.Contains(got.err.Error(), "no object matches") {
		t.Errorf("nothing there: %v", got.err)
	}
	bucket.broken = fmt.Errorf("opening: %w", fs.ErrPermission)
	got = readLists(t, Options{Buckets: bucket}, "gs://bucket/1.txt")
	if !asListError(got.err, &failure) || !errors.Is(got.err, fs.ErrPermission) || !strings.Contains(got.err.Error(), "gs://bucket/1.txt: this user may not read it") {
		t.Errorf("refused: %v", got.err)
	}
}

func TestExpandKeepsTheOrderOfTheLists(t *testing.T) {
	one, two := write(t, "1", ""), write(t, "2", "")
	names, err := expand(t.Context(), []string{two, "-", one, two}, nil)
	if want := []string{two, "-", one, two}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%v, %v", names, err)
	}
}
