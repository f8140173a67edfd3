package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// nightOf runs one night in which the API has these documents, all of which are asked for: into a new place, or into
// that of an earlier night.
func nightOf(t *testing.T, before *place, documents ...string) *place {
	t.Helper()
	return nightWith(t, before, nil, documents...)
}

// nightWith is nightOf with more flags.
func nightWith(t *testing.T, before *place, flags []string, documents ...string) *place {
	t.Helper()
	folder := t.TempDir()
	var numbers strings.Builder
	for _, document := range documents {
		var own struct {
			Numero string `json:"numero_demande"`
		}
		if err := json.Unmarshal([]byte(document), &own); err != nil {
			t.Fatal(err)
		}
		numbers.WriteString(own.Numero + "\n")
	}
	answers, list := filepath.Join(folder, "documents.ndjson"), filepath.Join(folder, "list.txt")
	for path, text := range map[string]string{answers: strings.Join(documents, "\n") + "\n", list: numbers.String()} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := served(t, "--gateway", "none", "--corpus", answers)
	if before != nil {
		p.out, p.state = before.out, before.state
	}
	p.run(0, append([]string{"--list", list, "--rate", "50", "--refresh", "all"}, flags...)...)
	return p
}
