package main

import (
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"omega-export/internal/pipeline"
)

// progress is the replay's progress display, and the logger beside it.
func (c *replayCmd) progress(std streams) (pipeline.ReplayProgress, *slog.Logger) {
	log := c.Logging.logger(std.err)
	switch progressKind(c.Progress, std) {
	case "bar":
		bar := &replayBar{to: std.err}
		return bar, c.Logging.logger(bar)
	case "log":
		return &replayLog{log: log, last: time.Now()}, log
	}
	return noReplayProgress{}, log
}

// replayBar draws a bar a stage. Log lines go through its Write, so that they stand above the bar.
type replayBar struct {
	to io.Writer

	mutex sync.Mutex // guards all below
	stage string
	bar   *progressbar.ProgressBar // of the stage; nil before the first and after the last
}

// Replaying moves the bar, or begins the stage's.
func (b *replayBar) Replaying(stage string, done, total int64) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.bar == nil || b.stage != stage {
		b.end()
		b.stage = stage
		b.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(b.to), progressbar.OptionSetWidth(24), progressbar.OptionShowCount(),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString("answers"), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetDescription(stage), progressbar.OptionUseANSICodes(true))
	}
	_ = b.bar.Set64(done)
}

// Finished leaves the bar as it stands.
func (b *replayBar) Finished() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.end()
}

func (b *replayBar) end() {
	if b.bar != nil {
		_ = b.bar.Exit()
		b.bar = nil
		_, _ = io.WriteString(b.to, "\n")
	}
}

// Write writes a log line above the bar.
func (b *replayBar) Write(line []byte) (int, error) {
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

// replayLog logs a line now and then.
type replayLog struct {
	log  *slog.Logger
	last time.Time
}

// replayLogEvery is how often a replay's progress is logged where there is no terminal.
const replayLogEvery = 10 * time.Second

// Replaying logs if it is time to.
func (l *replayLog) Replaying(stage string, done, total int64) {
	if time.Since(l.last) >= replayLogEvery {
		l.last = time.Now()
		l.log.Info(stage, "answers", done, "of", total)
	}
}

// Finished does nothing: the summary follows.
func (*replayLog) Finished() {}

type noReplayProgress struct{}

func (noReplayProgress) Replaying(string, int64, int64) {}
func (noReplayProgress) Finished()                      {}
