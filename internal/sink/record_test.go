package sink

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever a commit record says, it names no file outside of the output or of the tables.
func FuzzRecordsStayInTheOutput(f *testing.F) {
	for _, path := range []string{"demande_chf/date_export=2026-11-23/l.parquet", "../x", "_lots/date_export=2026-11-23/l.parquet"} {
		table, _, _ := strings.Cut(path, "/")
		content, err := encodeJSON(commitRecord{
			Version: 1, Lot: "l", DateExport: "2026-11-23", Files: []recordFile{{Path: path, Table: table}},
		})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content, "l")
	}
	f.Fuzz(func(t *testing.T, content []byte, lot string) {
		var record commitRecord
		if checkLot(lot) != nil || json.Unmarshal(content, &record) != nil || record.check(lot) != nil {
			return
		}
		for _, file := range record.Files {
			if !filepath.IsLocal(file.Path) || strings.HasPrefix(file.Path, "_lots/") || strings.Count(file.Path, "/") != 2 {
				t.Errorf("accepted %q", file.Path)
			}
		}
	})
}
