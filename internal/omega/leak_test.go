package omega

import (
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }

// printed is an error in every way in which it may come to be seen.
func printed(err error) string {
	var shown strings.Builder
	for ; err != nil; err = errors.Unwrap(err) {
		fmt.Fprintf(&shown, "%v\n%+v\n%#v\n", err, err, err)
		slog.New(slog.NewJSONHandler(&shown, nil)).Info("failed", "error", err)
	}
	return shown.String()
}

// TestNoErrorAndNoMessageTellsASecret asks servers that say back all that they were told, in each part of an answer.
func TestNoErrorAndNoMessageTellsASecret(t *testing.T) {
	told := func(r *http.Request) string {
		id, secret, _ := r.BasicAuth()
		return fmt.Sprintf("%s %s %s %s", r.Header.Get("Authorization"), id, secret, testSecret.Reveal())
	}
	echoes := map[string]func(w http.ResponseWriter, r *http.Request, status int){
		"as text": func(w http.ResponseWriter, r *http.Request, status int) {
			http.Error(w, told(r), status)
		},
		"as a message": func(w http.ResponseWriter, r *http.Request, status int) {
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"error":%q,"error_description":%q,"access_token":%q}`, told(r), told(r), testToken+"é")
		},
		"as a code": func(w http.ResponseWriter, r *http.Request, status int) {
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"code":%q,"error":{"error":%q}}`, told(r), told(r))
		},
		"as a redirect": func(w http.ResponseWriter, r *http.Request, status int) {
			w.Header().Set("Location", "/?"+strings.ReplaceAll(told(r), " ", "+"))
			w.WriteHeader(302)
		},
		"as an unreadable token": func(w http.ResponseWriter, r *http.Request, status int) {
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"access_token":%q,"expires_in":"%s"}`, told(r), told(r))
		},
		"as a token with a strange character": func(w http.ResponseWriter, r *http.Request, status int) {
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"access_token":%q}`, testToken+"é"+told(r))
		},
		"as a broken head": func(w http.ResponseWriter, r *http.Request, status int) {
			connection, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\n%s\r\n\r\n", told(r))
			_ = connection.Close()
		},
	}
	for name, echo := range echoes {
		for _, status := range []int{200, 400, 401, 403, 404, 429, 500, 503} {
			t.Run(fmt.Sprintf("%s %d", name, status), func(t *testing.T) {
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { echo(w, r, status) }))
				defer server.Close()
				client := newTestClient(t, testSettings(server.URL))
				if _, err := client.Token(t.Context()); err != nil {
					mustNotTell(t, printed(err))
				} else {
					t.Error("a token was given")
				}
				answer, _ := ask(t.Context(), client)
				if strings.Contains(answer.Message, testToken) {
					t.Errorf("the message tells the token: %s", answer.Message)
				}
				mustNotTell(t, printed(answer.Err))
			})
		}
	}
}
