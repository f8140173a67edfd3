package sink

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/parquet-go/parquet-go"
)

// answerColumn reads one column of the archive, page by page and value by value.
type answerColumn struct {
	name string
	leaf int // among the file's columns; -1: the file has none of this name
	kind parquet.Kind

	pages parquet.Pages
	page  parquet.Page
	// The page: a level a row, which is 0 for a NULL; none if no row can be NULL.
	levels []byte
	rows   int
	row    int // the next
	value  int // the next among those that are not NULL
	null   bool

	// The values of the page, or of its dictionary, in which indexes then leads to each.
	indexes []int32
	numbers []int64
	dates   []int32
	data    []byte
	offsets []uint32
}

// find looks for the column in a file.
func (c *answerColumn) find(schema *parquet.Schema, name string, kind parquet.Kind) error {
	c.name, c.kind, c.leaf = name, kind, -1
	leaf, ok := schema.Lookup(name)
	if !ok {
		return nil
	}
	if leaf.MaxRepetitionLevel > 0 || leaf.MaxDefinitionLevel > 1 || leaf.Node.Type().Kind() != kind {
		return fmt.Errorf("column %s is of another type: %v", name, leaf.Node.Type())
	}
	c.leaf = leaf.ColumnIndex
	return nil
}

// open begins a row group.
func (c *answerColumn) open(chunks []parquet.ColumnChunk) {
	c.close()
	if c.leaf >= 0 {
		c.pages = chunks[c.leaf].Pages()
	}
}

func (c *answerColumn) close() {
	parquet.Release(c.page)
	if c.pages != nil {
		_ = c.pages.Close() // it has nothing to lose
	}
	*c = answerColumn{name: c.name, leaf: c.leaf, kind: c.kind}
}

// advance goes to the next row, and says whether that turned the page.
func (c *answerColumn) advance() (turned bool, err error) {
	for c.row == c.rows {
		if err := c.turn(); err != nil {
			return false, unexpectedEnd(c.name, err)
		}
		turned = true
	}
	// The last row's value is behind.
	if c.row > 0 && !c.null {
		c.value++
	}
	c.null = c.levels != nil && c.levels[c.row] == 0
	c.row++
	return turned, nil
}

// turn reads the next page.
func (c *answerColumn) turn() error {
	parquet.Release(c.page)
	c.page = nil
	page, err := c.pages.ReadPage()
	if err != nil {
		return err
	}
	c.page = page
	c.levels, c.rows, c.row, c.value, c.null = page.DefinitionLevels(), int(page.NumValues()), 0, 0, false
	if c.levels != nil && len(c.levels) != c.rows {
		return errors.New("a page has not as many levels as values")
	}
	values := page.Data()
	c.indexes = nil
	if dictionary := page.Dictionary(); dictionary != nil {
		c.indexes = values.Int32()
		values = dictionary.Page().Data()
	}
	switch c.kind {
	case parquet.Int64:
		c.numbers = values.Int64()
	case parquet.Int32:
		c.dates = values.Int32()
	default:
		c.data, c.offsets = values.ByteArray()
	}
	return nil
}

func (c *answerColumn) at() int {
	if c.indexes != nil {
		return int(c.indexes[c.value])
	}
	return c.value
}

// bytes is a view of the row's value, nil for NULL.
func (c *answerColumn) bytes() []byte {
	if c.null {
		return nil
	}
	at := c.at()
	from, to := c.offsets[at], c.offsets[at+1]
	if from == to {
		return []byte{} // which a view of nothing need not be
	}
	return c.data[from:to:to]
}

// number reads the next row: 0 for NULL.
func (c *answerColumn) number() (int64, error) {
	if c.leaf < 0 {
		return 0, nil
	}
	if _, err := c.advance(); err != nil || c.null {
		return 0, err
	}
	return c.numbers[c.at()], nil
}

// date reads the next row, which is not NULL.
func (c *answerColumn) date() (int32, error) {
	if _, err := c.advance(); err != nil {
		return 0, err
	}
	if c.null {
		return 0, fmt.Errorf("column %s has a NULL", c.name)
	}
	return c.dates[c.at()], nil
}

// text reads the next row: "" for NULL. The batch's memory keeps it, since pages of text are turned sooner than those
// of bodies.
func (c *answerColumn) text(b *AnswerBatch, to *string) error {
	if c.leaf < 0 {
		return nil
	}
	if _, err := c.advance(); err != nil || c.null {
		return err
	}
	value := c.bytes()
	from := len(b.text)
	b.text = append(b.text, value...)
	if kept := b.text[from:]; len(kept) > 0 {
		*to = unsafe.String(&kept[0], len(kept)) // nothing is written there before the batch's Release
	}
	return nil
}
