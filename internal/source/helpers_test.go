package source

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
)

// outcome is all that a Read gave.
type outcome struct {
	entries  []Entry
	badLines []BadLine
	summary  Summary
	err      error
}

func readLists(t testing.TB, options Options, lists ...string) outcome {
	t.Helper()
	var got outcome
	options.BadLine = func(bad BadLine) { got.badLines = append(got.badLines, bad) }
	got.summary, got.err = Read(t.Context(), lists, options, func(entry Entry) error {
		got.entries = append(got.entries, entry)
		return nil
	})
	return got
}

// readContent reads content as a file.
func readContent(t testing.TB, content string) outcome {
	t.Helper()
	return readLists(t, Options{}, write(t, "list", content))
}

// write makes a file in a folder of the test and gives its path.
func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// pairs is the entries as "numero" or "numero/code", with blanks between.
func (o outcome) pairs() string {
	var pairs []string
	for _, entry := range o.entries {
		pair := entry.Numero
		if entry.CodeCDGF != "" {
			pair += "/" + entry.CodeCDGF
		}
		pairs = append(pairs, pair)
	}
	return strings.Join(pairs, " ")
}

// badPlaces is the lines left out, by their numbers.
func (o outcome) badPlaces() []int64 {
	var places []int64
	for _, bad := range o.badLines {
		places = append(places, bad.Position.Line)
	}
	return places
}

func gzipped(t testing.TB, content string) string {
	t.Helper()
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	if _, err := writer.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func zstded(t testing.TB, content string) string {
	t.Helper()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = encoder.Close() }()
	return string(encoder.EncodeAll([]byte(content), nil))
}

// asParquet writes rows of any struct type.
func asParquet[T any](t testing.TB, rows []T, options ...parquet.WriterOption) string {
	t.Helper()
	var out bytes.Buffer
	if err := parquet.Write(&out, rows, options...); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func asListError(err error, failure **ListError) bool { return errors.As(err, failure) }

// ignore is a visit that does nothing.
func ignore(Entry) error { return nil }

func read(ctx context.Context, content string, visit func(Entry) error) (Summary, error) {
	return Read(ctx, []string{stdin}, Options{Stdin: strings.NewReader(content)}, visit)
}
