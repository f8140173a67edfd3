package simulator

import (
	"bytes"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheZeroOptionsServeTheEmbeddedCorpusUnderTheGuidesQuota(t *testing.T) {
	simulator, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	numbers := simulator.Numbers()
	if len(numbers) != 460 || numbers[0] != "WD00APSW" {
		t.Fatalf("%d numbers, the first %q", len(numbers), numbers[0])
	}
	token := goodToken(t, simulator)
	first, second := ask(simulator, token, numbers[7]), ask(simulator, token, numbers[8])
	if first.Code != http.StatusOK || !strings.Contains(first.Body.String(), numbers[7]) || second.Code != http.StatusTooManyRequests {
		t.Errorf("got %d and %d", first.Code, second.Code)
	}
}

func TestABadOptionIsAnErrorThatNamesIt(t *testing.T) {
	for _, test := range []struct {
		options Options
		names   string
	}{
		{Options{Corpus: []byte{}}, "corpus"},
		{Options{Gateway: Gateway{Kind: "x"}}, "gateway kind"},
		{Options{Latency: -1}, "latency -1ns"},
		{Options{LatencyJitter: -1}, "latency jitter"},
		{Options{NetworkJitter: -1}, "network jitter"},
		{Options{NetworkJitter: time.Second + 1}, "network jitter"},
		{Options{TokenLife: -1}, "token life"},
		{Options{Missing: 1.5}, "missing 1.5"},
		{Options{Missing: math.NaN()}, "missing NaN"},
		{Options{Faults: map[Fault]float64{"x": 0.1}}, `fault "x"`},
		{Options{Outages: []Outage{{}, {For: -1}}}, "outage 2"},
	} {
		simulator, err := New(test.options)
		if err == nil || simulator != nil || !strings.Contains(err.Error(), test.names) {
			t.Errorf("got %v, want an error that names %q", err, test.names)
		}
	}
}

func TestOptionsChangedAfterwardsChangeNothing(t *testing.T) {
	options := Options{CodesCDGF: []string{code}, Faults: map[Fault]float64{}, Outages: []Outage{{From: time.Hour, For: time.Hour}}}
	simulator := newSimulator(t, options)
	options.CodesCDGF[0], options.Faults[Fault500], options.Outages[0].From = "x", 1, 0
	if answer := ask(simulator, goodToken(t, simulator), "WD000001"); answer.Code != http.StatusOK {
		t.Errorf("got %d", answer.Code)
	}
}

func TestTheClockOfTheOptionsRulesQuotaAndTokens(t *testing.T) {
	now := second()
	simulator := newSimulator(t, Options{Gateway: Gateway{Kind: Gap}, Now: func() time.Time { return now }})
	token := goodToken(t, simulator)
	var codes []int
	for _, step := range []time.Duration{0, 0, time.Second, time.Hour} {
		now = now.Add(step)
		codes = append(codes, ask(simulator, token, "WD000001").Code)
	}
	if want := []int{200, 429, 200, 401}; !slices.Equal(codes, want) {
		t.Errorf("got %v, want %v", codes, want)
	}
}

func TestTheLogTellsOfCallsWithoutTokenSecretOrDocument(t *testing.T) {
	var text bytes.Buffer
	simulator := newSimulator(t, Options{
		Log:      slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})),
		ClientID: "someone", ClientSecret: "something", Scope: "suivi_demande",
	})
	token := goodToken(t, simulator)
	askToken(simulator, "client_secret=otherthing")
	askToken(simulator, "scope=other")
	ask(simulator, token, "WD000001")
	ask(simulator, "bad"+token, "WD000002")
	log := text.String()
	for _, told := range []string{"numero_demande=WD000001", "status=200", "numero_demande=WD000002", "status=401", "invalid_client", "invalid_scope"} {
		if !strings.Contains(log, told) {
			t.Errorf("the log does not tell of %s:\n%s", told, log)
		}
	}
	for _, secret := range []string{token, "something", "otherthing", "someone", "type_demande"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log tells %q:\n%s", secret, log)
		}
	}
}
