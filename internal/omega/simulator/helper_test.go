package simulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

const (
	twoDocuments = `{"numero_demande":"WD000001","type_demande":{"code":"CHF"}}
{"numero_demande":"WD000002","type_demande":{"code":"MES"}}
`
	code = "A04000010"
)

// newSimulator is a simulator that lets in every call, of two documents, unless the options say otherwise.
func newSimulator(t testing.TB, options Options) *Simulator {
	t.Helper()
	if options.Corpus == nil {
		options.Corpus = []byte(twoDocuments)
	}
	if options.Gateway.Kind == "" {
		options.Gateway.Kind = Unlimited
	}
	simulator, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return simulator
}

// askToken gets a token, with the form's fields replaced by those given as "name=value" and left out for "name=".
func askToken(simulator http.Handler, fields ...string) *httptest.ResponseRecorder {
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {"suivi_demande"}, "client_id": {"someone"}, "client_secret": {"something"},
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, "=")
		form.Set(name, value)
		if value == "" {
			form.Del(name)
		}
	}
	return send(simulator, tokenRequest(form.Encode()))
}

func tokenRequest(body string) *http.Request {
	request := httptest.NewRequest(http.MethodPost, TokenPath, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request
}

func goodToken(t testing.TB, simulator http.Handler) string {
	t.Helper()
	var answer tokenAnswer
	decode(t, askToken(simulator), &answer)
	if answer.AccessToken == "" {
		t.Fatal("no token was given")
	}
	return answer.AccessToken
}

// demandeRequest is a call with nothing wrong.
func demandeRequest(token, numero string) *http.Request {
	request := httptest.NewRequest(http.MethodGet, demandesPath+url.PathEscape(numero)+demandeEnd+"?code_cdgf="+code, nil)
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("x-user-login", "someone@example.org")
	return request
}

func ask(simulator http.Handler, token, numero string) *httptest.ResponseRecorder {
	return send(simulator, demandeRequest(token, numero))
}

// send is what the handler answers; code 0 if it closes the connection.
func send(handler http.Handler, request *http.Request) (answer *httptest.ResponseRecorder) {
	answer = httptest.NewRecorder()
	defer func() {
		if panicked := recover(); panicked == http.ErrAbortHandler {
			answer.Code = 0
		} else if panicked != nil {
			panic(panicked)
		}
	}()
	handler.ServeHTTP(answer, request)
	return answer
}

func decode(t testing.TB, answer *httptest.ResponseRecorder, into any) {
	t.Helper()
	if err := json.Unmarshal(answer.Body.Bytes(), into); err != nil {
		t.Fatalf("status %d, body %q: %v", answer.Code, answer.Body, err)
	}
}

func message(t testing.TB, answer *httptest.ResponseRecorder) string {
	t.Helper()
	var body errorBody
	decode(t, answer, &body)
	return body.Message
}
