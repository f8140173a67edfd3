package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"omega-export/internal/omega"
	"omega-export/internal/omega/simulator"
)

// closeServer is how long a simulator may take to close.
const closeServer = time.Second

// startSimulator serves a simulator that grants rate calls a second, and points settings at it.
func startSimulator(settings *omega.Settings, rate float64) (stop func(), err error) {
	gateway, err := simulator.ParseGateway("gap", rate)
	if err != nil {
		return nil, &configError{err}
	}
	// At many calls a second this machine's own jitter is as large as the gaps; at the real quota it is far smaller.
	gateway.Tolerance = time.Duration(0.25 / max(rate, 10) * float64(time.Second))
	sim, err := simulator.New(simulator.Options{Gateway: gateway, Latency: 30 * time.Millisecond, LatencyJitter: 40 * time.Millisecond})
	if err != nil {
		return nil, err
	}
	server, err := sim.Start("")
	if err != nil {
		return nil, err
	}
	settings.BaseURL, settings.TokenURL = server.BaseURL, server.TokenURL
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeServer)
		defer cancel()
		_ = server.Close(ctx)
	}, nil
}

// simulateCmd is the flags of `simulate`.
type simulateCmd struct {
	Listen    string        `default:"127.0.0.1:8085" placeholder:"HOST:PORT" help:"Where to listen, on this machine only; port 0 is any free one (default: ${default})."`
	Corpus    string        `placeholder:"FILE" help:"Documents to answer with, one JSON document a line (default: 460 built-in ones)."`
	Gateway   string        `default:"gap" enum:"gap,window,calendar,bucket,none" help:"How the quota is counted: gap, window, calendar, bucket or none (default: ${default})."`
	Rate      float64       `default:"1" help:"Calls a second that the quota grants (default: ${default})."`
	Tolerance time.Duration `help:"How much too early a call may come, with gap and window."`
	Burst     int           `default:"1" help:"Calls that a full bucket holds (default: ${default})."`
	Latency   time.Duration `default:"100ms" help:"How long an answer takes (default: ${default})."`
	Jitter    time.Duration `default:"50ms" help:"Up to this much longer (default: ${default})."`
	Network   time.Duration `name:"network-jitter" help:"How unevenly calls travel to where they are counted: the standard deviation, as 5ms (default: not at all)."`
	Faults    string        `placeholder:"LIST" help:"Shares of the calls that go wrong, as 500=0.05,cut=0.02. Also 400 401 403 404 429 502 503 504 truncated html timeout wrong-number slow."`
	Outage    []string      `sep:"none" placeholder:"FROM+FOR" help:"A time when the API is down, from the start, as 10m+5m. May be repeated."`
	Missing   float64       `help:"Share of the numbers that are not found."`
	TokenLife time.Duration `default:"1h" help:"How long a token is good (default: ${default})."`
	ClientID  string        `env:"OMEGA_SIMULATE_CLIENT_ID" help:"The only client accepted, with the secret in OMEGA_SIMULATE_CLIENT_SECRET (default: any)."`
	CodeCDGF  []string      `name:"code-cdgf" env:"OMEGA_SIMULATE_CODE_CDGF" help:"The only codes accepted (default: any)."`
	Seed      uint64        `help:"What the faults are drawn from."`
	Logging   logFlags      `embed:""`
}

// Help is what `simulate --help` says beyond the flags.
func (*simulateCmd) Help() string {
	return `Serves the API as its guide tells it, with made-up answers, on this machine only. GET /stats tells what arrived.

Examples:
  omega-export simulate --latency 1s
  omega-export simulate --rate 50 --faults 500=0.05,cut=0.05 --outage 30s+10s
  omega-export run --list numeros.txt --base-url http://127.0.0.1:8085/fournisseur --client-id x --code-cdgf A04000000X --user-login moi \
      --token-url http://127.0.0.1:8085/oauth2/us5y2ta2uEHjCWIR417/v1/token`
}

func (c *simulateCmd) options() (simulator.Options, error) {
	gateway, err := simulator.ParseGateway(c.Gateway, c.Rate)
	if err != nil {
		return simulator.Options{}, err
	}
	gateway.Tolerance, gateway.Burst = c.Tolerance, c.Burst
	faults, err := simulator.ParseFaults(c.Faults)
	if err != nil {
		return simulator.Options{}, fmt.Errorf("--faults: %w", err)
	}
	options := simulator.Options{
		Gateway: gateway, Latency: c.Latency, LatencyJitter: c.Jitter, NetworkJitter: c.Network, TokenLife: c.TokenLife, ClientID: c.ClientID, ClientSecret: os.Getenv("OMEGA_SIMULATE_CLIENT_SECRET"),
		CodesCDGF: c.CodeCDGF, Faults: faults, Missing: c.Missing, Seed: c.Seed,
	}
	if c.Corpus != "" {
		if options.Corpus, err = os.ReadFile(c.Corpus); err != nil {
			return simulator.Options{}, fmt.Errorf("--corpus: %w", err)
		}
	}
	for _, text := range c.Outage {
		outage, err := parseOutage(text)
		if err != nil {
			return simulator.Options{}, fmt.Errorf("--outage: %w", err)
		}
		options.Outages = append(options.Outages, outage)
	}
	return options, nil
}

func parseOutage(text string) (simulator.Outage, error) {
	from, lasting, _ := strings.Cut(text, "+")
	begin, err := time.ParseDuration(from)
	if err != nil {
		return simulator.Outage{}, fmt.Errorf("%q is not as 10m+5m: %w", text, err)
	}
	length, err := time.ParseDuration(lasting)
	if err != nil {
		return simulator.Outage{}, fmt.Errorf("%q is not as 10m+5m: %w", text, err)
	}
	return simulator.Outage{From: begin, For: length}, nil
}

// Run serves until a signal comes, then prints what arrived.
func (c *simulateCmd) Run(ctx context.Context, std streams) error {
	options, err := c.options()
	if err != nil {
		return &usageError{err: err}
	}
	options.Log = c.Logging.logger(std.err)
	sim, err := simulator.New(options)
	if err != nil {
		return &usageError{err: err}
	}
	server, err := sim.Start(c.Listen)
	if err != nil {
		return &configError{fmt.Errorf("--listen: %w", err)}
	}
	fmt.Fprintf(std.out, "The simulator serves until it is stopped (Ctrl-C). For run:\n  --base-url %s\n  --token-url %s\n", server.BaseURL, server.TokenURL)
	<-ctx.Done()
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeServer)
	defer cancel()
	_ = server.Close(closing) // calls that had to be cut are no failure of the command
	return printJSON(std.out, sim.Stats())
}
