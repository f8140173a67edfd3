package telemetry

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Summary is a few lines for a person who reads a watchdog's message: counts only, since the watchdog is often another
// company's.
func Summary(s Snapshot) string {
	var text strings.Builder
	if s.Export != "" {
		fmt.Fprintf(&text, "export: %s\n", s.Export)
	}
	outcome := s.Outcome
	if s.Simulated {
		outcome += " (SIMULATION)"
	}
	fmt.Fprintf(&text, "outcome: %s, exit %d, after %s\n", outcome, s.ExitCode, s.EndedAt.Sub(s.StartedAt).Round(time.Second))
	calls, refused, left := int64(0), int64(0), int64(0)
	for _, supplier := range s.Suppliers {
		for kind, number := range supplier.Answers {
			calls += number
			if kind == "too_many" {
				refused += number
			}
		}
		left += supplier.Left
	}
	fmt.Fprintf(&text, "due: %d, left: %d\n", s.Due, left)
	fmt.Fprintf(&text, "calls: %d, refused for coming too early: %d, retries: %d\n", calls, refused, s.Retries)
	fmt.Fprintf(&text, "documents: %d (%d unchanged)\n", s.Documents, s.Unchanged)
	var rejects []string
	for _, motif := range slices.Sorted(maps.Keys(bounded(s.Rejects))) {
		rejects = append(rejects, fmt.Sprintf("%s %d", motif, s.Rejects[motif]))
	}
	fmt.Fprintf(&text, "rejects: %s\n", strings.Join(append(rejects, "")[:max(len(rejects), 1)], ", "))
	fmt.Fprintf(&text, "lots: %d published, %d waiting\nrun: %s, omega-export %s\n", s.Published, s.Stored.LotsWaiting, s.RunID, s.Version)
	return text.String()
}
