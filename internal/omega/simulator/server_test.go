package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T, simulator *Simulator, addr string) *Server {
	t.Helper()
	server, err := simulator.Start(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return server
}

// client keeps no connection, so that none is left when the server closes.
func client(t *testing.T) *http.Client {
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := client(t).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestAServerIsReachedUnderTheAddressesThatItGives(t *testing.T) {
	for _, addr := range []string{"", "127.0.0.1:0", "localhost:0"} {
		simulator := newSimulator(t, Options{})
		server := start(t, simulator, addr)
		response, err := client(t).PostForm(server.TokenURL, map[string][]string{
			"grant_type": {"client_credentials"}, "client_id": {"a"}, "client_secret": {"b"},
		})
		if err != nil {
			t.Fatal(err)
		}
		var token tokenAnswer
		err = json.NewDecoder(response.Body).Decode(&token)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		request := demandeRequest(token.AccessToken, "WD000001")
		call, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.BaseURL+strings.TrimPrefix(request.URL.String(), BasePath), nil)
		if err != nil {
			t.Fatal(err)
		}
		call.Header = request.Header
		answer, err := client(t).Do(call)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%q: got %d", addr, answer.StatusCode)
		}
	}
}

func TestAnAddressThatOthersCanReachIsRefused(t *testing.T) {
	simulator := newSimulator(t, Options{})
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.org:0", "localhost.example.org:0"} {
		if server, err := simulator.Start(addr); !errors.Is(err, ErrNotLoopback) || server != nil {
			t.Errorf("%q: got %v", addr, err)
		}
	}
	if _, err := simulator.Start("127.0.0.1"); err == nil {
		t.Error("an address without port was taken")
	}
}

func TestAPortThatIsTakenIsAnErrorThatNamesTheAddress(t *testing.T) {
	simulator := newSimulator(t, Options{})
	addr := strings.TrimSuffix(strings.TrimPrefix(start(t, simulator, "").BaseURL, "http://"), BasePath)
	if _, err := simulator.Start(addr); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("got %v", err)
	}
}

func TestClosingEndsTheCallsThatHang(t *testing.T) {
	simulator := newSimulator(t, Options{Faults: map[Fault]float64{FaultTimeout: 1}})
	server, err := simulator.Start("")
	if err != nil {
		t.Fatal(err)
	}
	request := demandeRequest(goodToken(t, simulator), "WD000001")
	call, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.BaseURL+strings.TrimPrefix(request.URL.String(), BasePath), nil)
	if err != nil {
		t.Fatal(err)
	}
	call.Header = request.Header
	ended := make(chan error, 1)
	go func() {
		response, err := client(t).Do(call)
		if err == nil {
			response.Body.Close()
		}
		ended <- err
	}()
	for simulator.Asked("WD000001") == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := server.Close(ctx); err != nil {
		t.Errorf("closing: %v", err)
	}
	if err := <-ended; err == nil {
		t.Error("the call that hung got an answer")
	}
	if err := server.Close(ctx); err != nil {
		t.Errorf("closing again: %v", err)
	}
	if _, err := client(t).Get(server.BaseURL); err == nil {
		t.Error("it still listens")
	}
}

func TestThePagesTellAddressesAndCounts(t *testing.T) {
	simulator := newSimulator(t, Options{})
	server := start(t, simulator, "")
	origin := strings.TrimSuffix(server.BaseURL, BasePath)
	ask(simulator, "", "WD000001")

	status, help := get(t, origin+"/")
	for _, told := range []string{"--base-url " + server.BaseURL, "--token-url " + server.TokenURL, "WD000001"} {
		if status != http.StatusOK || !strings.Contains(help, told) {
			t.Errorf("the help (%d) does not tell of %s:\n%s", status, told, help)
		}
	}
	if strings.ContainsAny(help, "{}") && !strings.Contains(help, "{numero_demande}") {
		t.Errorf("the help has a hole:\n%s", help)
	}
	var stats Stats
	if status, text := get(t, origin+"/stats"); status != http.StatusOK || json.Unmarshal([]byte(text), &stats) != nil || stats.Arrivals != 1 {
		t.Errorf("the stats: got %d %s", status, text)
	}
	response, err := client(t).Post(origin+"/stats/reset", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusNoContent || simulator.Stats().Arrivals != 0 {
		t.Errorf("the reset: got %d, %+v", response.StatusCode, simulator.Stats())
	}
}

func TestOtherVerbsAndAddressesAreRefused(t *testing.T) {
	simulator := newSimulator(t, Options{})
	for _, test := range []struct {
		verb, path string
		status     int
		allow      string
	}{
		{http.MethodPost, "/", 405, "GET"},
		{http.MethodDelete, "/stats", 405, "GET"},
		{http.MethodGet, "/stats/reset", 405, "POST"},
		{http.MethodGet, TokenPath, 405, "POST"},
		{http.MethodGet, "/favicon.ico", 404, ""},
		{http.MethodGet, BasePath, 404, ""},
		{http.MethodGet, demandesPath + "WD000001", 404, ""},
		{http.MethodGet, demandesPath + "/externe", 404, ""},
		{http.MethodGet, demandesPath + "externe", 404, ""},
		{http.MethodGet, demandesPath + "a/b/externe", 404, ""},
	} {
		answer := send(simulator, httptest.NewRequest(test.verb, test.path, nil))
		if answer.Code != test.status || answer.Header().Get("Allow") != test.allow {
			t.Errorf("%s %s: got %d, Allow %q", test.verb, test.path, answer.Code, answer.Header().Get("Allow"))
		}
	}
	if stats := simulator.Stats(); stats.Arrivals != 0 {
		t.Errorf("%d of them count as calls", stats.Arrivals)
	}
}
