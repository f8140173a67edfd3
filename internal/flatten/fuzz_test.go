package flatten

import (
	"encoding/json"
	"testing"

	"omega-export/schemas"
)

// FuzzNothingIsLost gives any bytes: what encoding/json refuses may be refused; what the room takes must be in the row.
func FuzzNothingIsLost(f *testing.F) {
	for _, documents := range corpus(f) {
		f.Add(documents[0], documents[1])
	}
	f.Add([]byte(`{"a":1,"b":[{"c":"x"}]}`), []byte(`{"a":"1","b":[{"c":2}],"a":{"d":[[]]}}`))
	f.Add([]byte(`{"x":1.5,"d":"2025-01-31","s":"2025-01-31T10:00:00Z"}`), []byte(`{"x":1e999,"d":"2025-02-30","s":"\ud800"}`))
	root, err := schemas.Embedded()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		base, err := NewTable("T", root)
		if err != nil {
			t.Fatal(err)
		}
		learner := NewLearner(base)
		firstErr := learner.Observe(first)
		if (firstErr == nil) && !json.Valid(trimMark(first)) {
			t.Fatalf("encoding/json refuses %q", first)
		}
		table, _ := learner.Evolve()
		for _, body := range [][]byte{first, second} {
			var identifier Identifier
			_, _ = identifier.Identify(body)
			builder := NewBuilder(table)
			if builder.Append(Origin{Numero: "N1"}, body) == nil {
				record := builder.Record()
				// The row's own number is the program's; the document's stays only where it is another.
				got, want := rowLeaves(t, table, record, 0), documentLeaves(t, body)
				own := pathSeparator + ColumnNumero + ` = "N1"`
				if extra := minus(got, want); len(extra) > 1 || len(extra) == 1 && extra[0] != own {
					t.Errorf("only in the row: %q of %q", extra, body)
				}
				if lost := lostLeaves(want, got, own); len(lost) > 0 {
					t.Errorf("lost: %q of %q", lost, body)
				}
				record.Release()
			}
			builder.Release()
		}
	})
}

// lostLeaves are those of the document that the row lacks. The number itself may be written more than once.
func lostLeaves(want, got []string, own string) []string {
	var lost []string
	for _, leaf := range minus(want, got) {
		if leaf != own {
			lost = append(lost, leaf)
		}
	}
	return lost
}

func trimMark(body []byte) []byte {
	if len(body) >= 3 && string(body[:3]) == "\xEF\xBB\xBF" {
		return body[3:]
	}
	return body
}
