package simulator

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

func TestATokenIsAnsweredAsInAnnexeB(t *testing.T) {
	simulator := newSimulator(t, Options{})
	answer := askToken(simulator)
	var got tokenAnswer
	decode(t, answer, &got)
	if answer.Code != http.StatusOK || got.TokenType != "Bearer" || got.ExpiresIn != 3600 || got.Scope != "SUIVI_DEMANDE" || len(got.AccessToken) < 500 {
		t.Errorf("got %d %+v", answer.Code, got)
	}
	if answer.Header().Get("Cache-Control") != "no-store" {
		t.Error("the answer may be cached")
	}
	var again tokenAnswer
	decode(t, askToken(simulator), &again)
	if again.AccessToken == got.AccessToken {
		t.Error("the same token was given twice")
	}
}

func TestATokenRequestThatIsWrongGetsOAuthsError(t *testing.T) {
	options := Options{ClientID: "someone", ClientSecret: "something", Scope: "suivi_demande"}
	simulator := newSimulator(t, options)
	for _, test := range []struct {
		name   string
		fields []string
		status int
		error  string
	}{
		{"right", nil, 200, ""},
		{"the scope in capitals", []string{"scope=SUIVI_DEMANDE"}, 200, ""},
		{"another client", []string{"client_id=other"}, 401, "invalid_client"},
		{"another secret", []string{"client_secret=other"}, 401, "invalid_client"},
		{"no secret", []string{"client_secret="}, 401, "invalid_client"},
		{"no credentials", []string{"client_id=", "client_secret="}, 401, "invalid_client"},
		{"another scope", []string{"scope=other"}, 400, "invalid_scope"},
		{"no scope", []string{"scope="}, 400, "invalid_scope"},
		{"another grant", []string{"grant_type=password"}, 400, "unsupported_grant_type"},
		{"no grant", []string{"grant_type="}, 400, "invalid_request"},
	} {
		answer := askToken(simulator, test.fields...)
		var got tokenError
		decode(t, answer, &got)
		if answer.Code != test.status || got.Code != test.error {
			t.Errorf("%s: got %d %q, want %d %q", test.name, answer.Code, got.Code, test.status, test.error)
		}
	}
	if stats := simulator.Stats(); stats.TokensGiven != 2 || stats.TokensRefused != 8 || stats.Arrivals != 0 {
		t.Errorf("got %+v", stats)
	}
}

func TestAnyCredentialsAreAcceptedWhereNoneAreSetButNotNone(t *testing.T) {
	simulator := newSimulator(t, Options{})
	if answer := askToken(simulator, "client_id=a", "client_secret=b", "scope="); answer.Code != http.StatusOK {
		t.Errorf("any: got %d", answer.Code)
	}
	if answer := askToken(simulator, "client_id=", "client_secret="); answer.Code != http.StatusUnauthorized {
		t.Errorf("none: got %d", answer.Code)
	}
}

func TestBasicCredentialsAreTakenEncodedOrNot(t *testing.T) {
	simulator := newSimulator(t, Options{ClientID: "so:me one", ClientSecret: "100%+é"})
	encoded := url.QueryEscape("so:me one") + ":" + url.QueryEscape("100%+é")
	plain := newSimulator(t, Options{ClientID: "someone", ClientSecret: "100%+é"})
	for _, test := range []struct {
		name        string
		simulator   *Simulator
		credentials string
		status      int
	}{
		{"encoded as RFC 6749 says", simulator, encoded, 200},
		{"as they are", plain, "someone:100%+é", 200},
		{"wrong", simulator, "someone:else", 401},
		{"wrong and not decodable", simulator, "someone:%zz", 401},
	} {
		request := tokenRequest("grant_type=client_credentials")
		request.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(test.credentials)))
		answer := send(test.simulator, request)
		if answer.Code != test.status {
			t.Errorf("%s: got %d, want %d", test.name, answer.Code, test.status)
		}
		if got := answer.Header().Get("WWW-Authenticate"); (got != "") != (test.status == 401) {
			t.Errorf("%s: WWW-Authenticate %q", test.name, got)
		}
	}
}

func TestATokenRequestOfAnotherFormIsRefused(t *testing.T) {
	simulator := newSimulator(t, Options{})
	form := "grant_type=client_credentials&client_id=a&client_secret=b"
	for _, test := range []struct {
		name    string
		request *http.Request
		status  int
	}{
		{"GET", httptest.NewRequest(http.MethodGet, TokenPath+"?"+form, nil), 405},
		{"credentials in the address", func() *http.Request {
			request := tokenRequest("")
			request.URL.RawQuery = form
			return request
		}(), 401},
		{"a body that does not end", tokenRequest(form + "&a=" + strings.Repeat("b", maxTokenForm)), 400},
		{"a body that is no form", tokenRequest("%zz"), 400},
	} {
		if answer := send(simulator, test.request); answer.Code != test.status {
			t.Errorf("%s: got %d %s, want %d", test.name, answer.Code, answer.Body, test.status)
		}
	}
}

func TestATokenIsGoodForItsLifeToTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		simulator := newSimulator(t, Options{})
		token := goodToken(t, simulator)
		time.Sleep(time.Hour - 1)
		if answer := ask(simulator, token, "WD000001"); answer.Code != http.StatusOK {
			t.Errorf("a nanosecond before its end: got %d", answer.Code)
		}
		renewed := goodToken(t, simulator)
		time.Sleep(time.Nanosecond)
		if answer := ask(simulator, token, "WD000001"); answer.Code != http.StatusUnauthorized {
			t.Errorf("at its end: got %d", answer.Code)
		}
		if answer := ask(simulator, renewed, "WD000001"); answer.Code != http.StatusOK {
			t.Errorf("the token that came after: got %d", answer.Code)
		}
	})
}

func TestTokensAreForgottenOnceExpiredOrTooMany(t *testing.T) {
	kept := newTokens(time.Hour)
	for i := range 100 {
		kept.give(second().Add(time.Duration(i) * time.Second))
	}
	kept.give(second().Add(time.Hour + 49*time.Second))
	if len(kept.expires) != 51 || len(kept.given) != 51 {
		t.Errorf("after half of them expired, %d of 101 are kept", len(kept.expires))
	}
	for range maxTokens + 10 {
		kept.give(second().Add(2 * time.Hour))
	}
	if len(kept.expires) != maxTokens || len(kept.given) != maxTokens {
		t.Errorf("%d are kept, want %d", len(kept.expires), maxTokens)
	}
}

// A real OAuth2 client, over real HTTP.
func TestTheOAuth2LibraryGetsATokenBothWays(t *testing.T) {
	simulator := newSimulator(t, Options{ClientID: "some one", ClientSecret: "some:thing%", Scope: "suivi_demande"})
	server := httptest.NewServer(simulator)
	defer server.Close()
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
		config := clientcredentials.Config{
			ClientID: "some one", ClientSecret: "some:thing%", TokenURL: server.URL + TokenPath, Scopes: []string{"suivi_demande"}, AuthStyle: style,
		}
		token, err := config.Token(context.Background())
		if err != nil {
			t.Errorf("style %d: %v", style, err)
			continue
		}
		if answer := ask(simulator, token.AccessToken, "WD000001"); answer.Code != http.StatusOK {
			t.Errorf("style %d: the token gets %d", style, answer.Code)
		}
		config.ClientSecret = "other"
		if _, err := config.Token(context.Background()); err == nil || !strings.Contains(fmt.Sprint(err), "invalid_client") {
			t.Errorf("style %d: with another secret: %v", style, err)
		}
	}
}
