package main

import (
	"io"
	"log/slog"
)

// logFlags are how the program logs, on standard error.
type logFlags struct {
	LogFormat string     `default:"text" enum:"text,json" help:"text or json (default: ${default})."`
	LogLevel  slog.Level `default:"info" help:"debug, info, warn or error (default: ${default})."`
}

func (f logFlags) logger(to io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: f.LogLevel}
	if f.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}
