package page

import (
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"omega-export/internal/pipeline"
)

// view is what the template shows: text, already in words, and the charts.
type view struct {
	Title     string
	State     string // "good", "warn", "bad" or "plain": the headline's colour, never alone
	Mark      string // the state as a sign
	Headline  string
	Meaning   string
	Advice    string
	Error     string
	ExitCode  int
	Simulated bool
	When      string // from when to when
	Zone      string
	Figures   []figure
	Charts    []drawing // the time line, the share of the quota, the latencies
	NoCharts  string    // why there are none
	Outages   []string
	Outcomes  []bar
	Waits     []bar
	Rejects   []reject
	Suppliers []supplierRow
	Plan      []planRow
	Drift     []string
	Tables    []tableRow
	Lots      []lotRow
	LotsNote  string
	Forecast  string
}

// figure is one of the numbers on top.
type figure struct{ Name, Value, More string }

// bar is a count among others, drawn as long as its share.
type bar struct {
	Name, Value, Colour string
	Percent             float64
}

type reject struct {
	Motif, Count string
	Examples     []string
	More         string
}

type supplierRow struct{ Code, Calls, Rate, Used, From, To string }

type planRow struct{ Code, Never, Again, Takes string }

type tableRow struct{ Name, Rows, Files, Bytes string }

type lotRow struct{ Name, Answers, Files, Bytes, Sealed, Published string }

// drawing is a chart in both sizes, and the same as a table.
type drawing struct {
	Name, Caption string
	Legend        []bar
	Wide, Narrow  template.HTML
	Head          []string
	Rows          [][]string
}

func newView(run pipeline.Report, options Options) (*view, error) {
	v := &view{
		ExitCode: run.ExitCode, Meaning: options.Meaning, Advice: options.Advice, Error: run.Error, Simulated: run.Mode == "simule", Zone: options.Zone.String(),
	}
	v.headline(run)
	v.when(run, options.Zone)
	v.Title = fmt.Sprintf("omega-export run %d: %s", run.Run, v.Headline)
	if v.Simulated {
		v.Title = "SIMULATION: " + v.Title
	}
	v.figures(run)
	if err := v.draw(run, options.Zone); err != nil {
		return nil, err
	}
	v.outages(run, options.Zone)
	v.outcomes(run)
	v.rejects(run)
	v.suppliers(run, options.Zone)
	v.tables(run)
	v.lots(run, options.Zone)
	v.forecast(run, options.Zone)
	return v, nil
}

// headline is how the run ended, in a line.
func (v *view) headline(run pipeline.Report) {
	switch {
	case run.DryRun && run.Outcome == "complete":
		v.State, v.Mark, v.Headline = "plain", "i", "Dry run: nothing was asked for"
	case run.Outcome == "complete" && run.ExitCode == 0:
		v.State, v.Mark, v.Headline = "good", "✓", "Done: all that was due is done"
	case run.Outcome == "stopped" || run.ExitCode == 75:
		v.State, v.Mark, v.Headline = "warn", "!", "Stopped with work left"
	default:
		v.State, v.Mark, v.Headline = "bad", "✗", "Failed"
		if v.Meaning != "" {
			v.Headline += ": " + v.Meaning
		}
	}
	if v.State != "plain" {
		v.Meaning = "" // the headline has said it
	}
}

func (v *view) when(run pipeline.Report, zone *time.Location) {
	from, to := run.StartedAt.In(zone), run.EndedAt.In(zone)
	layout := "15:04:05"
	if from.Format(time.DateOnly) != to.Format(time.DateOnly) {
		layout = "Mon 2 Jan 15:04:05"
	}
	v.When = fmt.Sprintf("Run %d, %s to %s (%s)", run.Run, from.Format("Mon 2 Jan 2006 15:04:05"), to.Format(layout), lasting(run.EndedAt.Sub(run.StartedAt)))
}

func (v *view) figures(run pipeline.Report) {
	counts := run.Counts
	add := func(name, value, more string) { v.Figures = append(v.Figures, figure{name, value, more}) }
	add("due", whole(run.Due), fmt.Sprintf("of %s listed in %s", whole(run.Lists.Numbers), counted(int64(run.Lists.Lists), "list", "lists")))
	add("documents", whole(counts.Documents), whole(counts.Unchanged)+" unchanged")
	add("rejects", whole(counts.Rejects), "")
	used := "no call was made"
	if counts.Calls > 0 && run.Quota.Slots > 0 {
		used = percent(run.Quota.Share) + " of the quota used"
	} else if counts.Calls > 0 {
		used = percent(run.QuotaUsed()) + " of the quota used"
	}
	add("calls", whole(counts.Calls), used)
	add("refused (429)", whole(counts.Refused), counted(counts.Retries, "retry", "retries"))
	lots := "published"
	if run.Waiting > 0 {
		lots = "published, " + counted(int64(run.Waiting), "waits", "wait")
	}
	add("lots", whole(int64(len(run.Lots))), lots)
	if run.Backlog.Unknown {
		add("left", "?", "could not be counted")
	} else {
		add("left", whole(run.Backlog.DueLeft), "still due at the end")
	}
	if skipped := run.Lists.BadLines + run.Lists.Duplicates; skipped > 0 {
		add("lines left out", whole(run.Lists.BadLines), whole(run.Lists.Duplicates)+" numbers given twice")
	}
}

func (v *view) outages(run pipeline.Report, zone *time.Location) {
	for _, outage := range run.Outages {
		supplier := ""
		if len(run.Suppliers) > 1 {
			supplier = " for " + outage.Supplier
		}
		v.Outages = append(v.Outages, fmt.Sprintf("The API was down%s from %s to %s (%s).", supplier,
			outage.From.In(zone).Format("2 Jan 15:04:05"), outage.To.In(zone).Format("2 Jan 15:04:05"), lasting(outage.To.Sub(outage.From))))
	}
	if more := run.OutageCount - int64(len(run.Outages)); more > 0 {
		v.Outages = append(v.Outages, "And "+counted(more, "more outage", "more outages")+".")
	}
}

// outcomes are the kinds of answers, and what the run waited for.
func (v *view) outcomes(run pipeline.Report) {
	a := run.Answers
	all := a.Document + a.Rejected + a.Forbidden + a.Unauthorized + a.TooMany + a.Transient + a.TooLarge + a.Cancelled
	for _, kind := range []struct {
		name, colour string
		count        int64
	}{
		{"200, an answer of the API", "document", a.Document},
		{"the API says no (400, 404, 405 and other 4xx)", "reject", a.Rejected},
		{"403, access refused", "reject", a.Forbidden},
		{"401, token refused", "failed", a.Unauthorized},
		{"429, refused for the quota", "refused", a.TooMany},
		{"no answer of the API's own (5xx, cut, timeout)", "failed", a.Transient},
		{"200, too long to keep", "failed", a.TooLarge},
		{"given up at the stop", "failed", a.Cancelled},
	} {
		if kind.count > 0 {
			v.Outcomes = append(v.Outcomes, bar{kind.name, whole(kind.count), kind.colour, 100 * float64(kind.count) / float64(all)})
		}
	}
	w := run.Waits
	longest := max(w.RetryAfter, w.Outage, w.NoToken, w.Nothing)
	for _, reason := range []struct {
		name    string
		seconds float64
	}{
		{"the API asked to wait (Retry-After, quota spent)", w.RetryAfter},
		{"the API was down", w.Outage},
		{"no token yet", w.NoToken},
		{"nothing to ask for yet (only retries for later)", w.Nothing},
	} {
		if reason.seconds >= 0.1 {
			v.Waits = append(v.Waits, bar{reason.name, lasting(seconds(reason.seconds)), "unchanged", 100 * reason.seconds / longest})
		}
	}
}

func (v *view) rejects(run pipeline.Report) {
	motifs := slices.SortedFunc(maps.Keys(run.Rejects), func(a, b string) int {
		if by := run.Rejects[b] - run.Rejects[a]; by != 0 {
			return int(max(min(by, 1), -1))
		}
		return strings.Compare(a, b)
	})
	for _, motif := range motifs {
		told := reject{Motif: motif, Count: whole(run.Rejects[motif]), Examples: run.RejectExamples[motif]}
		if more := run.Rejects[motif] - int64(len(told.Examples)); more > 0 {
			told.More = "and " + whole(more) + " more, in the table rejets"
			if len(told.Examples) == 0 {
				told.More = "in the table rejets"
			}
		}
		v.Rejects = append(v.Rejects, told)
	}
}

func (v *view) suppliers(run pipeline.Report, zone *time.Location) {
	for _, code := range slices.Sorted(maps.Keys(run.Suppliers)) {
		s := run.Suppliers[code]
		row := supplierRow{Code: code, Calls: whole(s.Calls)}
		if s.Rate > 0 {
			row.Rate = fmt.Sprintf("%.3g a second", s.Rate)
		}
		if s.Calls > 0 {
			row.Used, row.From, row.To = percent(s.QuotaUsed), s.FirstCall.In(zone).Format("2 Jan 15:04:05"), s.LastCall.In(zone).Format("2 Jan 15:04:05")
		}
		v.Suppliers = append(v.Suppliers, row)
	}
	for _, p := range run.Plan {
		v.Plan = append(v.Plan, planRow{p.Supplier, whole(p.NeverAnswered), whole(p.Again), lasting(seconds(float64(p.Seconds)))})
	}
}

func (v *view) tables(run pipeline.Report) {
	for _, name := range slices.Sorted(maps.Keys(run.Tables)) {
		counts := run.Tables[name]
		row := tableRow{Name: name, Rows: whole(counts.Rows)}
		if counts.Files > 0 {
			row.Files, row.Bytes = whole(counts.Files), size(counts.Bytes)
		}
		v.Tables = append(v.Tables, row)
		v.drift(name, counts)
	}
}

// shownDrift is how many lines of drift a table gets on the page.
const shownDrift = 12

func (v *view) drift(name string, counts *pipeline.TableCounts) {
	var lines []string
	for _, column := range counts.NewColumns {
		lines = append(lines, fmt.Sprintf("%s: new column %s %s", name, column.Name, column.Type))
	}
	for _, conflict := range counts.Conflicts {
		lines = append(lines, fmt.Sprintf("%s: column %s is %s and declared %s: omega-export replay changes it", name, conflict.Column, conflict.Published, conflict.Declared))
	}
	for _, field := range counts.Drift {
		lines = append(lines, fmt.Sprintf("%s: %s of %s stand in _champs_inconnus (%s), as in %s", name, counted(field.Count, "value", "values"), field.Path, field.Reason, field.Example))
	}
	if more := len(lines) - shownDrift; more > 0 {
		lines = append(lines[:shownDrift], fmt.Sprintf("%s: and %d more, all in the report's JSON", name, more))
	}
	v.Drift = append(v.Drift, lines...)
}

// shownLots is how many lots the page lists, the last ones.
const shownLots = 50

func (v *view) lots(run pipeline.Report, zone *time.Location) {
	lots := run.PublishedLots
	if more := len(lots) - shownLots; more > 0 {
		v.LotsNote = fmt.Sprintf("The last %d of %d.", shownLots, len(lots))
		lots = lots[more:]
	}
	for _, lot := range lots {
		row := lotRow{
			Name: lot.Name, Answers: whole(lot.Answers), Files: whole(lot.Files), Bytes: size(lot.Bytes),
			Sealed: lot.SealedAt.In(zone).Format("2 Jan 15:04:05"), Published: lot.PublishedAt.In(zone).Format("2 Jan 15:04:05"),
		}
		if lot.Files == 0 {
			row.Files, row.Bytes = "published before", ""
		}
		v.Lots = append(v.Lots, row)
	}
	if run.Waiting > 0 {
		v.LotsNote = strings.TrimSpace(v.LotsNote + " " + counted(int64(run.Waiting), "lot waits", "lots wait") + " in the ledger, safe: the next run publishes them.")
	}
}

func (v *view) forecast(run pipeline.Report, zone *time.Location) {
	switch left := run.Backlog; {
	case left.Unknown:
		v.Forecast = "The run ended before what is left could be counted; omega-export status tells it."
	case left.DueLeft > 0:
		v.Forecast = fmt.Sprintf("%s still due: %s of calls at the quota. Begun again at once and never stopped, done on %s.",
			counted(left.DueLeft, "number is", "numbers are"), lasting(seconds(float64(left.Seconds))), left.DoneAt.In(zone).Format("Mon 2 Jan at 15:04"))
	case run.Version >= 2:
		v.Forecast = "Nothing of the lists is left to ask for."
	}
}
