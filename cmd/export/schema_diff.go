package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"omega-export/internal/pipeline"
	"omega-export/schemas"
)

// schemaDiffCmd is the flags of `schema diff`.
type schemaDiffCmd struct {
	answersArg
	JSON  bool        `help:"Print the result as JSON."`
	Files schemasFlag `embed:""`
}

// Help is what `schema diff --help` says beyond the flags.
func (*schemaDiffCmd) Help() string {
	return `Shows, type by type, what raw answers have that the schema files have not (+), values that the declared column cannot hold exactly (~),
and declared columns that no answer has a value for (-).

Examples:
  omega-export schema diff out --schemas mes-schemas
  omega-export schema diff reponses.ndjson --json`
}

// typeDiff is how the answers of one type differ from its schema file.
type typeDiff struct {
	Type     string      `json:"type"`
	Declared bool        `json:"declared"` // the type has a schema file
	Answers  int64       `json:"answers"`
	New      []fieldDiff `json:"new"`
	Misfits  []fieldDiff `json:"misfits"`
	Unseen   []fieldDiff `json:"unseen"`
}

// fieldDiff is one field that differs.
type fieldDiff struct {
	Path    string `json:"path"`
	Type    string `json:"type,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Count   int64  `json:"count"`
	Example string `json:"example,omitempty"` // numero_demande
}

// schemaDiff is what `schema diff --json` prints.
type schemaDiff struct {
	Version    int        `json:"version"`
	Types      []typeDiff `json:"types"`
	Unanswered []string   `json:"types_without_answers"`
}

// Run prints the differences.
func (c *schemaDiffCmd) Run(ctx context.Context, std streams) error {
	set, err := c.Files.load()
	if err != nil {
		return err
	}
	survey, err := c.survey(ctx, std, set)
	if err != nil {
		return err
	}
	defer survey.Close()
	diff := compare(set, survey.Types())
	if c.JSON {
		return printJSON(std.out, diff)
	}
	printDiff(std.out, diff)
	return nil
}

func compare(set *schemas.Set, types []pipeline.SurveyedType) schemaDiff {
	diff := schemaDiff{Version: 1, Types: []typeDiff{}, Unanswered: []string{}}
	answered := map[string]bool{}
	for _, typ := range types {
		answered[strings.ToLower(typ.Code)] = true
		one := typeDiff{Type: typ.Code, Answers: typ.Documents, New: []fieldDiff{}, Misfits: []fieldDiff{}, Unseen: []fieldDiff{}}
		_, one.Declared = set.Type(typ.Code)
		for _, column := range typ.New {
			one.New = append(one.New, fieldDiff{Path: strings.Join(column.Path, "."), Type: column.Type.String(), Count: column.Count, Example: column.Example})
		}
		for _, field := range typ.Misfits {
			one.Misfits = append(one.Misfits, fieldDiff{Path: field.Path, Reason: string(field.Reason), Count: field.Count, Example: field.Example})
		}
		for _, column := range typ.Unseen {
			one.Unseen = append(one.Unseen, fieldDiff{Path: strings.Join(column.Path, "."), Type: column.Type.String()})
		}
		diff.Types = append(diff.Types, one)
	}
	for _, typ := range set.Types() {
		if !answered[strings.ToLower(typ.Code)] {
			diff.Unanswered = append(diff.Unanswered, typ.Code)
		}
	}
	return diff
}

func printDiff(to io.Writer, diff schemaDiff) {
	for _, typ := range diff.Types {
		fmt.Fprintf(to, "%s: %d answers, %d fields new, %d that do not fit, %d never seen%s\n", typ.Type, typ.Answers,
			len(typ.New), len(typ.Misfits), len(typ.Unseen), unless(typ.Declared, " (the type has no schema file)"))
		table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
		for _, field := range typ.New {
			fmt.Fprintf(table, "  + %s\t%s\t%d values, first in %s\n", field.Path, shortType(field.Type), field.Count, field.Example)
		}
		for _, field := range typ.Misfits {
			fmt.Fprintf(table, "  ~ %s\t%s\t%d values, as in %s\n", field.Path, driftReason(field.Reason), field.Count, field.Example)
		}
		for _, field := range typ.Unseen {
			fmt.Fprintf(table, "  - %s\t%s\t\n", field.Path, shortType(field.Type))
		}
		_ = table.Flush()
	}
	if len(diff.Unanswered) > 0 {
		fmt.Fprintf(to, "No answer of these types: %s\n", strings.Join(diff.Unanswered, ", "))
	}
}

// shortType leaves out a struct's fields, which --json tells.
func shortType(typ string) string {
	if before, _, ok := strings.Cut(typ, "STRUCT<"); ok {
		return before + "STRUCT<…>>"
	}
	return typ
}
