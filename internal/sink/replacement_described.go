package sink

import (
	"encoding/json"
	"fmt"
	"slices"
)

// tableDescription is what files of one table say alike of their columns. A replacement of a year of nights has hundreds
// of files a table, whose record would hold the columns of each.
type tableDescription struct {
	Columns json.RawMessage `json:"columns,omitempty"`
	Schema  []string        `json:"schema"`
}

func (d *tableDescription) is(file *recordFile) bool {
	return string(d.Columns) == string(file.Columns) && slices.Equal(d.Schema, file.Schema)
}

// MarshalJSON writes each description once, and its number in the files that it is of.
func (r replacementRecord) MarshalJSON() ([]byte, error) {
	type plain replacementRecord // without this method
	written := plain(r)
	written.Files = slices.Clone(r.Files)
	written.Descriptions = nil
	of := map[string][]int{} // by table: which descriptions
	for i := range written.Files {
		file := &written.Files[i]
		at := slices.IndexFunc(of[file.Table], func(at int) bool { return written.Descriptions[at].is(&file.recordFile) })
		if at < 0 {
			at = len(of[file.Table])
			of[file.Table] = append(of[file.Table], len(written.Descriptions))
			written.Descriptions = append(written.Descriptions, tableDescription{file.Columns, file.Schema})
		}
		file.Described = of[file.Table][at] + 1
		file.Columns, file.Schema = nil, nil
	}
	return encodeJSON(written)
}

// UnmarshalJSON gives each file its description back. Records of older versions have them in the files.
func (r *replacementRecord) UnmarshalJSON(text []byte) error {
	type plain replacementRecord
	if err := json.Unmarshal(text, (*plain)(r)); err != nil {
		return err
	}
	for i := range r.Files {
		file := &r.Files[i]
		if file.Described == 0 {
			continue
		}
		if file.Described < 0 || file.Described > len(r.Descriptions) {
			return fmt.Errorf("its file %s has description %d of %d", file.Path, file.Described, len(r.Descriptions))
		}
		said := &r.Descriptions[file.Described-1]
		file.Columns, file.Schema, file.Described = said.Columns, said.Schema, 0
	}
	r.Descriptions = nil
	return nil
}
