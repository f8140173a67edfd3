package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"omega-export/internal/pipeline"
)

// logEvery is how often the progress is logged where there is no terminal.
const logEvery = time.Minute

// progress is the run's progress display, for quotas of so many suppliers together, and the logger beside it.
func (c *runCmd) progress(std streams, suppliers int) (pipeline.Progress, *slog.Logger) {
	switch progressKind(c.Progress, std) {
	case "bar":
		bar := &barProgress{to: std.err, rate: c.Rate * float64(suppliers)}
		return bar, c.Logging.logger(bar)
	case "log":
		log := c.Logging.logger(std.err)
		return &logProgress{pace: pace{rate: c.Rate * float64(suppliers)}, log: log}, log
	}
	return noProgress{}, c.Logging.logger(std.err)
}

// progressKind is what --progress asks for: bar, log or none. auto is a bar where a person looks.
func progressKind(flag string, std streams) string {
	switch {
	case flag != "auto":
		return flag
	case isTerminal(std.err):
		return "bar"
	}
	return "log"
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// pace is what both displays tell of a run's speed.
type pace struct {
	rate  float64 // calls a second, the quota
	due   int64
	begun time.Time
}

func (p *pace) planned(due int64) { p.due, p.begun = due, time.Now() }

// speed is the calls a second so far, and which share of the quota that is.
func (p *pace) speed(counts pipeline.Counts) (perSecond, share float64) {
	perSecond = float64(counts.Calls) / max(time.Since(p.begun).Seconds(), 1/p.rate)
	return perSecond, perSecond / p.rate
}

// left is how long the rest takes at the quota.
func (p *pace) left(counts pipeline.Counts) time.Duration {
	return time.Duration(float64(p.due-counts.Settled) / p.rate * float64(time.Second)).Round(time.Second)
}

// barProgress draws a bar. Log lines go through its Write, so that they stand above the bar.
type barProgress struct {
	to   io.Writer
	rate float64

	mutex sync.Mutex // guards all below
	pace  pace
	bar   *progressbar.ProgressBar // nil before Planned and after Finished
}

// Planned begins the bar.
func (b *barProgress) Planned(due int64) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.pace = pace{rate: b.rate}
	b.pace.planned(due)
	b.bar = progressbar.NewOptions64(due, progressbar.OptionSetWriter(b.to), progressbar.OptionSetWidth(24), progressbar.OptionShowCount(),
		progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetDescription("demandes"), progressbar.OptionUseANSICodes(true))
}

// Advanced moves the bar.
func (b *barProgress) Advanced(counts pipeline.Counts) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	perSecond, share := b.pace.speed(counts)
	b.bar.Describe(fmt.Sprintf("%.2f calls/s, %.0f%% of the quota, %d rejects, %s left", perSecond, 100*share, counts.Rejects, b.pace.left(counts)))
	_ = b.bar.Set64(counts.Settled)
}

// Finished leaves the bar as it stands.
func (b *barProgress) Finished() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	_ = b.bar.Exit()
	b.bar = nil
	fmt.Fprintln(b.to)
}

// Write writes a log line above the bar.
func (b *barProgress) Write(line []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.bar == nil {
		return b.to.Write(line)
	}
	_ = b.bar.Clear()
	written, err := b.to.Write(line)
	_ = b.bar.RenderBlank()
	return written, err
}

// logProgress logs a line now and then.
type logProgress struct {
	pace pace
	log  *slog.Logger
	last time.Time
}

// Planned notes how much there is.
func (l *logProgress) Planned(due int64) {
	l.pace.planned(due)
	l.last = time.Now()
}

// Advanced logs if it is time to.
func (l *logProgress) Advanced(counts pipeline.Counts) {
	if time.Since(l.last) < logEvery {
		return
	}
	l.last = time.Now()
	perSecond, share := l.pace.speed(counts)
	l.log.Info("progress", "done", counts.Settled, "due", l.pace.due, "calls", counts.Calls, "calls_per_second", round(perSecond), "quota_used", round(share),
		"rejects", counts.Rejects, "retries", counts.Retries, "refused", counts.Refused, "left", l.pace.left(counts).String())
}

// Finished does nothing: the summary follows.
func (*logProgress) Finished() {}

func round(x float64) float64 { return float64(int64(x*1000+0.5)) / 1000 }

type noProgress struct{}

func (noProgress) Planned(int64)            {}
func (noProgress) Advanced(pipeline.Counts) {}
func (noProgress) Finished()                {}
