package bench

import (
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"

	"omega-export/internal/flatten"
	"omega-export/schemas"
)

// ours is the program's own parser, as it is used.
func ours() parser {
	return parser{name: "flatten", parse: new(flatten.Document).Parse, read: readWithFlatten}
}

// readWithFlatten learns a table from the one body and reads its row. What stands in _champs_inconnus stands as it
// came, and is shown so.
func readWithFlatten(body []byte) (members []string, err error) {
	set, err := schemas.Embedded()
	if err != nil {
		return nil, err
	}
	table, err := flatten.NewTable("T", set)
	if err != nil {
		return nil, err
	}
	learner := flatten.NewLearner(table)
	if err := learner.Observe("N", time.Unix(1, 0), body); err != nil {
		return nil, err
	}
	table, _ = learner.Evolve()
	builder := flatten.NewBuilder(table)
	defer builder.Release()
	if err := builder.Append(flatten.Origin{Numero: "N"}, body); err != nil {
		return nil, err
	}
	record := builder.Record()
	defer record.Release()
	for i := ownColumns; i < int(record.NumCols()); i++ {
		if cells := record.Column(i); cells.IsValid(0) {
			shown := cells.ValueStr(0)
			if text, ok := cells.(*array.String); ok {
				shown = quoted([]byte(text.Value(0)))
			}
			key, _, nested := strings.Cut(record.ColumnName(i), "__")
			if nested {
				shown = "{…}"
			}
			members = append(members, member([]byte(key), shown))
		}
	}
	if unknown := record.Column(ownColumns - 1); unknown.IsValid(0) {
		key, raw, _ := strings.Cut(strings.Trim(unknown.ValueStr(0), "{}"), ":")
		if strings.HasPrefix(raw, "{") {
			raw = "{…}"
		}
		members = append(members, member([]byte(strings.Trim(key, `"`)), raw))
	}
	return members, nil
}
