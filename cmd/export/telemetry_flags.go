package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"github.com/google/uuid"

	"omega-export/internal/telemetry"
)

// telemetryFlags are how other programs are told of a run. Traces have no flag: OpenTelemetry's variables ask for them.
type telemetryFlags struct {
	MetricsFile  string        `placeholder:"FILE.prom" help:"Write how the run goes there, for the textfile collector of Prometheus's node_exporter: at the begin, every 15 seconds, and at the end."`
	MetricsEvery time.Duration `default:"15s" hidden:"" help:"How often, while the run goes on."`
	ExportName   string        `placeholder:"NAME" help:"Name of this export where a host has several: the label export of the metrics, also in pings and traces. Letters, digits, - and _."`
	PingURL      string        `name:"ping-url" env:"OMEGA_PING_URL" placeholder:"URL" help:"Ping a watchdog such as healthchecks.io: URL/start at the begin, URL once all is done, URL/EXIT-CODE otherwise. https only, or http to this machine."`
}

var exportName = regexp.MustCompile(`^[A-Za-z0-9_-]{0,64}$`)

func (f *telemetryFlags) validate() error {
	switch {
	case !exportName.MatchString(f.ExportName):
		return errors.New("--export-name: at most 64 letters, digits, - and _")
	case f.MetricsEvery < 100*time.Millisecond:
		return errors.New("--metrics-every: at least 100ms")
	}
	return nil
}

// begin opens what was asked for, writes the first metrics and sends the first ping. What cannot work is an error now,
// before any call; later it is a warning only.
func (f *telemetryFlags) begin(ctx context.Context, logging *logFlags, to io.Writer, run telemetry.Snapshot) (*watch, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, fmt.Errorf("naming the run: %w", err)
	}
	logging.run = id.String() // on every line from now on
	run.Export, run.RunID, run.Version, run.StartedAt = f.ExportName, id.String(), version(), time.Now()
	w := &watch{runID: id.String(), log: logging.logger(to), every: f.MetricsEvery, snapshot: run}
	if f.MetricsFile != "" {
		if w.file, err = telemetry.NewMetricsFile(f.MetricsFile); err != nil {
			return nil, &configError{fmt.Errorf("--metrics-file: %w", err)}
		}
		w.snapshot.LastSuccess = w.file.Success()
		if err := w.write(); err != nil {
			return nil, fmt.Errorf("%w: --metrics-file: %w", errReport, err)
		}
	}
	if f.PingURL != "" {
		if w.watchdog, err = telemetry.NewWatchdog(f.PingURL, w.runID, "omega-export/"+version()); err != nil {
			return nil, &configError{fmt.Errorf("--ping-url: %w", err)}
		}
	}
	w.traced, w.tracer, w.endTraces, err = telemetry.Traces(ctx, os.Getenv, telemetry.TraceOptions{
		Service: "omega-export", Version: version(), RunID: w.runID, Export: f.ExportName,
		Failed: func(err error) { w.warn("traces are not sent", err) },
	})
	if err != nil {
		w.warn("no traces", err)
	}
	w.start(ctx)
	return w, nil
}
