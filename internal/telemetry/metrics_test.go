package telemetry

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// full is a snapshot that has something of everything.
func full() Snapshot {
	return Snapshot{
		Export: "nuit", RunID: "6f7c", Version: "1.2.3", WrittenAt: noon.Add(time.Hour), StartedAt: noon, EndedAt: noon.Add(time.Hour),
		LastSuccess: noon.Add(-23 * time.Hour), Outcome: "stopped", ExitCode: 75,
		Listed: 1000, BadLines: 3, Due: 900, Settled: 800, Documents: 700, Unchanged: 600, Retries: 5,
		Rejects: map[string]int64{"introuvable": 90, "acces_refuse": 10},
		Suppliers: []Supplier{
			{Code: "A", Answers: map[string]int64{"document": 700, "too_many": 2}, Slots: 1000, Used: 0.99, Due: 850, Left: 100, Rate: 2},
			{Code: `B"\` + "\n", Answers: map[string]int64{"document": 0}, Due: 50, Left: 50, Rate: 1},
		},
		Tables:    []Table{{Name: "demande_chf", Rows: 700, NewColumns: 1, DriftRows: 2, Misfits: map[string]int64{"does not fit": 4}}},
		Published: 2, Stored: Stored{Bytes: 1 << 20, LotsWaiting: 1, AnswersWaiting: 20, OldestUnpublished: noon.Add(30 * time.Minute)},
	}
}

func families(t *testing.T, s Snapshot) map[string]*dto.MetricFamily {
	t.Helper()
	text, err := Metrics(s)
	if err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(scheme)
	found, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("the text does not parse: %v\n%s", err, text)
	}
	return found
}

// value is the metric with those labels, as name=value.
func value(t *testing.T, found map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	for _, metric := range found["omega_export_"+name].GetMetric() {
		var have []string
		for _, label := range metric.GetLabel() {
			have = append(have, label.GetName()+"="+label.GetValue())
		}
		if slices.Equal(have, labels) {
			return metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
		}
	}
	t.Errorf("there is no %s with %q", name, labels)
	return -1
}

func TestTheMetricsSayWhatTheSnapshotHolds(t *testing.T) {
	found := families(t, full())
	for _, want := range []struct {
		name   string
		labels []string
		value  float64
	}{
		{"running", []string{"export=nuit"}, 0},
		{"last_success_timestamp_seconds", []string{"export=nuit"}, float64(noon.Add(-23 * time.Hour).Unix())},
		{"last_run_exit_code", []string{"export=nuit"}, 75},
		{"last_run_outcome", []string{"outcome=stopped", "export=nuit"}, 1},
		{"last_run_outcome", []string{"outcome=complete", "export=nuit"}, 0},
		{"run_duration_seconds", []string{"export=nuit"}, 3600},
		{"rejects_total", []string{"motif=introuvable", "export=nuit"}, 90},
		{"calls_total", []string{"supplier=A", "outcome=too_many", "export=nuit"}, 2},
		{"quota_used_ratio", []string{"supplier=A", "export=nuit"}, 0.99},
		{"backlog_seconds", []string{"supplier=A", "export=nuit"}, 50},
		{"backlog_numbers", []string{"supplier=B\"\\\n", "export=nuit"}, 50},
		{"misfit_values_total", []string{"table=demande_chf", "reason=does not fit", "export=nuit"}, 4},
		{"lots_waiting", []string{"export=nuit"}, 1},
		{"oldest_unpublished_answer_age_seconds", []string{"export=nuit"}, 1800},
		{"ledger_size_bytes", []string{"export=nuit"}, 1 << 20},
	} {
		if got := value(t, found, want.name, want.labels...); got != want.value {
			t.Errorf("%s%q is %v, want %v", want.name, want.labels, got, want.value)
		}
	}
}

// promtool check metrics is this linter.
func TestPrometheusFindsNothingToSayAgainstTheMetrics(t *testing.T) {
	running := full()
	running.EndedAt, running.OutageFrom = time.Time{}, noon
	for name, s := range map[string]Snapshot{"of a run that ended": full(), "of one that goes on": running, "of nothing yet": {StartedAt: noon, WrittenAt: noon}} {
		text, err := Metrics(s)
		if err != nil {
			t.Fatal(err)
		}
		problems, err := promlint.New(bytes.NewReader(text)).Lint()
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v %v\n%s", name, problems, err, text)
		}
	}
}

func TestWhatIsNotKnownIsLeftOut(t *testing.T) {
	found := families(t, Snapshot{StartedAt: noon, WrittenAt: noon.Add(time.Minute)})
	for _, name := range []string{"last_run_end_timestamp_seconds", "last_success_timestamp_seconds", "last_run_exit_code", "last_run_outcome", "quota_used_ratio"} {
		if found["omega_export_"+name] != nil {
			t.Errorf("%s is told of a run that has just begun", name)
		}
	}
	if got := value(t, found, "running"); got != 1 {
		t.Errorf("running is %v", got)
	}
}

func TestTypesWithoutEndMakeNoSeriesWithoutEnd(t *testing.T) {
	s := full()
	s.Tables, s.Rejects = nil, map[string]int64{}
	total := 0.0
	for i := range 10 * maxSeries {
		s.Tables = append(s.Tables, Table{Name: "demande_" + strconv.Itoa(i), Rows: int64(i), Misfits: map[string]int64{"no column": 1}})
		s.Rejects["motif"+strconv.Itoa(i)] = int64(i)
		total += float64(i)
	}
	found := families(t, s)
	for _, name := range []string{"rows_total", "rejects_total", "misfit_values_total"} {
		metrics := found["omega_export_"+name].GetMetric()
		sum := 0.0
		for _, metric := range metrics {
			sum += metric.GetCounter().GetValue()
		}
		if name == "misfit_values_total" {
			sum += total - 10*maxSeries
		}
		if len(metrics) != maxSeries || sum != total {
			t.Errorf("%s has %d series with %v in all, want %d with %v", name, len(metrics), sum, maxSeries, total)
		}
	}
	if len(s.Tables) != 10*maxSeries {
		t.Error("the snapshot has changed")
	}
}

func TestTheLastSuccessOutlivesRunsThatFail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omega.prom")
	file, err := NewMetricsFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := file.Success(); !got.IsZero() {
		t.Errorf("before the first run the last success is %s", got)
	}
	if err := file.Write(full()); err != nil {
		t.Fatal(err)
	}
	if got := file.Success(); !got.Equal(full().LastSuccess) {
		t.Errorf("the last success is %s, want %s", got, full().LastSuccess)
	}
	if err := os.WriteFile(path, []byte("not { metrics"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := file.Success(); !got.IsZero() {
		t.Errorf("of a damaged file the last success is %s", got)
	}
}

func TestTheFileIsReplacedWholeAndReadByOthers(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "omega.prom")
	file, err := NewMetricsFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := file.Write(full()); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the file has mode %v (%v)", info.Mode(), err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("in the folder are %v (%v)", left, err)
	}
}

func TestAFileThatNobodyWouldReadIsRefused(t *testing.T) {
	if _, err := NewMetricsFile(filepath.Join(t.TempDir(), "omega.txt")); err == nil || !strings.Contains(err.Error(), ".prom") {
		t.Errorf("got %v", err)
	}
	if _, err := NewMetricsFile(filepath.Join(t.TempDir(), "none", "omega.prom")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func FuzzTheMetricsParseWhateverTheNames(f *testing.F) {
	f.Add("A", "introuvable", "demande_chf")
	f.Add("\"\\\n", "\x00", "é\xff")
	f.Fuzz(func(t *testing.T, code, motif, table string) {
		s := full()
		s.Suppliers[0].Code, s.Rejects, s.Tables[0].Name = code, map[string]int64{motif: 7}, table
		text, err := Metrics(s)
		if err != nil {
			t.Fatal(err)
		}
		parser := expfmt.NewTextParser(scheme)
		if _, err := parser.TextToMetricFamilies(bytes.NewReader(text)); err != nil {
			t.Errorf("the text does not parse: %v\n%s", err, text)
		}
		if got := ReadSuccess(bytes.NewReader(text)); !got.Equal(s.LastSuccess) {
			t.Errorf("the last success is read as %s", got)
		}
	})
}

func BenchmarkMetrics(b *testing.B) {
	s := full()
	for i := range 40 {
		s.Tables = append(s.Tables, Table{Name: "demande_" + strconv.Itoa(i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Metrics(s); err != nil {
			b.Fatal(err)
		}
	}
}
