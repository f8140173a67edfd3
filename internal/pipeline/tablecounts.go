package pipeline

import (
	"cmp"
	"slices"

	"omega-export/internal/flatten"
)

// TableCounts is what a run or a replay wrote in one table.
type TableCounts struct {
	Rows       int64        `json:"rows"`
	Files      int64        `json:"files,omitempty"` // published; of a run, not of a replay
	Bytes      int64        `json:"bytes,omitempty"` // of those files
	NewColumns []NewColumn  `json:"new_columns,omitempty"`
	DriftRows  int64        `json:"drift_rows"`              // rows with something in _champs_inconnus
	DriftFirst string       `json:"drift_example,omitempty"` // numero_demande of one of them
	Drift      []DriftField `json:"drift,omitempty"`         // what stands there, by path
	Conflicts  []Conflict   `json:"conflicts,omitempty"`     // columns whose declared type is not the published one
}

// NewColumn is a column that a table has got.
type NewColumn struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Count   int64  `json:"count,omitempty"`   // values seen, where the column was learned from them
	Example string `json:"example,omitempty"` // numero_demande of the first
}

// DriftField is a path whose values found no place in a column.
type DriftField struct {
	Path    string `json:"path"` // keys joined by points
	Reason  string `json:"reason"`
	Count   int64  `json:"count"`
	Example string `json:"example"` // numero_demande of one
}

// Conflict is a column whose declared type waits for a replay, since a published column never changes its type.
type Conflict struct {
	Column    string `json:"column"`
	Published string `json:"published"`
	Declared  string `json:"declared"`
}

// learned notes columns that were made from what answers had.
func (t *TableCounts) learned(columns []flatten.Learned) {
	for _, column := range columns {
		t.NewColumns = append(t.NewColumns, NewColumn{Name: column.Name, Type: column.Type.String(), Count: column.Count, Example: column.Example})
	}
}

// drifted adds what a builder saw.
func (t *TableCounts) drifted(drift flatten.Drift) {
	more := &TableCounts{DriftRows: drift.Rows, DriftFirst: drift.Example}
	for _, field := range drift.Fields {
		more.Drift = append(more.Drift, DriftField{Path: field.Path, Reason: string(field.Reason), Count: field.Count, Example: field.Example})
	}
	t.add(more)
}

// add counts what one more lot wrote in the table.
func (t *TableCounts) add(more *TableCounts) {
	t.Rows += more.Rows
	t.Files += more.Files
	t.Bytes += more.Bytes
	t.DriftRows += more.DriftRows
	t.NewColumns = append(t.NewColumns, more.NewColumns...)
	t.Conflicts = more.Conflicts
	if t.DriftFirst == "" {
		t.DriftFirst = more.DriftFirst
	}
	for _, field := range more.Drift {
		at, found := slices.BinarySearchFunc(t.Drift, field, compareDrift)
		if found {
			t.Drift[at].Count += field.Count
		} else {
			t.Drift = slices.Insert(t.Drift, at, field)
		}
	}
}

func compareDrift(a, b DriftField) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Reason, b.Reason))
}
