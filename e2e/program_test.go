package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// binary is the program under test, built once by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	if os.Getenv("OMEGA_E2E_READ_JSON") != "" {
		return m.Run() // DuckDB's side of a measurement, which must not be charged with the build
	}
	folder, err := os.MkdirTemp("", "omega-export-e2e-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	binary = filepath.Join(folder, "omega-export")
	build := exec.Command("go", "build", "-o", binary, "./cmd/export")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, text)
		return 1
	}
	return m.Run()
}

const corpus = "../testdata/demandes.ndjson"

// place is a run's folders and the API that it calls.
type place struct {
	t                 *testing.T
	out, state        string
	baseURL, tokenURL string
}

// served starts the program's simulator as a process of its own and gives a place that calls it.
func served(t *testing.T, flags ...string) *place {
	t.Helper()
	command := exec.Command(binary, append([]string{"simulate", "--listen", "127.0.0.1:0", "--log-level", "error"}, flags...)...)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	p := &place{t: t, out: filepath.Join(t.TempDir(), "out"), state: filepath.Join(t.TempDir(), "state")}
	var text []byte
	buffer := make([]byte, 4096)
	for p.tokenURL == "" {
		count, err := output.Read(buffer)
		if err != nil {
			t.Fatalf("the simulator ended: %v: %s", err, text)
		}
		text = append(text, buffer[:count]...)
		p.baseURL = firstGroup(`--base-url (\S+)\n`, text)
		p.tokenURL = firstGroup(`--token-url (\S+)\n`, text)
	}
	return p
}

func firstGroup(pattern string, text []byte) string {
	if found := regexp.MustCompile(pattern).FindSubmatch(text); found != nil {
		return string(found[1])
	}
	return ""
}

// command is `run` with credentials, against the place's API.
func (p *place) command(flags ...string) *exec.Cmd {
	command := exec.Command(binary, append([]string{
		"run", "--base-url", p.baseURL, "--token-url", p.tokenURL, "--client-id", "client", "--code-cdgf", "A04000000X", "--user-login", "e2e",
		"--out", p.out, "--state", p.state, "--progress", "none",
	}, flags...)...)
	command.Env = append(os.Environ(), "OMEGA_CLIENT_SECRET=s3cret-canary")
	return command
}

// run runs to the end, which must come with that exit code.
func (p *place) run(code int, flags ...string) (stdout, stderr string) {
	p.t.Helper()
	var outText, errText bytes.Buffer
	command := p.command(flags...)
	command.Stdout, command.Stderr = &outText, &errText
	if got := exitOf(p.t, command.Run()); got != code {
		p.t.Fatalf("run exits %d, want %d\n%s%s", got, code, outText.String(), errText.String())
	}
	if all := outText.String() + errText.String(); strings.Contains(all, "s3cret-canary") {
		p.t.Errorf("the secret is told: %s", all)
	}
	return outText.String(), errText.String()
}

func exitOf(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0
}

// verify runs `verify`, which must find nothing.
func (p *place) verify() {
	p.t.Helper()
	if text, err := exec.Command(binary, "verify", "--out", p.out).CombinedOutput(); err != nil {
		p.t.Errorf("verify: %v\n%s", err, text)
	}
}

// simulatorStats is what of /stats the tests look at.
type simulatorStats struct {
	Arrivals  int64 `json:"arrivals"`
	Refused   int64 `json:"refused"`
	Documents int64 `json:"documents"`
	Distinct  int64 `json:"distinct_numbers"`
}

func (p *place) stats() (stats simulatorStats) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(p.baseURL, "/fournisseur")+"/stats", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&stats); err != nil {
		p.t.Fatal(err)
	}
	return stats
}
