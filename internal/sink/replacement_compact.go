package sink

import "fmt"

// createCompact begins a file of rows of several days, sorted, whose spec's last column is their day. setDays follows
// before its Close.
func (r *Replacement) createCompact(spec TableSpec) (*Writer, error) {
	if err := spec.check(); err != nil {
		return nil, fmt.Errorf("table %s: %w", spec.Name, err)
	}
	layout, err := newLayout(spec.Schema)
	if err == nil {
		err = layout.filterOn(columnNumero)
	}
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", spec.Name, err)
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.ended {
		return nil, fmt.Errorf("table %s: replacement %s has ended", spec.Name, r.info.Name)
	}
	of := tableDay{table: spec.Name}
	r.begun[of]++
	writer := &Writer{
		storage: r.output.storage, codec: r.output.codec, home: r, spec: spec, layout: layout,
		path: compactDataName(spec.Name, r.info.Name, r.begun[of]), mark: replacementMark(r.info.Name),
	}
	r.writing[writer] = true
	return writer, nil
}

// days are the first and the last day of a compacted file's rows.
type days struct{ from, to string }

func (r *Replacement) setDays(w *Writer, from, to string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.days[w] = days{from, to}
}

// filesOf are the files of a table that are closed.
func (r *Replacement) filesOf(table string) (files []replacementFile) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, file := range r.files {
		if file.Table == table {
			files = append(files, file)
		}
	}
	return files
}
