package omega

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// tokenFrom asks a token service for one token.
func tokenFrom(t *testing.T, service http.HandlerFunc) (*Client, Token, error) {
	t.Helper()
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	client := newTestClient(t, testSettings(server.URL))
	token, err := client.Token(t.Context())
	return client, token, err
}

func TestATokenIsAskedForAsOKTATakesIt(t *testing.T) {
	var got *http.Request
	var form url.Values
	_, token, err := tokenFrom(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ := io.ReadAll(r.Body)
		form, _ = url.ParseQuery(string(body))
		_, _ = io.WriteString(w, `{"token_type":"Bearer","expires_in":3600,"access_token":"abc","scope":"SUIVI_DEMANDE"}`)
	})
	if err != nil {
		t.Fatal(err)
	}
	check(t, "the token", *token.value, "abc")
	check(t, "the method", got.Method, http.MethodPost)
	id, secret, _ := got.BasicAuth()
	check(t, "the client", id, "0oa-client")
	check(t, "the secret", secret, url.QueryEscape(string(testSecret))) // RFC 6749 §2.3.1
	check(t, "the form", form.Encode(), "grant_type=client_credentials&scope=suivi_demande")
	check(t, "the agent", got.UserAgent(), DefaultUserAgent)
}

func TestATokenIsReadAsServicesWriteIt(t *testing.T) {
	cases := []struct{ name, contentType, body, want string }{
		{"the guide's example, over lines", "application/json", "{\r\n  \"token_type\": \"Bearer\",\n\t\"access_token\": \"\nabc-\ndef\n\",\n \"expires_in\": 3600}", "abc-def"},
		{"with escaped space around it", "application/json", `{"access_token":" \n abc\t "}`, "abc"},
		{"under another type", "text/plain", `{"access_token":"abc","expires_in":"3600"}`, "abc"},
		{"without a life", "application/json", `{"access_token":"abc"}`, "abc"},
		{"with a life that is over", "application/json", `{"access_token":"abc","expires_in":-5}`, "abc"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, token, err := tokenFrom(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.contentType)
				_, _ = io.WriteString(w, c.body)
			})
			if err != nil {
				t.Fatal(err)
			}
			check(t, "the token", *token.value, c.want)
		})
	}
}

func TestARefusalIsToldFromAServiceOutOfOrder(t *testing.T) {
	cases := []struct {
		status     int
		body       string
		refused    bool
		wantStatus int
		wantCode   string
	}{
		{400, `{"error":"invalid_scope","error_description":"no such scope"}`, true, 400, "invalid_scope"},
		{400, `{"error":"unauthorized_client"}`, true, 400, "unauthorized_client"},
		{401, `{"error":"invalid_client"}`, true, 401, "invalid_client"},
		{401, `{"errorCode":"E0000022"}`, true, 401, ""},
		{403, `{"error":"access_denied"}`, true, 403, "access_denied"},
		{200, `{"error":"invalid_client"}`, true, 200, "invalid_client"},
		{403, `<html>blocked by the gateway</html>`, false, 403, ""},
		{400, `{"error":"Dupont Jean"}`, false, 400, ""},
		{400, `{"error":"temporarily_unavailable"}`, false, 400, "temporarily_unavailable"},
		{404, `{"error":"invalid_client"}`, false, 404, "invalid_client"},
		{429, ``, false, 429, ""},
		{500, `{"error":"server_error"}`, false, 500, "server_error"},
		{503, `Dupont`, false, 503, ""},
		{200, `Dupont`, false, 0, ""},
		{200, `{"access_token":""}`, false, 0, ""},
		{200, `{"access_token":" \n"}`, false, 0, ""},
		{200, `{"access_token":"Dupont\u0000\u007f"}`, false, 0, ""},
		{200, `{}`, false, 0, ""},
		{200, ``, false, 0, ""},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%d %.30s", c.status, c.body), func(t *testing.T) {
			_, token, err := tokenFrom(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			var failed *TokenError
			if !errors.As(err, &failed) {
				t.Fatalf("the error is %v, the token of generation %d", err, token.Generation)
			}
			check(t, "refused", failed.Refused, c.refused)
			check(t, "the status", failed.HTTPStatus, c.wantStatus)
			check(t, "the code", failed.Code, c.wantCode)
			if shown := printed(err); strings.Contains(shown, "Dupont") || strings.Contains(shown, "no such scope") {
				t.Errorf("the error quotes the answer: %s", shown)
			}
		})
	}
}

func TestATokenErrorSaysWhatHappenedInOneLine(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":"invalid_client"}`: "fetching a token: the token service answered 200 (invalid_client)",
		`Dupont`:                     "fetching a token: the token service's answer is not the JSON of a token",
		`{"access_token":"é"}`:       "fetching a token: the token holds characters that cannot stand in a header",
	} {
		_, _, err := tokenFrom(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		if err == nil || err.Error() != want {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
}

func TestCredentialsFollowNoRedirect(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 307, 308} {
		_, _, err := tokenFrom(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		var failed *TokenError
		if !errors.As(err, &failed) || failed.Refused || failed.HTTPStatus != status {
			t.Errorf("%d: the error is %v", status, err)
		}
	}
	check(t, "the requests elsewhere", elsewhere.Load(), 0)
}

func TestATokenServiceThatIsNotThereIsNoRefusal(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	client := newTestClient(t, testSettings(server.URL))
	server.Close()
	_, err := client.Token(context.Background())
	var failed *TokenError
	if !errors.As(err, &failed) || failed.Refused || failed.HTTPStatus != 0 || failed.Err == nil {
		t.Errorf("the error is %#v", err)
	}
}
