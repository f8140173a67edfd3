package simulator

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// alwaysFaulty is a simulator all of whose calls meet that fault.
func alwaysFaulty(t *testing.T, fault Fault) (*Simulator, string) {
	t.Helper()
	simulator := newSimulator(t, Options{Faults: map[Fault]float64{fault: 1}, Gateway: Gateway{Kind: Unlimited, RetryAfter: true}})
	return simulator, goodToken(t, simulator)
}

// overHTTP is a call to that handler over a connection of its own.
func overHTTP(t *testing.T, handler http.Handler, token, numero string) (*http.Response, []byte, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	request := demandeRequest(token, numero)
	request.RequestURI = ""
	request.URL.Scheme, request.URL.Host = "http", server.Listener.Addr().String()
	response, err := server.Client().Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, body, err
}

func TestAFaultNamedAfterAStatusAnswersItAsIfItWereReal(t *testing.T) {
	for _, test := range []struct {
		fault       Fault
		status      int
		contentType string
		text        string
	}{
		{Fault400, 400, "application/json", textIncoherent},
		{Fault401, 401, "application/json", textToken},
		{Fault403, 403, "application/json", textForbidden},
		{Fault404, 404, "application/json", textNotFound},
		{Fault429, 429, "application/json", textQuota},
		{Fault500, 500, "application/json", ""},
		{Fault502, 502, "text/html; charset=utf-8", "<html"},
		{Fault503, 503, "text/html; charset=utf-8", "<html"},
		{Fault504, 504, "text/html; charset=utf-8", "<html"},
		{FaultHTML, 200, "text/html; charset=utf-8", "<html"},
	} {
		simulator, token := alwaysFaulty(t, test.fault)
		answer := ask(simulator, token, "WD000001")
		if answer.Code != test.status || answer.Header().Get("Content-Type") != test.contentType || !strings.Contains(answer.Body.String(), test.text) {
			t.Errorf("%s: got %d %s %s", test.fault, answer.Code, answer.Header(), answer.Body)
		}
		if got := answer.Header().Get("Retry-After"); (got == "1") != (test.status == 429) {
			t.Errorf("%s: Retry-After %q", test.fault, got)
		}
		stats := simulator.Stats()
		if stats.Faults[test.fault] != 1 || stats.Documents != 0 || stats.Refused != 0 || stats.Accepted != 1 {
			t.Errorf("%s: got %+v", test.fault, stats)
		}
	}
}

func TestEvery500IsATextOfTheGuide(t *testing.T) {
	simulator, token := alwaysFaulty(t, Fault500)
	seen := map[string]bool{}
	for range 100 {
		seen[message(t, ask(simulator, token, "WD000001"))] = true
	}
	for text := range seen {
		if !slices.Contains(serverErrorTexts(), text) {
			t.Errorf("%q is not of the guide", text)
		}
	}
	if len(seen) != len(serverErrorTexts()) {
		t.Errorf("%d texts came up, want %d", len(seen), len(serverErrorTexts()))
	}
}

func TestACutGivesNoAnswer(t *testing.T) {
	simulator, token := alwaysFaulty(t, FaultCut)
	response, _, err := overHTTP(t, simulator, token, "WD000001")
	if !errors.Is(err, io.EOF) {
		t.Errorf("got %v, %v, want the end of the connection", response, err)
	}
	if stats := simulator.Stats(); stats.Answers["none"] != 1 || stats.Faults[FaultCut] != 1 {
		t.Errorf("got %+v", stats)
	}
}

func TestATruncatedAnswerIsShorterThanItsLength(t *testing.T) {
	simulator, token := alwaysFaulty(t, FaultTruncated)
	response, body, err := overHTTP(t, simulator, token, "WD000001")
	if !errors.Is(err, io.ErrUnexpectedEOF) || response.StatusCode != http.StatusOK {
		t.Fatalf("got %v, %v, want an unexpected end", response, err)
	}
	whole := strings.Split(twoDocuments, "\n")[0]
	if string(body) != whole[:len(whole)/2] || response.ContentLength != int64(len(whole)) {
		t.Errorf("got %q of %d bytes", body, response.ContentLength)
	}
	if simulator.Stats().Documents != 0 {
		t.Error("half a document counts as one")
	}
}

func TestAWrongNumberIsAWholeDocumentOfAnother(t *testing.T) {
	simulator, token := alwaysFaulty(t, FaultWrongNumber)
	answer := ask(simulator, token, "WD000001")
	if want := strings.Split(twoDocuments, "\n")[1]; answer.Code != http.StatusOK || answer.Body.String() != want {
		t.Errorf("got %d %s, want %s", answer.Code, answer.Body, want)
	}
	if simulator.Given("WD000001") != 0 || simulator.Asked("WD000001") != 1 {
		t.Error("it counts as the number's document")
	}
}

func TestATimeoutHangsForTwoMinutesThenCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		simulator, token := alwaysFaulty(t, FaultTimeout)
		begun := time.Now()
		answer := ask(simulator, token, "WD000001")
		if elapsed := time.Since(begun); answer.Code != 0 || elapsed != 2*time.Minute {
			t.Errorf("got %d after %s", answer.Code, elapsed)
		}
	})
}

func TestASlowAnswerIsRightAndLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		simulator, token := alwaysFaulty(t, FaultSlow)
		begun := time.Now()
		answer := ask(simulator, token, "WD000001")
		if elapsed := time.Since(begun); answer.Code != http.StatusOK || elapsed != slowBy {
			t.Errorf("got %d after %s", answer.Code, elapsed)
		}
		if stats := simulator.Stats(); stats.Documents != 1 || stats.Faults[FaultSlow] != 1 {
			t.Errorf("got %+v", stats)
		}
	})
}

func TestACallThatIsWrongAnywayMeetsNoFault(t *testing.T) {
	simulator, token := alwaysFaulty(t, Fault500)
	request := demandeRequest(token, "WD000001")
	request.Header.Del("x-user-login")
	if answer := send(simulator, request); answer.Code != http.StatusBadRequest {
		t.Errorf("got %d", answer.Code)
	}
}

func TestAnOutageStopsAllThatItSaysAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		simulator := newSimulator(t, Options{Outages: []Outage{
			{From: 10 * time.Second, For: 5 * time.Second},
			{From: 20 * time.Second, For: 5 * time.Second, Tokens: true},
			{From: 30 * time.Second, For: 5 * time.Second, Tokens: true, Cut: true},
		}})
		token := goodToken(t, simulator)
		start := time.Now()
		for _, test := range []struct {
			at           time.Duration
			call, tokens int
		}{
			{0, 200, 200},
			{10*time.Second - 1, 200, 200},
			{10 * time.Second, 503, 200},
			{15*time.Second - 1, 503, 200},
			{15 * time.Second, 200, 200},
			{22 * time.Second, 503, 503},
			{32 * time.Second, 0, 0},
			{35 * time.Second, 200, 200},
		} {
			time.Sleep(time.Until(start.Add(test.at)))
			if got := ask(simulator, token, "WD000001"); got.Code != test.call {
				t.Errorf("call at %s: got %d, want %d", test.at, got.Code, test.call)
			}
			if got := askToken(simulator); got.Code != test.tokens {
				t.Errorf("token at %s: got %d, want %d", test.at, got.Code, test.tokens)
			}
		}
		stats := simulator.Stats()
		if stats.Faults["outage"] != 4 || stats.Accepted != 4 || stats.TokensRefused != 2 || stats.Arrivals != 8 {
			t.Errorf("got %+v", stats)
		}
	})
}

// Who calls into an outage faster than the quota must still space the first call after it.
func TestCallsDuringAnOutageSpendTheQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		simulator := newSimulator(t, Options{Gateway: Gateway{Kind: Gap}, Outages: []Outage{{For: time.Second}}})
		time.Sleep(500 * time.Millisecond)
		ask(simulator, "", "WD000001")
		time.Sleep(700 * time.Millisecond)
		if answer := ask(simulator, "", "WD000001"); answer.Code != http.StatusTooManyRequests {
			t.Errorf("got %d", answer.Code)
		}
	})
}
