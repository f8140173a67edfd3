package page

import (
	"fmt"
	"time"

	"omega-export/internal/pipeline"
	"omega-export/internal/report"
)

// tableRows is how many rows a chart's table has at most.
const tableRows = 24

// draw draws the charts, if there is something to draw.
func (v *view) draw(run pipeline.Report, zone *time.Location) error {
	line := run.Timeline
	switch {
	case run.Version < 2:
		v.NoCharts = "This report was written by an older program, which kept no time line."
		return nil
	case run.Counts.Calls == 0 || len(line.Bins) == 0 || line.BinSeconds <= 0:
		v.NoCharts = "No call was made, so there is nothing to draw."
		return nil
	}
	for _, draw := range []func(pipeline.Report, *time.Location) (drawing, error){drawCalls, drawShare, drawLatency} {
		drawn, err := draw(run, zone)
		if err != nil {
			return err
		}
		if drawn.Wide != "" { // there is something to see
			v.Charts = append(v.Charts, drawn)
		}
	}
	return nil
}

// both draws a chart for wide and for narrow screens.
func (d *drawing) both(id string, make func(frame) chart) error {
	wide, narrow := wideFrame(), narrowFrame()
	var err error
	if d.Wide, err = make(wide).svg(wide, id+"-wide"); err != nil {
		return err
	}
	d.Narrow, err = make(narrow).svg(narrow, id+"-narrow")
	return err
}

// kind is one layer of the time line.
type kind struct {
	name, colour string
	count        func(report.Bin) int64
}

func kindsOfCalls() []kind {
	return []kind{
		{"documents, new or changed", "document", func(b report.Bin) int64 { return b.Documents - b.Unchanged }},
		{"documents, unchanged", "unchanged", func(b report.Bin) int64 { return b.Unchanged }},
		{"rejects", "reject", func(b report.Bin) int64 { return b.Rejects }},
		{"refused (429)", "refused", func(b report.Bin) int64 { return b.Refused }},
		{"failed", "failed", func(b report.Bin) int64 { return b.Failed }},
	}
}

// drawCalls draws the calls over time and what came back.
func drawCalls(run pipeline.Report, zone *time.Location) (drawing, error) {
	kinds := kindsOfCalls()
	total := gather(run.Timeline, 1).bins[0]
	d := drawing{Name: "Calls, and what came back", Head: []string{"from", "calls"}}
	desc := fmt.Sprintf("%s calls", whole(total.Calls))
	for _, k := range kinds {
		if k.count(total) > 0 {
			d.Legend = append(d.Legend, bar{Name: k.name, Value: whole(k.count(total)), Colour: k.colour})
		}
		d.Head = append(d.Head, k.name)
		desc += fmt.Sprintf(", %s %s", whole(k.count(total)), k.name)
	}
	if len(run.Outages) > 0 {
		d.Legend = append(d.Legend, bar{Name: "the API was down", Value: counted(run.OutageCount, "time", "times"), Colour: "down"})
		desc += fmt.Sprintf("; the API was down %s", counted(run.OutageCount, "time", "times"))
	}
	rows := gather(run.Timeline, tableRows)
	for i, bin := range rows.bins {
		row := []string{rows.at(i).In(zone).Format("2 Jan 15:04:05"), whole(bin.Calls)}
		for _, k := range kinds {
			row = append(row, whole(k.count(bin)))
		}
		d.Rows = append(d.Rows, row)
	}
	wide, narrow := lasting(gather(run.Timeline, wideFrame().mostColumns).width), lasting(gather(run.Timeline, narrowFrame().mostColumns).width)
	d.Caption = "Calls of " + wide + " in each column"
	if narrow != wide {
		d.Caption += " on a wide screen, of " + narrow + " on a narrow one"
	}
	d.Caption += "."
	if total.Documents+total.Rejects+total.Refused+total.Failed == 0 {
		return drawing{}, nil
	}
	err := d.both("calls", func(f frame) chart {
		c := gather(run.Timeline, f.mostColumns).padded()
		drawn := chart{title: d.Name, desc: desc, categories: c.timeTicks(zone, f.mostTimeTick), betweenMarks: true, bands: c.bands(run.Outages)}
		highest := 0.0
		for _, bin := range c.bins {
			highest = max(highest, float64(bin.Calls), float64(bin.Documents+bin.Rejects+bin.Refused+bin.Failed))
		}
		drawn.values, drawn.top = valueTicks(highest)
		for _, k := range kinds {
			if k.count(total) > 0 {
				drawn.series = append(drawn.series, c.series(func(b report.Bin) float64 { return float64(k.count(b)) }))
				drawn.colours = append(drawn.colours, k.colour)
			}
		}
		return drawn
	})
	return d, err
}

// drawShare draws the share of the quota used over time.
func drawShare(run pipeline.Report, zone *time.Location) (drawing, error) {
	if run.Quota.Slots == 0 {
		return drawing{}, nil
	}
	d := drawing{
		Name: "Share of the quota used", Head: []string{"from", "slots", "used", "share"},
		Caption: fmt.Sprintf("Calls over the slots that the quota allowed while there was something to ask for: %s of %s slots in all.",
			whole(run.Quota.Used), whole(int64(run.Quota.Slots+0.5))),
	}
	rows := gather(run.Timeline, tableRows)
	for i, bin := range rows.bins {
		d.Rows = append(d.Rows, []string{rows.at(i).In(zone).Format("2 Jan 15:04:05"), fmt.Sprintf("%.0f", bin.Slots), whole(bin.Calls), percent(share(bin))})
	}
	err := d.both("share", func(f frame) chart {
		c := gather(run.Timeline, f.mostColumns).padded()
		return chart{
			title: d.Name, desc: percent(run.Quota.Share) + " of the quota was used in all.", series: [][]float64{c.series(func(b report.Bin) float64 { return 100 * share(b) })},
			colours: []string{"share"}, top: 100, values: []tick{{0, "0"}, {0.25, "25"}, {0.5, "50"}, {0.75, "75"}, {1, "100" + thin + "%"}},
			categories: c.timeTicks(zone, f.mostTimeTick), betweenMarks: true, bands: c.bands(run.Outages),
		}
	})
	return d, err
}

// drawLatency draws how long answers took, on a scale on which each mark is twice the one before.
func drawLatency(run pipeline.Report, _ *time.Location) (drawing, error) {
	l := run.Latency
	if l.Answers == 0 || len(l.Buckets) == 0 {
		return drawing{}, nil
	}
	d := drawing{
		Name: "Latency of the answers", Head: []string{"up to", "answers"},
		Caption: fmt.Sprintf("Half took at most %s, nine in ten %s, 99 in a hundred %s; the longest took %s. Each column ends a fifth later than the one before.",
			lasting(seconds(l.P50)), lasting(seconds(l.P90)), lasting(seconds(l.P99)), lasting(seconds(l.Max))),
	}
	values, highest := []float64{}, 0.0
	for _, bucket := range l.Buckets {
		values = append(values, max(float64(bucket.Answers), 0))
		highest = max(highest, float64(bucket.Answers))
		d.Rows = append(d.Rows, []string{lasting(seconds(bucket.UpTo)), whole(bucket.Answers)})
	}
	for len(values) < fewest {
		values = append(values, 0)
	}
	err := d.both("latency", func(f frame) chart {
		drawn := chart{title: d.Name, desc: d.Caption, series: [][]float64{values}, colours: []string{"latency"}, betweenMarks: true}
		drawn.values, drawn.top = valueTicks(highest)
		every := max(1, (len(l.Buckets)+f.mostTimeTick-1)/f.mostTimeTick)
		for i := every - 1; i < len(l.Buckets); i += every {
			drawn.categories = append(drawn.categories, tick{float64(i+1) / float64(len(values)), lasting(seconds(l.Buckets[i].UpTo))})
		}
		return drawn
	})
	return d, err
}
