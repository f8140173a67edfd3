package page

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"omega-export/internal/pipeline"
	"omega-export/internal/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

func paris(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func drawn(t testing.TB, run pipeline.Report) string {
	t.Helper()
	var text bytes.Buffer
	if err := Write(&text, run, Options{Zone: paris(t), Meaning: "the meaning", Advice: "the advice."}); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// golden holds text against a file, or writes it with -update.
func golden(t *testing.T, name string, text []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("%s is no longer what is drawn, from byte %d on: go test -update, and look at the difference", path, differsAt(text, want))
	}
}

func differsAt(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// TestTheNightsAreThoseThatTheBrowserSees keeps the reports that e2e draws with the built program.
func TestTheNightsAreThoseThatTheBrowserSees(t *testing.T) {
	for name, run := range map[string]pipeline.Report{"good-night.json": goodNight(), "bad-night.json": badNight()} {
		text, err := json.Marshal(run)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, append(text, '\n'))
	}
}

// outline is a page's structure and its words, without its charts and its style.
func outline(page string) []byte {
	for _, cut := range []string{`(?s)<style>.*?</style>`, `(?s)<svg .*?</svg>`} {
		page = regexp.MustCompile(cut).ReplaceAllString(page, "<!-- cut -->")
	}
	return []byte(page)
}

func TestTheBadNightsPageIsAsItWasLookedAt(t *testing.T) {
	golden(t, "bad-night.outline.html", outline(drawn(t, badNight())))
}

func TestTheHeadlineSaysHowTheRunEnded(t *testing.T) {
	for _, test := range []struct {
		outcome  string
		exit     int
		dry      bool
		state    string
		headline string
	}{
		{"complete", 0, false, "good", "Done: all that was due is done"},
		{"complete", 0, true, "plain", "Dry run: nothing was asked for"},
		{"stopped", 75, false, "warn", "Stopped with work left"},
		{"failed", 75, false, "warn", "Stopped with work left"}, // another host has the state
		{"failed", 77, false, "bad", "Failed: the meaning"},
		{"complete", 74, false, "bad", "Failed: the meaning"}, // the run was fine, its end could not be written
	} {
		page := drawn(t, pipeline.Report{Version: 2, Outcome: test.outcome, ExitCode: test.exit, DryRun: test.dry})
		for _, want := range []string{`<header class="` + test.state + `">`, "</span>" + test.headline + "</h1>", fmt.Sprintf("Exit code %d", test.exit), "What to do: the advice."} {
			if !strings.Contains(page, want) {
				t.Errorf("%+v: the page does not say %s", test, want)
			}
		}
	}
}

func TestASimulationIsSaidOnTop(t *testing.T) {
	run := goodNight()
	run.Mode = "simule"
	page := drawn(t, run)
	if !strings.Contains(page, "<title>SIMULATION: ") || strings.Index(page, "SIMULATION: the answers come from") > strings.Index(page, "<h1>") {
		t.Error("it is not")
	}
	if strings.Contains(drawn(t, goodNight()), "SIMULATION") {
		t.Error("a real night is called a simulation")
	}
}

// TestNoTextOfAReportBecomesMarkup gives every string of a report the shape of markup.
func TestNoTextOfAReportBecomesMarkup(t *testing.T) {
	const hostile = `<script>alert(1)</script><img src=x onerror=alert(2)>"'&{{.}}</style>`
	text, err := json.Marshal(badNight())
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	spoiled := spoil(tree, hostile).(map[string]any)
	spoiled["outcome"], spoiled["mode"] = hostile, hostile
	if text, err = json.Marshal(spoiled); err != nil {
		t.Fatal(err)
	}
	run, err := pipeline.ReadReport(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Write(&out, run, Options{Zone: paris(t), Meaning: hostile, Advice: hostile}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "&lt;script&gt;alert(1)") {
		t.Error("the hostile text is not on the page at all: the test proves nothing")
	}
	for _, bad := range []string{"<script", "<img", "onerror=alert(2)>\"", "\x00"} {
		if strings.Contains(strings.ToLower(out.String()), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if got, want := strings.Count(out.String(), "</style>"), 1; got != want {
		t.Errorf("%d ends of a style, want %d", got, want)
	}
}

// spoil puts a text in the place of, or behind, every string and name of a map that is not a time.
func spoil(value any, text string) any {
	switch value := value.(type) {
	case map[string]any:
		spoiled := map[string]any{}
		for key, inner := range value {
			if regexp.MustCompile(`^(introuvable|numero_different|demande_chf|reponses|A04000000X)$`).MatchString(key) {
				key += text
			}
			spoiled[key] = spoil(inner, text)
		}
		return spoiled
	case []any:
		for i := range value {
			value[i] = spoil(value[i], text)
		}
	case string:
		if _, err := time.Parse(time.RFC3339, value); err != nil {
			return value + text
		}
	}
	return value
}

func TestThePageAsksForNothingAndForbidsTheRest(t *testing.T) {
	page := drawn(t, badNight())
	if !strings.Contains(page, `http-equiv="Content-Security-Policy" content="default-src 'none'`) {
		t.Error("no policy")
	}
	for _, found := range regexp.MustCompile(`(?i)(src|href|url|@import)\s*[=(]\s*["']?([^"'\s>)]*)`).FindAllStringSubmatch(page, -1) {
		if found[2] != "data:," {
			t.Errorf("it refers to %q", found[0])
		}
	}
	if strings.Contains(page, "var(--)") || regexp.MustCompile(`rgb\(1,2,\d+\)`).MatchString(page) {
		t.Error("a stand-in colour was left")
	}
}

func TestEveryChartHasWordsAndATable(t *testing.T) {
	page := drawn(t, badNight())
	charts := strings.Count(page, "<svg ")
	if charts != 6 {
		t.Errorf("%d charts, want 3 in two sizes", charts)
	}
	for _, each := range []string{`role="img"`, "<title id=", "<desc id="} {
		if got := strings.Count(page, each); got != charts {
			t.Errorf("%d times %s for %d charts", got, each, charts)
		}
	}
	if got := strings.Count(page, "<summary>The same as a table</summary>"); got != charts/2 {
		t.Errorf("%d tables", got)
	}
	ids := regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(page, -1)
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id[1]] {
			t.Errorf("the id %s is there twice", id[1])
		}
		seen[id[1]] = true
	}
}

func TestAnOlderReportIsDrawnWithoutATimeLine(t *testing.T) {
	run, err := pipeline.ReadReport(strings.NewReader(`{"version":1,"run":3,"mode":"reel","counts":{"calls":5,"documents":5},"rejects":{"introuvable":1},
		"tables":{"reponses":{"rows":5,"drift_rows":0},"rejets":null},"lots":["l"],"outcome":"complete","exit_code":0}`))
	if err != nil {
		t.Fatal(err)
	}
	page := drawn(t, run)
	if !strings.Contains(page, "by an older program") || strings.Contains(page, "<svg") {
		t.Error("it is not said")
	}
}

func TestTheWorstNumbersAreDrawn(t *testing.T) {
	huge := report.Bin{Calls: 1 << 62, Documents: 1 << 62, Unchanged: -5, Rejects: -1, Slots: 1e300}
	for name, spoil := range map[string]func(*pipeline.Report){
		"empty":       func(r *pipeline.Report) { *r = pipeline.Report{} },
		"huge bins":   func(r *pipeline.Report) { r.Timeline.Bins = []report.Bin{huge, {}, huge} },
		"wide bins":   func(r *pipeline.Report) { r.Timeline.BinSeconds = 1 << 62 },
		"no time":     func(r *pipeline.Report) { r.Timeline.Start = time.Time{} },
		"one bin":     func(r *pipeline.Report) { r.Timeline.Bins = r.Timeline.Bins[:1] },
		"no latency":  func(r *pipeline.Report) { r.Latency = report.Latency{} },
		"odd latency": func(r *pipeline.Report) { r.Latency.Buckets = []report.Bucket{{UpTo: 1e300, Answers: -1}} },
		"many buckets": func(r *pipeline.Report) {
			r.Latency.Buckets = slices.Repeat([]report.Bucket{{UpTo: 1, Answers: 2}}, 3000)
		},
		"outage of ever": func(r *pipeline.Report) { r.Outages = []report.Down{{To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}} },
	} {
		t.Run(name, func(t *testing.T) {
			run := badNight()
			spoil(&run)
			text, err := json.Marshal(run)
			if err != nil {
				t.Fatal(err)
			}
			if run, err = pipeline.ReadReport(bytes.NewReader(text)); err == nil {
				drawn(t, run)
			} else if !strings.Contains(err.Error(), "no run report") {
				t.Error(err)
			}
		})
	}
}

// FuzzPage reads any text as a report and draws it.
func FuzzPage(f *testing.F) {
	for _, name := range []string{"good-night.json", "bad-night.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"version":2,"counts":{"calls":1},"quota":{"slots_available":1},"timeline":{"bin_seconds":9223372036854775807,"bins":[{"calls":9223372036854775807}]}}`))
	zone := paris(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		run, err := pipeline.ReadReport(bytes.NewReader(text))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := Write(&out, run, Options{Zone: zone}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(strings.ToLower(out.String()), "<script") {
			t.Fatal("a script")
		}
	})
}

// BenchmarkPage draws a night of eight hours.
func BenchmarkPage(b *testing.B) {
	run, zone := badNight(), paris(b)
	for b.Loop() {
		if err := Write(&bytes.Buffer{}, run, Options{Zone: zone}); err != nil {
			b.Fatal(err)
		}
	}
}
