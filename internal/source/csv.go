package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// csvList reads CSV or TSV. A record whose quotes are wrong costs its first line only: the lines that its quote
// would swallow are read as records of their own, lest one stray quote lose a whole list.
type csvList struct {
	*list
	in      *lines
	fields  fields
	columns columns
	width   int // of the header
}

func (l *list) readCSV(ctx context.Context, in *lines) error {
	c := &csvList{list: l, in: in}
	if err := c.readHeader(); err != nil {
		return l.fail(in.number, err)
	}
	return l.eachLine(ctx, in, func(line []byte) error { return c.readRecord(ctx, line) })
}

// readHeader takes the separator by which the header has the columns. Where none does, the error is of the one that
// finds the most.
func (c *csvList) readHeader() error {
	if _, err := c.in.line(); err != nil {
		return explained(err)
	}
	var worst error
	most := 0
	for _, separator := range []byte(",;\t") {
		c.fields.separator = separator
		names, err := c.names()
		if err == nil {
			if c.columns, err = findColumns(names); err == nil {
				c.width = len(names)
				return nil
			}
		}
		if found := len(c.fields.spans); found > most || worst == nil {
			worst, most = err, found
		}
	}
	return worst
}

// names gives the header's fields. It may be called again, with another separator.
func (c *csvList) names() ([]string, error) {
	record := c.in.split()
	if said := bytes.TrimSpace(withoutComment(record)); isTitle(said) {
		record = said // the one title, with a comment behind it
	}
	record, err := c.complete(record)
	if err != nil {
		return nil, fmt.Errorf("its header is no CSV: %w", err)
	}
	names := make([]string, len(c.fields.spans))
	for i := range names {
		names[i] = string(c.fields.value(record, i))
	}
	return names, nil
}

func (c *csvList) readRecord(ctx context.Context, line []byte) error {
	// Where the number stands first, no row can begin with '#'.
	if len(bytes.TrimSpace(line)) == 0 || c.columns.numero == 0 && line[0] == '#' {
		return nil
	}
	record, err := c.complete(line)
	switch {
	case errors.Is(err, errOpenQuote), errors.Is(err, errAfterQuote):
		return c.bad(ctx, c.in.number, c.in.split(), err.Error())
	case err != nil: // lines within a quoted field that was cut must not be taken for rows
		return c.fail(c.in.number, err)
	}
	if reason := c.misfit(record); reason != "" {
		return c.bad(ctx, c.in.number, record, reason)
	}
	found := row{line: c.in.number, text: record, numero: c.fields.value(record, c.columns.numero)}
	if c.columns.code >= 0 && c.columns.code < len(c.fields.spans) {
		found.code = c.fields.value(record, c.columns.code)
	}
	return c.row(ctx, found)
}

// misfit says why the record's fields may not be those of the header's columns. Spreadsheets leave out empty cells
// at a row's end, or add some; but one field too many that says something means that all may have shifted.
func (c *csvList) misfit(record []byte) string {
	if len(c.fields.spans) <= c.columns.numero {
		return numeroColumn + " is missing, the row ends before it"
	}
	for i := c.width; i < len(c.fields.spans); i++ {
		if len(c.fields.value(record, i)) > 0 {
			return fmt.Sprintf("has %d fields, the header %d; a separator in a field wants quotes around the field", len(c.fields.spans), c.width)
		}
	}
	return ""
}

var (
	errOpenQuote  = errors.New("a quote is opened and never closed")
	errAfterQuote = errors.New("text follows a closing quote")
)

// complete splits the record that line begins, joining lines to it as long as a quoted field goes on. Its error is
// one of the two above, or that of a list that cannot be read on.
func (c *csvList) complete(line []byte) ([]byte, error) {
	c.fields.reset()
	record := line
	for {
		whole, err := c.fields.split(record)
		if whole || err != nil {
			return record, err
		}
		record, err = c.in.join()
		switch {
		case errors.Is(err, errTooLong), err == io.EOF:
			return nil, errOpenQuote
		case err != nil:
			return nil, explained(err)
		}
	}
}
