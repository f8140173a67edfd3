package source

import (
	"context"
	"errors"
	"fmt"
)

var errNotOne = errors.New("no line is a demande number; is it a list?")

// list is one list being read: it judges each row and hands it on.
type list struct {
	name     string
	visit    func(Entry) error
	badLine  func(BadLine)
	entries  int64
	badLines int64
	code     string // the last one: a column that repeats it costs one string
	stopped  error  // ctx's or visit's, which comes back as it is
}

// row is what a format has found.
type row struct {
	line   int64
	text   []byte // as it stands in the list
	numero []byte // trimmed
	code   []byte // trimmed; empty where there is none
}

// read reads the whole list. Its error is stopped, or a *ListError.
func (l *list) read(ctx context.Context, options Options) error {
	opened, err := open(ctx, l.name, options)
	if err != nil {
		return l.fail(0, explained(err))
	}
	defer opened.close()
	if err := l.readStream(ctx, opened); err != nil {
		return err
	}
	if l.entries == 0 && l.badLines > 0 {
		return l.fail(0, errNotOne)
	}
	return nil
}

func (l *list) fail(line int64, err error) error {
	return &ListError{List: l.name, Line: line, Err: err}
}

// row visits the number of a row, or tells why it is none. An error means that the reading stops.
func (l *list) row(ctx context.Context, r row) error {
	if reason := fault(r.numero); reason != "" {
		return l.bad(ctx, r.line, r.text, "numero_demande "+reason)
	}
	if len(r.code) > 0 {
		if reason := fault(r.code); reason != "" {
			return l.bad(ctx, r.line, r.text, "code_cdgf "+reason)
		}
	}
	if l.stopped = ctx.Err(); l.stopped != nil {
		return l.stopped
	}
	if l.code != string(r.code) {
		l.code = string(r.code)
	}
	l.entries++
	l.stopped = l.visit(Entry{Numero: string(r.numero), CodeCDGF: l.code, Position: Position{List: l.name, Line: r.line}})
	return l.stopped
}

// bad tells of a line that is left out. An error means that the reading stops.
func (l *list) bad(ctx context.Context, line int64, text []byte, reason string) error {
	if l.stopped = ctx.Err(); l.stopped != nil {
		return l.stopped
	}
	l.badLines++
	if l.badLine != nil {
		l.badLine(BadLine{Position: Position{List: l.name, Line: line}, Text: visible(text), Reason: reason})
	}
	return nil
}

// maxValue is the longest a number or a code may be, in bytes.
const maxValue = 64

// fault says what keeps value from being a number or a code; "" if nothing does.
func fault(value []byte) string {
	switch {
	case len(value) == 0:
		return "is missing"
	case len(value) > maxValue:
		return fmt.Sprintf("has more than %d characters", maxValue)
	}
	for i, c := range value {
		switch {
		case 'A' <= c && c <= 'Z', '0' <= c && c <= '9', 'a' <= c && c <= 'z', c == '-', c == '_':
		default:
			return "holds " + quotedRune(value[i:]) + ", only letters, digits, - and _ can be"
		}
	}
	return ""
}
