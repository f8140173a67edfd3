package main

import (
	"fmt"
	"strings"

	"omega-export/internal/flatten"
	"omega-export/internal/sink"
	"omega-export/schemas"
)

// shownPersonal is the table with what tells of persons in it: as its rows were published, or as the schema files say it
// now of columns that were published before anything was said of them.
func shownPersonal(table *flatten.Table) *flatten.Table {
	now := table.Under(nil)
	for i, column := range table.Columns {
		if len(column.Personal) > 0 {
			now.Columns[i].Personal = column.Personal
		}
	}
	return now
}

// personalColumns is how many columns of a published table tell of persons.
func personalColumns(code string, set *schemas.Set, published *sink.PublishedTable) (string, error) {
	table, err := flatten.ParseTable(code, set, published.Columns)
	if err != nil {
		return "", err
	}
	columns := 0
	for _, column := range shownPersonal(table).Columns {
		if len(column.Personal) > 0 {
			columns++
		}
	}
	return fmt.Sprint(columns), nil
}

// personalText tells what of a column is personal, and what has become of it.
func personalText(column flatten.Column) string {
	var parts []string
	for _, personal := range column.Personal {
		text := string(personal.Mark)
		if personal.Field != "" {
			text = personal.Field + " " + text
		}
		if personal.Treatment != "" {
			text += " " + personal.Treatment
		}
		parts = append(parts, text)
	}
	return unless(len(parts) == 0, " [personnel: "+strings.Join(parts, ", ")+"]")
}
