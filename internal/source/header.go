package source

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The columns of a list, in every format that names them; in any case of letters, and trimmed.
const (
	numeroColumn = "numero_demande"
	codeColumn   = "code_cdgf"
)

var errTwice = errors.New("stands twice")

// columns is where a list's columns stand, from 0; code is -1 where the list has none.
type columns struct{ numero, code int }

// findColumns finds the columns among the names of a header. Other columns do not matter.
func findColumns(names []string) (columns, error) {
	numero, err := findColumn(names, numeroColumn)
	if err != nil {
		return columns{}, err
	}
	code, err := findColumn(names, codeColumn)
	if err != nil {
		return columns{}, err
	}
	if numero < 0 {
		return columns{}, fmt.Errorf("it has no column %s (found: %s), name that column so or add a header", numeroColumn, enumerated(names))
	}
	return columns{numero: numero, code: code}, nil
}

func findColumn(names []string, name string) (int, error) {
	is := func(candidate string) bool { return isColumn(candidate, name) }
	at := slices.IndexFunc(names, is)
	if at >= 0 && slices.ContainsFunc(names[at+1:], is) {
		return -1, fmt.Errorf("its column %s %w, keep one", name, errTwice)
	}
	return at, nil
}

func isColumn(candidate, name string) bool {
	return strings.EqualFold(strings.TrimSpace(candidate), name)
}

// enumerated is the names for a message, no more of them than a person reads.
func enumerated(names []string) string {
	const most = 20
	shown := make([]string, 0, most+1)
	for _, name := range names[:min(most, len(names))] {
		shown = append(shown, visible([]byte(strings.TrimSpace(name))))
	}
	if len(names) > most {
		shown = append(shown, "…")
	}
	return strings.Join(shown, ", ")
}
