package source

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLinesAreTheSameHoweverTheInputComes(t *testing.T) {
	want := []string{"a", "", strings.Repeat("b", 100_000), "c\r", "d"}
	content := "a\r\n\n" + want[2] + "\nc\r\r\nd"
	for name, input := range map[string]io.Reader{
		"at once":           strings.NewReader(content),
		"a byte at a time":  iotest.OneByteReader(strings.NewReader(content)),
		"by halves":         iotest.HalfReader(strings.NewReader(content)),
		"its end with data": iotest.DataErrReader(strings.NewReader(content)),
	} {
		in := newLines(input)
		for i, wanted := range want {
			line, err := in.line()
			if err != nil || string(line) != wanted || in.number != int64(i+1) {
				t.Fatalf("%s: line %d is %.10q… (%d bytes), error %v", name, in.number, line, len(line), err)
			}
		}
		if _, err := in.line(); err != io.EOF {
			t.Errorf("%s: at the end %v", name, err)
		}
	}
}

func TestJoinedLinesCanBeTakenBack(t *testing.T) {
	in := newLines(iotest.OneByteReader(strings.NewReader("one\r\ntwo\nthree")))
	expect := func(what string, got []byte, err error, want string, number int64) {
		t.Helper()
		if err != nil || string(got) != want || in.number != number {
			t.Fatalf("%s: %q on line %d, error %v; want %q on line %d", what, got, in.number, err, want, number)
		}
	}
	line, err := in.line()
	expect("line", line, err, "one", 1)
	line, err = in.join()
	expect("join", line, err, "one\r\ntwo", 1)
	line, err = in.join()
	expect("join", line, err, "one\r\ntwo\nthree", 1)
	if _, err := in.join(); err != io.EOF {
		t.Fatalf("join at the end: %v", err)
	}
	expect("split", in.split(), nil, "one", 1)
	line, err = in.line()
	expect("line", line, err, "two", 2)
	_, _ = in.join()
	in.unread()
	line, err = in.line()
	expect("line unread", line, err, "two", 2)
	line, err = in.join()
	expect("join", line, err, "two\nthree", 2)
}

func TestTheLineThatAnInputFailsInIsNotGiven(t *testing.T) {
	broken := errors.New("broken")
	in := newLines(io.MultiReader(strings.NewReader("one\ntwo"), iotest.ErrReader(broken)))
	if line, err := in.line(); err != nil || string(line) != "one" {
		t.Errorf("%q, %v", line, err)
	}
	for range 2 {
		if line, err := in.line(); !errors.Is(err, broken) || len(line) > 0 {
			t.Errorf("%q, %v", line, err)
		}
	}
	// An io.EOF that is wrapped tells of a failure, not of the end.
	in = newLines(io.MultiReader(strings.NewReader("one"), iotest.ErrReader(fmt.Errorf("reset: %w", io.EOF))))
	if line, err := in.line(); err == nil || err == io.EOF {
		t.Errorf("%q, %v", line, err)
	}
}

func TestALineTooLongIsPassedOverInBoundedMemory(t *testing.T) {
	in := newLines(io.MultiReader(strings.NewReader("one\n"), io.LimitReader(&endless{line: "x"}, 8<<20), strings.NewReader("\ntwo")))
	_, _ = in.line()
	if line, err := in.line(); !errors.Is(err, errTooLong) || string(line) != strings.Repeat("x", prefixBytes) || in.number != 2 {
		t.Errorf("%d bytes on line %d, %v", len(line), in.number, err)
	}
	if line, err := in.line(); err != nil || string(line) != "two" || in.number != 3 {
		t.Errorf("after it: %q on line %d, %v", line, in.number, err)
	}
	if len(in.buffer) > 4*maxRecord {
		t.Errorf("the buffer has grown to %d bytes", len(in.buffer))
	}
}

func TestAnInputThatGivesNothingForEverIsAnError(t *testing.T) {
	if _, err := newLines(readerFunc(func([]byte) (int, error) { return 0, nil })).line(); err != io.ErrNoProgress {
		t.Error(err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(buffer []byte) (int, error) { return f(buffer) }
