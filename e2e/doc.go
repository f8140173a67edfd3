// Package e2e tests the built program as its user runs it: the real binary, the simulator over loopback, kill -9, and
// DuckDB reading what was written. It is a module of its own so that DuckDB stays out of the program's go.mod.
package e2e
