package source

import (
	"context"
	"fmt"
	"io"
)

// Position is a place in a list.
type Position struct {
	List string // the file's path or the object's URI; "-" for standard input
	Line int64  // counted from 1; the row in a Parquet list; 0 where no line is known
}

// String is how a person is told of the place: "list.csv:12".
func (p Position) String() string {
	name := spoken(p.List)
	if p.Line == 0 {
		return name
	}
	return fmt.Sprintf("%s:%d", name, p.Line)
}

// Entry is one demande number of a list.
type Entry struct {
	Numero   string // 1 to 64 ASCII letters, digits, '-' or '_'
	CodeCDGF string // of the same alphabet; "" where the list names none
	Position Position
}

// BadLine is a line or row that holds no usable number.
type BadLine struct {
	Position Position
	Text     string // of the line, cut at 80 characters, control characters made visible
	Reason   string
}

// Options is what Read works with beside the lists. Its zero value reads files.
type Options struct {
	// Stdin is what the list "-" reads; nil: there is none. When ctx ends, a read of Stdin that is still blocked is
	// left behind.
	Stdin io.Reader
	// BadLine is told of each line left out, in order, between the visits; nil: nobody is.
	BadLine func(BadLine)
	// Buckets reads the lists that begin with gs://; nil: they are refused.
	Buckets Bucket
}

// Bucket is the door by which lists in buckets enter. Its methods are called one at a time.
type Bucket interface {
	// Expand gives the URIs, gs://bucket/object, of the objects that pattern names, sorted; none and no error if
	// there are none. A pattern without a wildcard names the one object of that name, if it exists.
	Expand(ctx context.Context, pattern string) ([]string, error)
	// Open streams the object's bytes as they are stored. The stream ends with an error, never with io.EOF, where
	// bytes are missing, and when ctx ends. The caller closes it. An error that is fs.ErrNotExist or
	// fs.ErrPermission is told as such.
	Open(ctx context.Context, uri string) (io.ReadCloser, error)
}

// Summary counts what Read has read.
type Summary struct {
	Lists    int   // read to their end; each match of a glob is one
	Entries  int64 // numbers visited
	BadLines int64 // lines left out
}

// Read visits each number of the lists, in order, from one goroutine. A list is a path, a glob (* ? [), "-" for
// standard input, or gs://bucket/object. All names are resolved before anything is read, so a missing list is found
// before the first visit. A number that stands twice is visited twice.
//
// An error of visit ends the reading and comes back as it is. When ctx ends, its error comes back. Anything else
// is a *ListError. The summary counts what was read until then.
func Read(ctx context.Context, lists []string, options Options, visit func(Entry) error) (Summary, error) {
	var summary Summary
	names, err := expand(ctx, lists, options.Buckets)
	if err != nil {
		return summary, ended(ctx, err)
	}
	for _, name := range names {
		l := &list{name: name, visit: visit, badLine: options.BadLine}
		err := l.read(ctx, options)
		summary.Entries += l.entries
		summary.BadLines += l.badLines
		switch {
		case l.stopped != nil:
			return summary, l.stopped
		case err != nil:
			return summary, ended(ctx, err)
		}
		summary.Lists++
	}
	return summary, nil
}

// ended gives ctx's error in place of err once ctx has ended: reading then fails in many ways, all for that reason.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
