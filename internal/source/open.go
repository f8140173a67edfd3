package source

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
)

// stream is an opened list.
type stream struct {
	io.Reader
	file  *os.File // set for a regular file, which can also be read at any place
	close func()
}

// open opens a list that expand has named.
func open(ctx context.Context, name string, options Options) (stream, error) {
	switch {
	case name == stdin && options.Stdin == nil:
		return stream{}, errors.New("there is none here, name a file")
	case name == stdin:
		return interruptible(ctx, options.Stdin, func() {}), nil
	case strings.HasPrefix(name, "gs://"):
		object, err := options.Buckets.Open(ctx, name)
		if err != nil {
			return stream{}, err
		}
		return stream{Reader: object, close: func() { _ = object.Close() }}, nil
	}
	return openFile(ctx, name)
}

func openFile(ctx context.Context, name string) (stream, error) {
	file, err := os.Open(name)
	if err != nil {
		return stream{}, err
	}
	closeFile := func() { _ = file.Close() } // it was only read
	info, err := file.Stat()
	if err != nil {
		closeFile()
		return stream{}, err
	}
	if !info.Mode().IsRegular() { // a named pipe, a process substitution
		return interruptible(ctx, file, closeFile), nil
	}
	return stream{Reader: file, file: file, close: closeFile}, nil
}

// interruptible reads input in a goroutine of its own, so that a read that does not return (a terminal, a pipe whose
// writer sleeps) cannot outlast ctx. Nobody can wait for that goroutine while it is blocked: it ends with its read,
// or with the process.
func interruptible(ctx context.Context, input io.Reader, closeInput func()) stream {
	reader, writer := io.Pipe()
	go func() {
		_, err := io.Copy(writer, input)
		_ = writer.CloseWithError(err) // it never fails
	}()
	unwatch := context.AfterFunc(ctx, func() { _ = reader.CloseWithError(ctx.Err()) })
	return stream{Reader: reader, close: func() {
		unwatch()
		_ = reader.Close()
		closeInput()
	}}
}

// watched is a reader that fails once ctx has ended, and that repeats its error, which bufio's Peek would swallow.
type watched struct {
	ctx   context.Context // the reader lives no longer than one call of Read
	input io.Reader
	err   error
}

func (w *watched) Read(buffer []byte) (int, error) {
	if w.err == nil {
		w.err = w.ctx.Err()
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.input.Read(buffer)
	w.err = err
	return n, err
}
