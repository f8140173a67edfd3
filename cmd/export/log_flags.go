package main

import (
	"io"
	"log/slog"
)

// logFlags are how the program logs, on standard error.
type logFlags struct {
	LogFormat string     `default:"text" enum:"text,json" help:"text or json (default: ${default})."`
	LogLevel  slog.Level `default:"info" help:"debug, info, warn or error (default: ${default})."`

	run string // the run's id, which every line tells; "" for none
}

func (f logFlags) logger(to io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: f.LogLevel}
	log := slog.New(slog.NewTextHandler(to, options))
	if f.LogFormat == "json" {
		log = slog.New(slog.NewJSONHandler(to, options))
	}
	if f.run != "" {
		log = log.With("run", f.run)
	}
	return log
}
