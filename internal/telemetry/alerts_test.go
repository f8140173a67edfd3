package telemetry

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"go.yaml.in/yaml/v3"
)

const (
	rules = "../../deploy/prometheus/alerts.yml"
	pages = "../../docs"
)

type rule struct {
	Alert       string
	Expr        string
	For         string
	Labels      map[string]string
	Annotations map[string]string
}

func readRules(t *testing.T) []rule {
	t.Helper()
	text, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []rule
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil || len(file.Groups) != 1 {
		t.Fatalf("%d groups, %v", len(file.Groups), err)
	}
	return file.Groups[0].Rules
}

// written are the metrics that the program can write, with the labels that each can have.
func written(t *testing.T) map[string][]string {
	t.Helper()
	running := full()
	running.EndedAt = time.Time{}
	labels := map[string][]string{}
	for _, s := range []Snapshot{full(), running} {
		text, err := Metrics(s)
		if err != nil {
			t.Fatal(err)
		}
		parser := expfmt.NewTextParser(scheme)
		found, err := parser.TextToMetricFamilies(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for name, family := range found {
			for _, label := range family.Metric[0].Label {
				labels[name] = append(labels[name], label.GetName())
			}
		}
	}
	return labels
}

var (
	metricName  = regexp.MustCompile(`omega_export_[a-z0-9_]+`)
	metricMatch = regexp.MustCompile(`(omega_export_[a-z0-9_]+)\{([^}]*)\}`)
	matcher     = regexp.MustCompile(`([a-z]+)\s*(?:=~|!=|=)`)
)

func TestEachRuleAsksForMetricsThatAreWritten(t *testing.T) {
	metrics := written(t)
	for _, rule := range readRules(t) {
		names := metricName.FindAllString(rule.Expr, -1)
		if len(names) == 0 && rule.Alert != "OmegaExportDiskFull" {
			t.Errorf("%s asks for none of the program's metrics", rule.Alert)
		}
		for _, name := range names {
			if metrics[name] == nil {
				t.Errorf("%s asks for %s, which is not written", rule.Alert, name)
			}
		}
		for _, match := range metricMatch.FindAllStringSubmatch(rule.Expr, -1) {
			for _, label := range matcher.FindAllStringSubmatch(match[2], -1) {
				if !slices.Contains(metrics[match[1]], label[1]) {
					t.Errorf("%s asks for %s of %s, which has no such label", rule.Alert, label[1], match[1])
				}
			}
		}
	}
}

func TestEachRuleSaysWhatToDoInAPageThatIsThere(t *testing.T) {
	place := regexp.MustCompile(`docs/([a-z]+\.md)(?:#([a-z-]+))?`)
	seen := map[string]bool{}
	for _, rule := range readRules(t) {
		if seen[rule.Alert] || rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" {
			t.Errorf("%s is there twice, or has no severity or summary", rule.Alert)
		}
		seen[rule.Alert] = true
		places := place.FindAllStringSubmatch(rule.Annotations["runbook"], -1)
		if len(places) == 0 {
			t.Errorf("%s names no page", rule.Alert)
		}
		for _, found := range places {
			page, err := os.ReadFile(filepath.Join(pages, found[1]))
			if err != nil {
				t.Errorf("%s: %v", rule.Alert, err)
			}
			if found[2] != "" && !strings.Contains(anchors(string(page)), "#"+found[2]+"\n") {
				t.Errorf("%s: %s has no section %s", rule.Alert, found[1], found[2])
			}
		}
	}
}

func TestThePageTellsOfEachMetric(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(pages, "monitoring.md"))
	if err != nil {
		t.Fatal(err)
	}
	metrics := written(t)
	for name := range metrics {
		if !strings.Contains(string(page), "`"+strings.TrimPrefix(name, namespace)+"`") {
			t.Errorf("docs/monitoring.md does not tell of %s", name)
		}
	}
	for _, name := range metricName.FindAllString(string(page), -1) {
		if metrics[name] == nil && name != "omega_export_" {
			t.Errorf("docs/monitoring.md tells of %s, which is not written", name)
		}
	}
}

// anchors are a page's headings, one a line, as links to them are written.
func anchors(page string) string {
	var all strings.Builder
	for line := range strings.Lines(page) {
		if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			all.WriteString("#" + strings.ReplaceAll(strings.ToLower(strings.TrimSpace(heading)), " ", "-") + "\n")
		}
	}
	return all.String()
}
