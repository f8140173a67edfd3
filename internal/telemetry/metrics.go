package telemetry

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// namespace begins the name of every metric.
const namespace = "omega_export_"

// Metrics is the snapshot in Prometheus's text format. Counters count from the begin of the run: a new run begins at 0, as
// when a process starts, which rate() and increase() expect.
func Metrics(s Snapshot) ([]byte, error) {
	page := page{export: s.Export}
	page.run(s)
	page.numbers(s)
	page.suppliers(s)
	page.tables(s)
	page.stored(s)
	var text bytes.Buffer
	for _, family := range page.families {
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			return nil, fmt.Errorf("writing metric %s: %w", family.GetName(), err)
		}
	}
	return text.Bytes(), nil
}

// page gathers metrics. Their names and helps are the same whatever the run, since the collector refuses two files of a
// folder whose helps differ.
type page struct {
	export   string
	families []*dto.MetricFamily
}

// sample is one value with its labels, as name and value in turn.
type sample struct {
	value  float64
	labels []string
}

func (p *page) add(kind dto.MetricType, name, help string, samples ...sample) {
	if len(samples) == 0 {
		return
	}
	full := namespace + name
	family := &dto.MetricFamily{Name: &full, Help: &help, Type: &kind}
	for _, s := range samples {
		metric := &dto.Metric{}
		labels := s.labels
		if p.export != "" {
			labels = append(slices.Clone(labels), "export", p.export)
		}
		for i := 0; i+1 < len(labels); i += 2 {
			text := strings.ToValidUTF8(labels[i+1], "\uFFFD") // a file with one bad label is refused as a whole
			metric.Label = append(metric.Label, &dto.LabelPair{Name: &labels[i], Value: &text})
		}
		if kind == dto.MetricType_COUNTER {
			metric.Counter = &dto.Counter{Value: &s.value}
		} else {
			metric.Gauge = &dto.Gauge{Value: &s.value}
		}
		family.Metric = append(family.Metric, metric)
	}
	p.families = append(p.families, family)
}

func (p *page) gauge(name, help string, value float64, labels ...string) {
	p.add(dto.MetricType_GAUGE, name, help, sample{value, labels})
}

func (p *page) counter(name, help string, value int64, labels ...string) {
	p.add(dto.MetricType_COUNTER, name, help, sample{float64(value), labels})
}

// moment leaves a time out that is not known.
func (p *page) moment(name, help string, at time.Time) {
	if !at.IsZero() {
		p.gauge(name, help, float64(at.UnixMilli())/1000)
	}
}

func (p *page) run(s Snapshot) {
	p.gauge("build_info", "Always 1; the labels tell the program's version.", 1, "version", s.Version, "goversion", runtime.Version())
	p.gauge("simulated", "1 if the answers come from the simulator.", flag(s.Simulated))
	p.gauge("running", "1 while the run goes on. A file that stays at 1 and is not written any more is of a run that was killed.", flag(s.EndedAt.IsZero()))
	p.moment("written_timestamp_seconds", "When this file was written.", s.WrittenAt)
	p.moment("last_run_start_timestamp_seconds", "When the last run began.", s.StartedAt)
	p.moment("last_run_end_timestamp_seconds", "When the last run ended; absent while it goes on.", s.EndedAt)
	p.moment("last_success_timestamp_seconds", "When the last run ended that did all that was due (exit 0), this one or an earlier.", s.LastSuccess)
	until := s.EndedAt
	if until.IsZero() {
		until = s.WrittenAt
	}
	p.gauge("run_duration_seconds", "How long the run has taken so far.", until.Sub(s.StartedAt).Seconds())
	if s.EndedAt.IsZero() {
		return
	}
	p.gauge("last_run_exit_code", "The last run's exit code; absent while it goes on.", float64(s.ExitCode))
	var outcomes []sample
	for _, outcome := range []string{"complete", "stopped", "failed"} {
		outcomes = append(outcomes, sample{flag(outcome == s.Outcome), []string{"outcome", outcome}})
	}
	p.add(dto.MetricType_GAUGE, "last_run_outcome", "1 for how the last run ended; absent while it goes on.", outcomes...)
}

func (p *page) numbers(s Snapshot) {
	p.gauge("listed_numbers", "Numbers in the run's lists.", float64(s.Listed))
	p.counter("bad_lines_total", "Lines of the lists that cannot be a number.", s.BadLines)
	p.gauge("due_numbers", "Numbers that were due when the run began.", float64(s.Due))
	p.counter("settled_numbers_total", "Numbers done with in this run.", s.Settled)
	p.counter("documents_total", "Answers that are documents.", s.Documents)
	p.counter("unchanged_documents_total", "Of them, those equal to the number's last one.", s.Unchanged)
	p.counter("retries_total", "Numbers put back to be asked for again.", s.Retries)
	p.add(dto.MetricType_COUNTER, "rejects_total", "Numbers that gave no document, by why.", counts(bounded(s.Rejects), "motif")...)
}

func (p *page) suppliers(s Snapshot) {
	var calls, slots, used, left, seconds []sample
	for _, supplier := range s.Suppliers {
		code := []string{"supplier", supplier.Code}
		calls = append(calls, counts(supplier.Answers, "outcome", code...)...)
		slots = append(slots, sample{supplier.Slots, code})
		if supplier.Used > 0 {
			used = append(used, sample{supplier.Used, code})
		}
		left = append(left, sample{float64(supplier.Left), code})
		seconds = append(seconds, sample{float64(supplier.Left) / supplier.Rate, code})
	}
	p.add(dto.MetricType_COUNTER, "calls_total", "Requests really written, by what came of them: document is any whole answer 200, too_many a call refused for coming too early.", calls...)
	p.add(dto.MetricType_COUNTER, "quota_slots_total", "Slots that the quota had between the first call and the last.", slots...)
	p.add(dto.MetricType_GAUGE, "quota_used_ratio", "Share of those slots that was used.", used...)
	p.add(dto.MetricType_GAUGE, "backlog_numbers", "Numbers due and not done with.", left...)
	p.add(dto.MetricType_GAUGE, "backlog_seconds", "How long they take at the quota.", seconds...)
	down := 0.0
	if !s.OutageFrom.IsZero() && s.EndedAt.IsZero() {
		down = s.WrittenAt.Sub(s.OutageFrom).Seconds()
	}
	p.gauge("api_down_seconds", "How long the API has given no answer of its own; 0: it answers.", down)
}

func (p *page) tables(s Snapshot) {
	var rows, columns, drifted, misfits []sample
	for _, table := range boundedTables(s.Tables) {
		name := []string{"table", table.Name}
		rows = append(rows, sample{float64(table.Rows), name})
		columns = append(columns, sample{float64(table.NewColumns), name})
		drifted = append(drifted, sample{float64(table.DriftRows), name})
		misfits = append(misfits, counts(table.Misfits, "reason", name...)...)
	}
	p.add(dto.MetricType_COUNTER, "rows_total", "Rows published, by table.", rows...)
	p.add(dto.MetricType_COUNTER, "new_columns_total", "Columns that a published table has got.", columns...)
	p.add(dto.MetricType_COUNTER, "drift_rows_total", "Rows published with something in _champs_inconnus.", drifted...)
	p.add(dto.MetricType_COUNTER, "misfit_values_total", "Values that stand in _champs_inconnus, by why.", misfits...)
}

func (p *page) stored(s Snapshot) {
	p.counter("lots_published_total", "Lots published.", int64(s.Published))
	p.gauge("lots_waiting", "Lots sealed and not published.", float64(s.Stored.LotsWaiting))
	p.gauge("unpublished_answers", "Answers that only the ledger has.", float64(s.Stored.AnswersWaiting))
	age := 0.0
	if !s.Stored.OldestUnpublished.IsZero() {
		age = max(s.WrittenAt.Sub(s.Stored.OldestUnpublished).Seconds(), 0)
	}
	p.gauge("oldest_unpublished_answer_age_seconds", "Age of the oldest of them; 0: there is none.", age)
	p.gauge("ledger_size_bytes", "The ledger's file and its log.", float64(s.Stored.Bytes))
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

// counts are samples, one a key, with the key under that label.
func counts(values map[string]int64, label string, more ...string) []sample {
	var samples []sample
	for _, key := range slices.Sorted(maps.Keys(values)) {
		samples = append(samples, sample{float64(values[key]), append(slices.Clone(more), label, key)})
	}
	return samples
}

// ReadSuccess is the last success that a file of metrics tells of; zero if it tells of none, or is no such file.
func ReadSuccess(from io.Reader) time.Time {
	parser := expfmt.NewTextParser(scheme)
	families, err := parser.TextToMetricFamilies(from)
	if err != nil {
		return time.Time{}
	}
	last := time.Time{}
	for _, metric := range families[namespace+"last_success_timestamp_seconds"].GetMetric() {
		if at := time.UnixMilli(int64(metric.GetGauge().GetValue() * 1000)); at.After(last) {
			last = at
		}
	}
	return last
}
