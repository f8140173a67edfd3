package page

import (
	"bytes"
	"fmt"
	"html/template"
	"strings"

	"github.com/go-analyze/charts"
)

// frame is a chart's size and the room that its axes take, in the units of its viewBox.
type frame struct {
	width, height             int
	left, top, right, bottom  int
	fontSize                  float64 // in points: the library makes 4/3 units of each
	mostColumns, mostTimeTick int
}

// Each chart is drawn twice, since text that is readable on a wide screen is not once shrunk to a phone's.
func wideFrame() frame {
	return frame{width: 960, height: 220, left: 52, top: 14, right: 12, bottom: 26, fontSize: 9, mostColumns: 96, mostTimeTick: 9}
}

func narrowFrame() frame {
	return frame{width: 340, height: 190, left: 42, top: 12, right: 10, bottom: 24, fontSize: 8.25, mostColumns: 48, mostTimeTick: 4}
}

// chart is stacked columns. The colours are names of the page's CSS variables, one a series.
type chart struct {
	title, desc  string
	series       [][]float64
	colours      []string
	top          float64 // the value at the upper edge
	values       []tick
	categories   []tick
	bands        []band // behind the columns
	betweenMarks bool   // the categories are marked at their edges, as times are
}

// band is a stretch of the chart that is shaded, from 0 to 1.
type band struct{ from, to float64 }

// ink, grid and down are the colours of text and lines. The library draws in colours of its own; each is then replaced by a CSS
// variable, so that a page in the dark has others.
const (
	inkColour  = "ink"
	gridColour = "grid"
	downColour = "down"
)

// standIn is the colour that the library draws a CSS variable's with.
func standIn(number int) charts.Color {
	return charts.Color{R: 1, G: 2, B: uint8(10 + number), A: 255}
}

// svg draws the chart with the library: its bars as the library lays them out, its axes with the library's painter, since
// the library marks no round hours.
func (c chart) svg(f frame, id string) (template.HTML, error) {
	colours := append([]string{inkColour, gridColour, downColour}, c.colours...)
	seriesColours := make([]charts.Color, len(c.colours))
	for i := range c.colours {
		seriesColours[i] = standIn(3 + i)
	}
	painter := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: f.width, Height: f.height})
	c.axes(painter, f)
	if err := c.bars(painter, f, seriesColours); err != nil {
		return "", fmt.Errorf("drawing the chart %q: %w", c.title, err)
	}
	drawn, err := painter.Bytes()
	if err != nil {
		return "", fmt.Errorf("drawing the chart %q: %w", c.title, err)
	}
	return c.dress(drawn, colours, id), nil
}

func (c chart) bars(painter *charts.Painter, f frame, colours []charts.Color) error {
	bottom := 0.0
	option := charts.NewBarChartOptionWithData(c.series)
	option.StackSeries = charts.Ptr(true)
	option.Padding = charts.NewBox(f.left, f.top, f.right, f.bottom)
	option.Theme = charts.MakeTheme(charts.ThemeOption{BackgroundColor: charts.ColorTransparent, SeriesColors: colours})
	option.BarSize = 1
	option.BarMargin = charts.Ptr(0.0)
	option.CategoryAxis = charts.CategoryAxisOption{Show: charts.Ptr(false), Labels: make([]string, len(c.series[0]))}
	option.ValueAxis = []charts.ValueAxisOption{{Show: charts.Ptr(false), Min: &bottom, Max: &c.top, SplitLineShow: charts.Ptr(false)}}
	option.Legend = charts.LegendOption{Show: charts.Ptr(false)}
	return painter.BarChart(option)
}

// axes draws the value lines, and the marks below.
func (c chart) axes(painter *charts.Painter, f frame) {
	ink, grid := standIn(0), standIn(1)
	font := charts.FontStyle{FontSize: f.fontSize, FontColor: ink}
	plotWidth, plotHeight := f.width-f.left-f.right, f.height-f.top-f.bottom
	for _, shaded := range c.bands {
		from, to := f.left+int(shaded.from*float64(plotWidth)), f.left+int(shaded.to*float64(plotWidth))
		painter.FilledRect(from, f.top, max(to, from+1), f.top+plotHeight, standIn(2), charts.ColorTransparent, 0)
	}
	for _, mark := range c.values {
		y := f.top + plotHeight - int(mark.at*float64(plotHeight))
		painter.LineStroke([]charts.Point{{X: f.left, Y: y}, {X: f.width - f.right, Y: y}}, grid, 1)
		label := painter.MeasureText(mark.label, 0, font)
		painter.Text(mark.label, f.left-6-label.Width(), y+label.Height()/2-1, 0, font)
	}
	base := f.top + plotHeight
	for _, mark := range c.categories {
		x := f.left + int(mark.at*float64(plotWidth))
		if c.betweenMarks {
			painter.LineStroke([]charts.Point{{X: x, Y: base}, {X: x, Y: base + 4}}, ink, 1)
		}
		label := painter.MeasureText(mark.label, 0, font)
		left := min(max(x-label.Width()/2, 0), f.width-label.Width()-2)
		painter.Text(mark.label, left, base+8+label.Height(), 0, font)
	}
}

// dress makes the library's SVG one of the page: it may be read aloud, it takes the page's colours and font. Nothing in it
// comes from the report but numbers and times.
func (c chart) dress(drawn []byte, colours []string, id string) template.HTML {
	body := string(bytes.TrimSpace(drawn))
	if end := strings.Index(body, ">"); end > 0 {
		head := strings.Replace(body[:end], "<svg ", fmt.Sprintf(`<svg class="%s" role="img" aria-labelledby="%s-title %s-desc" `, "chart", id, id), 1)
		body = fmt.Sprintf(`%s><title id="%s-title">%s</title><desc id="%s-desc">%s</desc>%s`,
			head, id, template.HTMLEscapeString(c.title), id, template.HTMLEscapeString(c.desc), body[end+1:])
	}
	pairs := []string{`font-family:'Roboto Medium',sans-serif`, `font-family:inherit`}
	for i, name := range colours {
		stand := standIn(i)
		pairs = append(pairs, fmt.Sprintf("rgb(%d,%d,%d)", stand.R, stand.G, stand.B), "var(--"+name+")")
	}
	// What is text in it was escaped above, or by the library.
	return template.HTML(strings.NewReplacer(pairs...).Replace(body))
}
