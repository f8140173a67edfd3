// Package page draws a run report as one HTML page that a tired person understands at a glance: what happened, what to do,
// and the night on a time line.
//
// The page stands alone: it asks the network for nothing, has no script, is readable on a phone, on paper and in the dark,
// and forbids itself everything else by its Content-Security-Policy. All text of the report is escaped. It holds numbers of
// demandes, and nothing of their answers.
//
// It knows the report and nothing of the command line: whoever calls it says what the exit code means.
package page
