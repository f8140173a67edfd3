package telemetry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

const (
	// traceExport is how long one export may take, and traceEnd how long the end of the run waits for the last one.
	traceExport = 10 * time.Second
	traceEnd    = 3 * time.Second
)

// TraceOptions is what the traces tell of the program.
type TraceOptions struct {
	Service string // service.name, unless OTEL_SERVICE_NAME says another
	Version string
	RunID   string
	Export  string // name of the export; "" for none
	// Failed is told of the first export that fails, from another goroutine. The others are only dropped.
	Failed func(error)
}

// Traces gives the tracer that the usual variables of OpenTelemetry ask for, and the context of the trace that
// TRACEPARENT names, if one does. end sends what is left, for three seconds at most. Where no variable asks for traces, the
// tracer does nothing, and neither goroutine nor connection is made.
//
// The error says that the variables ask for what is not there, or cannot be understood; the tracer works nevertheless, and
// does nothing.
func Traces(ctx context.Context, getenv func(string) string, options TraceOptions) (context.Context, trace.Tracer, func(), error) {
	nothing := noop.NewTracerProvider().Tracer("")
	asked, err := tracesAsked(getenv)
	if err != nil || !asked {
		return ctx, nothing, func() {}, err
	}
	sender, err := otlptracehttp.New(ctx, otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
		Enabled: true, InitialInterval: time.Second, MaxInterval: 5 * time.Second, MaxElapsedTime: 30 * time.Second,
	}))
	if err != nil {
		return ctx, nothing, func() {}, fmt.Errorf("OTEL_EXPORTER_OTLP_…: traces cannot be sent: %w", wordless(err))
	}
	own := []attribute.KeyValue{
		attribute.String("service.name", options.Service), attribute.String("service.version", options.Version),
		attribute.String("service.instance.id", options.RunID),
	}
	if options.Export != "" {
		own = append(own, attribute.String("omega.export", options.Export))
	}
	about, err := resource.New(ctx, resource.WithAttributes(own...), resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return ctx, nothing, func() {}, errors.New("OTEL_RESOURCE_ATTRIBUTES: wants KEY=VALUE,…")
	}
	sending := &quiet{SpanExporter: sender, failed: options.Failed}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithResource(about),
		sdktrace.WithBatcher(sending, sdktrace.WithExportTimeout(traceExport)),
	)
	end := func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), traceEnd)
		defer cancel()
		if err := provider.Shutdown(ending); err != nil {
			sending.tell(err)
		}
	}
	carrier := propagation.MapCarrier{"traceparent": getenv("TRACEPARENT"), "tracestate": getenv("TRACESTATE")}
	return propagation.TraceContext{}.Extract(ctx, carrier), provider.Tracer("omega-export", trace.WithInstrumentationVersion(options.Version)), end, nil
}

// tracesAsked says whether the environment asks for traces.
func tracesAsked(getenv func(string) string) (bool, error) {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	exporter := getenv("OTEL_TRACES_EXPORTER")
	endpoint := getenv("OTEL_EXPORTER_OTLP_ENDPOINT") + getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	switch exporter {
	case "none":
		return false, nil
	case "":
		if endpoint == "" {
			return false, nil
		}
	case "otlp":
	default:
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER=%s: only otlp and none are there", exporter)
	}
	protocol := getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	if protocol == "" {
		protocol = getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	if protocol != "" && protocol != "http/protobuf" {
		return false, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL=%s: only http/protobuf is there", protocol)
	}
	return true, nil
}

// quiet tells of the first failure to the run's own log. The SDK would tell of each to a log of its own, with the
// collector's address, which may hold a password.
type quiet struct {
	sdktrace.SpanExporter
	failed func(error)
	told   atomic.Bool
}

// ExportSpans never fails.
func (q *quiet) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := q.SpanExporter.ExportSpans(ctx, spans); err != nil {
		q.tell(err)
	}
	return nil
}

func (q *quiet) tell(err error) {
	if !q.told.Swap(true) && q.failed != nil {
		q.failed(fmt.Errorf("sending traces: %w", wordless(err)))
	}
}
