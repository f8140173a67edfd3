package schemas

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// FileError is one mistake in a schema file. Load returns all of them, joined by errors.Join in the order of files
// and lines; errors.As finds the first.
type FileError struct {
	// File is the file's path, the folder's as it was given included.
	File string
	// Line counts from 1; it is 0 where the file as a whole is wrong.
	Line int
	// Reason says what is wrong and what to do, on one line.
	Reason string
}

// Error is the mistake as compilers tell theirs: schemas/chf.yaml:12: reason.
func (e *FileError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Reason
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
}

// joined is the mistakes as one error, in the order of files and lines, or nil if there are none.
func joined(flaws []*FileError) error {
	slices.SortStableFunc(flaws, func(a, b *FileError) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	var all []error
	for _, flaw := range flaws {
		all = append(all, flaw)
	}
	return errors.Join(all...)
}

// shown is a text of the user's as messages quote it: on one line, and not all of a long one.
func shown(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return fmt.Sprintf("%q", text)
}

// oneLine is a text in which no character breaks a line, moves the cursor or hides.
func oneLine(text string) string {
	visible := strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, text)
	return strings.TrimSpace(visible)
}
