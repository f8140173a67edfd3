package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOverhead measures what a run costs with report, metrics, traces and pings against one without, in pairs that take
// turns at being first: OMEGA_E2E_OVERHEAD is how many. The metrics are written 15 times as often as a run does.
// The simulator is a process of its own and not charged.
func TestOverhead(t *testing.T) {
	pairs, _ := strconv.Atoi(os.Getenv("OMEGA_E2E_OVERHEAD"))
	if pairs == 0 {
		t.Skip("OMEGA_E2E_OVERHEAD is not set")
	}
	const numbers = 20_000
	var list strings.Builder
	for i := range numbers {
		fmt.Fprintf(&list, "N%06d\n", i)
	}
	path := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(path, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	watcher := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer watcher.Close()
	p := served(t, "--gateway", "none", "--latency", "5ms")

	var cpu, memory, took []float64
	for pair := range pairs {
		var with, without cost
		for turn := range 2 {
			told := (pair+turn)%2 == 0
			measured := p.measured(told, path, watcher.URL)
			if told {
				with = measured
			} else {
				without = measured
			}
		}
		cpu = append(cpu, with.cpu/without.cpu-1)
		memory = append(memory, with.memory/without.memory-1)
		took = append(took, with.took/without.took-1)
		t.Logf("pair %d: with %s, without %s", pair+1, with, without)
	}
	t.Logf("median of %d pairs of %d numbers: core-seconds %+.1f %%, most memory %+.1f %%, time %+.1f %%", pairs, numbers, 100*middle(cpu), 100*middle(memory), 100*middle(took))
}

// cost is what one run took.
type cost struct{ cpu, memory, took float64 } // core-seconds, MiB at most, seconds

func (c cost) String() string {
	return fmt.Sprintf("%.2f core-seconds, %.0f MiB, %.1f s", c.cpu, c.memory, c.took)
}

// measured is the cost of one run of the list into a place of its own.
func (p *place) measured(told bool, list, watcher string) cost {
	p.t.Helper()
	folder := p.t.TempDir()
	defer os.RemoveAll(folder)
	p.out, p.state = filepath.Join(folder, "out"), filepath.Join(folder, "state")
	flags := []string{"--list", list, "--rate", "2000", "--max-in-flight", "100"}
	if told {
		flags = append(flags, "--report", folder+"/report.json", "--metrics-file", folder+"/m.prom", "--metrics-every", "1s", "--ping-url", watcher+"/ping")
	}
	command := p.command(flags...)
	if told {
		command.Env = append(command.Env, "OTEL_EXPORTER_OTLP_ENDPOINT="+watcher)
	}
	begun := time.Now()
	if text, err := command.CombinedOutput(); err != nil {
		p.t.Fatalf("%v\n%s", err, text)
	}
	took := time.Since(begun).Seconds()
	usage := command.ProcessState.SysUsage().(*syscall.Rusage)
	return cost{
		cpu:    (command.ProcessState.UserTime() + command.ProcessState.SystemTime()).Seconds(),
		memory: float64(usage.Maxrss) / 1024, took: took,
	}
}

func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}
