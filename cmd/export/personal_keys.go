package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"omega-export/internal/flatten"
	"omega-export/internal/privacy"
	"omega-export/internal/sink"
)

// tellOtherKeys warns of tables whose codes are of other keys than the run's: theirs match none of the new ones, and
// nothing else of the run looks wrong.
func tellOtherKeys(log *slog.Logger, policy *privacy.Policy, output *sink.Output) error {
	if policy.KeepsAll() || policy.KeyID() == "" {
		return nil
	}
	names, err := output.Tables()
	if err != nil {
		return err
	}
	tables, keys := 0, []string{}
	for _, name := range names {
		table, err := output.Table(name)
		if err != nil || table == nil {
			return err
		}
		others, err := keysOf(table)
		if err != nil {
			return fmt.Errorf("reading the columns of %s: %w", name, err)
		}
		others = slices.DeleteFunc(others, func(id string) bool { return id == policy.KeyID() })
		if len(others) > 0 {
			tables++
			keys = append(keys, others...)
		}
	}
	if tables > 0 {
		slices.Sort(keys)
		log.Warn("there are tables with codes of another key: the codes of this run match none of theirs; give that key back, or treat all rows with this one (omega-export replay)",
			"key", policy.KeyID(), "other_keys", strings.Join(slices.Compact(keys), " "), "tables", tables)
	}
	return nil
}

// keysOf are the ids of the keys of whose codes a table's columns tell.
func keysOf(table *sink.PublishedTable) (ids []string, err error) {
	var columns []flatten.Column
	if len(table.Columns) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(table.Columns, &columns); err != nil {
		return nil, err
	}
	for _, column := range columns {
		for _, personal := range column.Personal {
			if id, codes := strings.CutPrefix(personal.Treatment, "psn_"); codes {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}
