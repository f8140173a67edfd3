package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// reportSchema is the published schema of the run report. It forbids keys that it does not describe.
func reportSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	schema, err := compiler.Compile("../docs/report.schema.json")
	if err != nil {
		t.Fatalf("docs/report.schema.json is no schema: %v", err)
	}
	return schema
}

// validReport reads a report and holds it against the schema.
func validReport(t *testing.T, path string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("the run wrote no report: %v", err)
	}
	report, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := reportSchema(t).Validate(report); err != nil {
		t.Errorf("the report is not as docs/report.schema.json says: %v\n%s", err, text)
	}
	return report.(map[string]any)
}

// TestTheSchemaForbidsWhatItDoesNotDescribe holds the schema against reports that are almost right.
func TestTheSchemaForbidsWhatItDoesNotDescribe(t *testing.T) {
	schema := reportSchema(t)
	for name, spoil := range map[string]func(report map[string]any){
		"a new key":         func(report map[string]any) { report["news"] = 1.0 },
		"a new key deep in": func(report map[string]any) { report["latency"].(map[string]any)["p75_seconds"] = 1.0 },
		"a new key of a table": func(report map[string]any) {
			report["tables"].(map[string]any)["reponses"].(map[string]any)["news"] = 1.0
		},
		"a key less":        func(report map[string]any) { delete(report, "counts") },
		"another version":   func(report map[string]any) { report["version"] = 3.0 },
		"a negative count":  func(report map[string]any) { report["due"] = -1.0 },
		"an unknown ending": func(report map[string]any) { report["outcome"] = "finished" },
	} {
		report := validReport(t, "../internal/page/testdata/bad-night.json")
		spoil(report)
		if schema.Validate(report) == nil {
			t.Errorf("%s: it fits", name)
		}
	}
}

// TestEveryRunsReportFitsThePublishedSchema runs in all ways to end, those that never begin included.
func TestEveryRunsReportFitsThePublishedSchema(t *testing.T) {
	numbers := filepath.Join(t.TempDir(), "numeros.txt")
	if err := os.WriteFile(numbers, []byte("WD00APSW\nWD00INCONNU\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	all := "../testdata/numeros.txt"
	for _, test := range []struct {
		name      string
		flags     []string
		simulator []string
		code      int
		outcome   string
	}{
		{"good", []string{"--list", all}, nil, 0, "complete"},
		{"with rejects", []string{"--list", numbers}, []string{"--missing", "1"}, 0, "complete"},
		{"stopped", []string{"--list", all, "--max-calls", "7"}, nil, 75, "stopped"},
		{"dry", []string{"--list", all, "--dry-run"}, nil, 0, "complete"},
		{"credentials refused", []string{"--list", all, "--client-id", "another"}, nil, 77, "failed"},
		{"code refused", []string{"--list", all, "--code-cdgf", "B00000000X"}, nil, 77, "failed"},
		{"list unreadable", []string{"--list", "nowhere.txt"}, nil, 65, "failed"},
		{"state not writable", []string{"--list", all, "--state", filepath.Join(file, "state")}, nil, 73, "failed"},
		{"output not writable", []string{"--list", all, "--out", file}, nil, 73, "failed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			place := served(t, append([]string{"--gateway", "none", "--latency", "1ms", "--client-id", "client", "--code-cdgf", "A04000000X"}, test.simulator...)...)
			path := filepath.Join(t.TempDir(), "report.json")
			place.run(test.code, append([]string{"--rate", "500", "--report", path, "--report-html", path + ".html"}, test.flags...)...)
			report := validReport(t, path)
			if report["outcome"] != test.outcome {
				t.Errorf("outcome %v, want %s", report["outcome"], test.outcome)
			}
			if _, err := os.Stat(path + ".html"); err != nil {
				t.Errorf("no page: %v", err)
			}
		})
	}
}
