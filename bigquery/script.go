package bigquery

import (
	"fmt"
	"strings"

	"github.com/goccy/go-googlesql"
)

// Statement is one analyzed statement.
type Statement struct {
	Kind  string // as the analyzer names it, such as CreateViewStmt
	Table string // DATASET.TABLE that it makes or fills; "" for others
}

// Run analyzes a script's statements in order, as the analyzer's own parser splits it, and adds what they make. It stops at the first
// that is wrong: the error names its number, its line and what is wrong.
func (c *Catalog) Run(script string) ([]Statement, error) {
	var done []Statement
	for position := 0; ; {
		position += blank(script[position:])
		if position == len(script) {
			return done, nil
		}
		rest := script[position:]
		line := strings.Count(script[:position], "\n") + 1
		statement, length, err := c.next(rest)
		if err != nil {
			return done, fmt.Errorf("statement %d, from line %d (%s): %w", len(done)+1, line, firstLine(rest), err)
		}
		done = append(done, statement)
		position += length
	}
}

// next analyzes the statement that a text begins with, and tells how long it is.
func (c *Catalog) next(text string) (statement Statement, length int, err error) {
	at, err := googlesql.NewParseResumeLocationFromString(text)
	if err != nil {
		return Statement{}, 0, err
	}
	output, err := googlesql.AnalyzeNextStatement(at, c.options, c.root, c.types)
	if err != nil {
		return Statement{}, 0, err
	}
	c.kept = append(c.kept, output)
	end, err := at.BytePosition()
	if err != nil {
		return Statement{}, 0, err
	}
	resolved, err := output.ResolvedStatement()
	if err != nil {
		return Statement{}, 0, err
	}
	statement, err = c.take(resolved)
	return statement, int(end), err
}

// blank is how long the spaces and comments at the front of a text are.
func blank(text string) int {
	rest := text
	for {
		rest = strings.TrimLeft(rest, " \t\r\n")
		if !strings.HasPrefix(rest, "--") {
			return len(text) - len(rest)
		}
		_, rest, _ = strings.Cut(rest, "\n")
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	if runes := []rune(line); len(runes) > 120 {
		return string(runes[:120]) + "…"
	}
	return line
}
