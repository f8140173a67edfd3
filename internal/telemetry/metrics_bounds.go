package telemetry

import (
	"cmp"
	"slices"

	"github.com/prometheus/common/model"
)

// scheme is which names of metrics are valid: the old ones, which every Prometheus reads.
const scheme = model.LegacyValidation

const (
	// maxSeries bounds what one label may take: types, and so tables, are named by what the API answers.
	maxSeries = 60
	// others is the label of what is left over.
	others = "_others"
)

// bounded is values with at most maxSeries keys: the greatest, and the sum of the others.
func bounded(values map[string]int64) map[string]int64 {
	if len(values) <= maxSeries {
		return values
	}
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(values[b], values[a]), cmp.Compare(a, b)) })
	kept := map[string]int64{}
	for i, key := range keys {
		if i < maxSeries-1 {
			kept[key] = values[key]
		} else {
			kept[others] += values[key]
		}
	}
	return kept
}

// boundedTables is the tables by name, at most maxSeries: those with most rows, and the sum of the others.
func boundedTables(tables []Table) []Table {
	sorted := slices.SortedFunc(slices.Values(tables), func(a, b Table) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Name, b.Name))
	})
	if len(sorted) > maxSeries {
		rest := Table{Name: others, Misfits: map[string]int64{}}
		for _, table := range sorted[maxSeries-1:] {
			rest.Rows += table.Rows
			rest.NewColumns += table.NewColumns
			rest.DriftRows += table.DriftRows
			for reason, values := range table.Misfits {
				rest.Misfits[reason] += values
			}
		}
		sorted = append(sorted[:maxSeries-1], rest)
	}
	slices.SortFunc(sorted, func(a, b Table) int { return cmp.Compare(a.Name, b.Name) })
	return sorted
}
