// Package telemetry tells other programs how a run goes: a file of metrics for Prometheus, traces for OpenTelemetry, and
// pings for a watchdog.
//
// What it promises: it never changes how a run ends, and delays its end by a few seconds at most, whatever becomes of the
// collector or the watchdog. What it sends holds counts, names of tables and codes of suppliers; no number of a demande,
// nothing of an answer, no secret. Where it is not asked for, it starts nothing.
//
// It knows nothing of ledgers, outputs or pipelines: what it tells it is given as plain values.
package telemetry
