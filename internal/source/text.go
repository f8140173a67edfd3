package source

import (
	"bytes"
	"context"
	"errors"
	"io"
)

// readText reads a list of one number a line. '#' begins a comment where the line begins or after a blank.
func (l *list) readText(ctx context.Context, in *lines) error {
	return l.eachLine(ctx, in, func(line []byte) error {
		value := bytes.TrimSpace(withoutComment(line))
		if len(value) == 0 {
			return nil
		}
		return l.row(ctx, row{line: in.number, text: line, numero: value})
	})
}

// eachLine calls read with each line that is not too long.
func (l *list) eachLine(ctx context.Context, in *lines, read func(line []byte) error) error {
	for {
		line, err := in.line()
		switch {
		case err == nil:
			err = read(line)
		case err == io.EOF: // a wrapped io.EOF is a failure
			return nil
		case errors.Is(err, errTooLong):
			err = l.bad(ctx, in.number, line, err.Error())
		default:
			return l.fail(in.number, explained(err))
		}
		if err != nil {
			return err
		}
	}
}

// withoutComment cuts line before a '#' that begins it or follows a blank.
func withoutComment(line []byte) []byte {
	for from := 0; ; {
		i := bytes.IndexByte(line[from:], '#')
		if i < 0 {
			return line
		}
		at := from + i
		if at == 0 || line[at-1] == ' ' || line[at-1] == '\t' {
			return line[:at]
		}
		from = at + 1
	}
}
