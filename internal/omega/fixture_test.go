package omega

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

const (
	testSecret = Secret("Tr0ub4dor&3/secret")
	testToken  = "eyJraWQi.test-token.signature"
)

// testSettings are good settings whose addresses are base's.
func testSettings(base string) Settings {
	return Settings{
		BaseURL: base + "/fournisseur", Path: "/demande/v1/demandes/" + Number + "/externe", TokenURL: base + "/token",
		ClientID: "0oa-client", ClientSecret: testSecret, UserLogin: "Hélène Dupré",
	}
}

// serve serves a token service and, for every other path, api; the client calls them over real connections.
func serve(t *testing.T, change func(*Settings), api http.HandlerFunc) *Client {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3600,"access_token":%q}`, testToken)
	})
	mux.HandleFunc("/", api)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	settings := testSettings(server.URL)
	if change != nil {
		change(&settings)
	}
	return newTestClient(t, settings)
}

func newTestClient(t *testing.T, settings Settings) *Client {
	t.Helper()
	client, err := NewClient(settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// theToken is a token as Client.Token would give it.
func theToken() Token {
	value := testToken
	return Token{value: &value, Generation: 7}
}

// ask calls for one demande and counts what was told of its departure.
func ask(ctx context.Context, client *Client) (answer Answer, told int) {
	answer = client.Call(ctx, theToken(), "WD00053H", "A04000000X", func(time.Time) { told++ })
	return answer, told
}

func check[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}
