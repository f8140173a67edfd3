package pipeline

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// traceEvery is how often a supplier's span notes its counts. One span a call would be a hundred thousand; the SDK keeps
// 128 events a span, which is a day and a half.
const traceEvery = 15 * time.Minute

// complete fills in what nobody asked for.
func (r Rooms) complete() Rooms {
	if r.Watcher == nil {
		r.Watcher = unwatched{}
	}
	if r.Tracer == nil {
		r.Tracer = noop.NewTracerProvider().Tracer("")
	}
	return r
}

// span begins a stage of the run. end gives its outcome in a word: an error's text may name a demande.
func (r Rooms) span(ctx context.Context, name string, attributes ...attribute.KeyValue) (_ context.Context, end func(error)) {
	ctx, span := r.Tracer.Start(ctx, name, trace.WithAttributes(attributes...))
	return ctx, func(err error) {
		if err != nil && !errors.Is(err, ErrStopped) {
			span.SetStatus(codes.Error, failure(err))
		}
		span.SetAttributes(attribute.String("omega.outcome", outcome(err)))
		span.End()
	}
}

// failure is what failed, in words that hold nothing of the data.
func failure(err error) string {
	for _, known := range []error{ErrRefused, ErrOutage, ErrPublish, ErrState} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "failed"
}

// traceNow puts the lanes' counts on their spans, now and then.
func (r *recorder) traceNow() {
	now := time.Now()
	if now.Sub(r.noted) < traceEvery {
		return
	}
	if !r.noted.IsZero() {
		for _, l := range r.lanes {
			l.span.AddEvent("counts", trace.WithAttributes(l.traced()...))
		}
	}
	r.noted = now
}

// traced is the lane's counts as attributes. It belongs to the recorder's goroutine, and to fetch once that has ended.
func (l *lane) traced() []attribute.KeyValue {
	attributes := []attribute.KeyValue{
		attribute.Int64("omega.calls", l.counts.Calls), attribute.Int64("omega.settled", l.standing.settled),
		attribute.Float64("omega.quota_used", l.counts.QuotaUsed),
	}
	for kind, calls := range l.standing.answers {
		attributes = append(attributes, attribute.Int64("omega.answers."+kind, calls))
	}
	return attributes
}

// traced is the report's counts as attributes of the run's span.
func (r *Report) traced() []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.Int64("omega.run", r.Run), attribute.String("omega.mode", r.Mode), attribute.String("omega.refresh", r.Refresh),
		attribute.Int64("omega.due", r.Due), attribute.Int64("omega.calls", r.Counts.Calls), attribute.Int64("omega.documents", r.Counts.Documents),
		attribute.Int64("omega.unchanged", r.Counts.Unchanged), attribute.Int64("omega.rejects", r.Counts.Rejects),
		attribute.Int64("omega.retries", r.Counts.Retries), attribute.Int64("omega.refused", r.Counts.Refused),
		attribute.Int("omega.lots_published", len(r.Lots)), attribute.Int("omega.lots_waiting", r.Waiting), attribute.Int("omega.exit_code", r.ExitCode),
	}
}
