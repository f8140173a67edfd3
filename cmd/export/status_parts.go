package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"omega-export/internal/ledger"
)

// statusParts bounds the lines of a table; --json has all.
const statusParts = 40

// printParts prints one line a supplier and one a type.
func (c *statusCmd) printParts(to io.Writer, s ledger.Status) {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	defer table.Flush()
	if len(s.Suppliers) > 0 {
		fmt.Fprintln(table, "\nSUPPLIER\tKNOWN\tDOCUMENTS\tREJECTED\tNEVER ANSWERED\tDUE\tNOT PUBLISHED\tAT THE QUOTA\tDONE AT")
		printPart(table, s.Suppliers, func(code string, part ledger.Part) {
			takes, done := "-", "-"
			if part.Due > 0 {
				left := c.atQuota(part.Due)
				takes, done = left.Round(time.Second).String(), time.Now().Add(left).Format("2006-01-02 15:04")
			}
			fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\n", code, part.Known, part.Documents, part.Rejects, part.NeverAnswered, part.Due, part.Unpublished, takes, done)
		})
	}
	if len(s.ByType) > 0 {
		fmt.Fprintln(table, "\nTYPE\tKNOWN\tDOCUMENTS\tREJECTED\tNEVER ANSWERED\tDUE\tNOT PUBLISHED")
		printPart(table, s.ByType, func(code string, part ledger.Part) {
			if code == "" {
				code = "not known yet"
			}
			fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\n", code, part.Known, part.Documents, part.Rejects, part.NeverAnswered, part.Due, part.Unpublished)
		})
	}
}

func printPart(to io.Writer, parts map[string]ledger.Part, line func(string, ledger.Part)) {
	names := slices.Sorted(maps.Keys(parts))
	for i, name := range names {
		if i == statusParts {
			fmt.Fprintf(to, "and %d more, all in --json\n", len(names)-statusParts)
			return
		}
		line(visibleCode(name), parts[name])
	}
}

// visibleCode is a code as it may stand on a terminal: lists and answers may hold anything.
func visibleCode(code string) string {
	quoted := fmt.Sprintf("%+q", code)
	return strings.TrimSuffix(strings.TrimPrefix(quoted, `"`), `"`)
}
