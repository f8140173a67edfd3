package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// outsideCanaries stand where persons and secrets would: in a body, in the API's words, in the secret, in the token, in the address
// of the watchdog.
var outsideCanaries = []string{"body-canary", "words-canary", "s3cret-canary", "token-canary", "ping-canary"}

// hostile answers each number in the way that its name says, with outsideCanaries in all that it sends.
func hostile(t *testing.T, watch func(path, body string)) string {
	const words = `{"code":"E-words-canary","message":"M. words-canary n'a pas acces"}`
	mux := http.NewServeMux()
	mux.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"access_token":"token-canary","expires_in":3600,"token_type":"Bearer"}`)
	})
	mux.HandleFunc("/demande/v1/demandes/{numero}/externe", func(w http.ResponseWriter, r *http.Request) {
		numero := r.PathValue("numero")
		fault, _, _ := strings.Cut(numero, "-")
		switch fault {
		case "403", "404", "400", "405", "422":
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(map[string]int{"403": 403, "404": 404, "400": 400, "405": 405, "422": 422}[fault])
			fmt.Fprint(w, words)
		case "503":
			w.WriteHeader(503)
			fmt.Fprint(w, words+r.Header.Get("Authorization"))
		case "echo":
			w.WriteHeader(400)
			fmt.Fprint(w, r.Header.Get("Authorization"))
		case "garbage":
			fmt.Fprint(w, `{"numero_demande": body-canary`)
		case "other":
			fmt.Fprint(w, `{"numero_demande":"body-canary","type_demande":{"code":"CHF"}}`)
		case "type":
			fmt.Fprintf(w, `{"numero_demande":%q,"type_demande":{"code":"body-canary / Dupont"}}`, numero)
		case "cut":
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"nom":"body-canary"`)
		case "wire":
			connection, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(connection, "HTTP/1.1 body-canary words-canary\r\nbody-canary\r\n\r\n")
				_ = connection.Close()
			}
		case "moved":
			http.Redirect(w, r, "/?nom=words-canary", http.StatusFound)
		case "drift":
			fmt.Fprintf(w, `{"numero_demande":%q,"type_demande":{"code":"CHF"},"cree_le":"body-canary","nouveau":{"nom":"body-canary"}}`, numero)
		default:
			fmt.Fprintf(w, `{"numero_demande":%q,"type_demande":{"code":"CHF"},"informations_client":{"nom":"body-canary"}}`, numero)
		}
	})
	mux.HandleFunc("/", func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		watch(r.URL.Path, string(body))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestNoLogAndNoWatcherIsToldOfPersonsOrSecrets(t *testing.T) {
	kinds := []string{"403", "404", "400", "405", "422", "503", "echo", "garbage", "other", "type", "cut", "wire", "moved", "drift", "good"}
	for _, test := range []struct {
		format, only string
		exit         int
	}{{"text", "", 0}, {"json", "", 0}, {"text", "403", exitRefused}, {"json", "503", exitOutage}} {
		t.Run(test.format+" "+test.only, func(t *testing.T) {
			var mutex sync.Mutex
			sent := map[string]string{}
			address := hostile(t, func(path, body string) {
				mutex.Lock()
				defer mutex.Unlock()
				sent[path] += body
			})
			t.Setenv("OMEGA_CLIENT_SECRET", "s3cret-canary")
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
			folder := t.TempDir()
			var list strings.Builder
			for i := range 2 {
				for _, kind := range append([]string{"good"}, kinds...) {
					if test.only != "" {
						kind = test.only
					}
					fmt.Fprintf(&list, "%s-%d-%d\n", kind, i, list.Len())
				}
			}
			fmt.Fprintln(&list, "Mme body-canary, 3 rue des Lilas")
			if err := os.WriteFile(folder+"/list.txt", []byte(list.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			code := realMain([]string{
				"run", "--list", folder + "/list.txt", "--out", folder + "/out", "--state", folder + "/state", "--base-url", address, "--token-url", address + "/token",
				"--client-id", "id", "--code-cdgf", "A", "--user-login", "moi", "--rate", "1000", "--max-outage", "2s", "--log-level", "debug", "--log-format", test.format, "--progress", "log",
				"--metrics-file", folder + "/m.prom", "--ping-url", address + "/ping-canary/x",
			}, streams{strings.NewReader(""), &stdout, &stderr})
			if code != test.exit {
				t.Errorf("exit %d, want %d\n%s%s", code, test.exit, stdout.String(), stderr.String())
			}
			metrics, err := os.ReadFile(filepath.Join(folder, "m.prom"))
			if err != nil {
				t.Fatal(err)
			}
			mutex.Lock()
			defer mutex.Unlock()
			if sent["/ping-canary/x/start"] != "" || sent["/v1/traces"] == "" || len(sent) != 3 {
				t.Errorf("the watchers were sent %d things", len(sent))
			}
			told := map[string]string{"standard error": stderr.String(), "standard output": stdout.String(), "the metrics": string(metrics)}
			for path, body := range sent {
				told[path] = body
			}
			for where, text := range told {
				for _, canary := range outsideCanaries {
					if at := strings.Index(text, canary); at >= 0 {
						t.Errorf("%s tells of %s: …%s…", where, canary, text[max(at-200, 0):min(at+100, len(text))])
					}
				}
			}
			for line := range strings.Lines(stderr.String()) {
				logged := strings.HasPrefix(line, "time=") || strings.HasPrefix(line, "{")
				if logged && !strings.Contains(line, "run=") && !strings.Contains(line, `"run":"`) {
					t.Errorf("the line does not tell the run: %s", line)
				}
			}
		})
	}
}
