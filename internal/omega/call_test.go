package omega

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestEachStatusMeansWhatTheDesignSays(t *testing.T) {
	cases := []struct {
		status int
		want   Kind
	}{
		{200, Document},
		{201, Rejected},
		{204, Rejected},
		{206, Rejected},
		{301, Transient},
		{302, Transient},
		{307, Transient},
		{308, Transient},
		{400, Rejected},
		{401, Unauthorized},
		{403, Forbidden},
		{404, Rejected},
		{405, Rejected},
		{408, Transient},
		{410, Rejected},
		{418, Rejected},
		{422, Rejected},
		{425, Transient},
		{429, TooMany},
		{451, Rejected},
		{500, Transient},
		{502, Transient},
		{503, Transient},
		{504, Transient},
		{599, Transient},
	}
	for _, c := range cases {
		t.Run(strconv.Itoa(c.status), func(t *testing.T) {
			var calls atomic.Int64
			client := serve(t, nil, func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				w.Header().Set("Location", "/elsewhere")
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(c.status)
				if c.status != http.StatusNoContent {
					_, _ = w.Write([]byte(`{"message":"said so"}`))
				}
			})
			before := time.Now()
			answer, told := ask(t.Context(), client)
			check(t, "the kind", answer.Kind, c.want)
			check(t, "the status", answer.HTTPStatus, c.status)
			check(t, "the number of calls", calls.Load(), 1)
			check(t, "the number of departures", told, 1)
			check(t, "the token's generation", answer.TokenGeneration, 7)
			check(t, "an error, only where there is no answer of the API's own", answer.Err != nil, c.want == Transient)
			if answer.WrittenAt.Before(before) || answer.ReceivedAt.Before(answer.WrittenAt) {
				t.Errorf("written at %s, received at %s, asked at %s", answer.WrittenAt, answer.ReceivedAt, before)
			}
			wantWait, wantMessage, wantBody := time.Duration(0), "said so", `{"message":"said so"}`
			if c.status == 429 || c.status == 503 {
				wantWait = 7 * time.Second
			}
			if c.status == 200 || c.status == 204 {
				wantMessage = ""
			}
			if c.status == 204 {
				wantBody = ""
			}
			check(t, "the wait", answer.RetryAfter, wantWait)
			check(t, "the message", answer.Message, wantMessage)
			check(t, "the body", string(answer.Body), wantBody)
		})
	}
}

func TestEachKindHasItsName(t *testing.T) {
	names := map[string]bool{}
	for kind := Document; kind <= Cancelled; kind++ {
		names[kind.String()] = true
	}
	check(t, "the number of names", len(names), int(Cancelled))
	check(t, "the name of no kind", Kind(0).String(), "Kind(0)")
	check(t, "a name for no kind", names["Kind(8)"], false)
}

func TestTheRequestIsTheGuides(t *testing.T) {
	var got *http.Request
	client := serve(t, nil, func(w http.ResponseWriter, r *http.Request) { got = r })
	client.Call(t.Context(), theToken(), "WD/..", "A&B", nil)
	check(t, "the method", got.Method, http.MethodGet)
	check(t, "the target", got.RequestURI, "/fournisseur/demande/v1/demandes/WD%2F../externe?code_cdgf=A%26B")
	check(t, "the authorization", got.Header.Get("Authorization"), "Bearer "+testToken)
	check(t, "the login", got.Header.Get("X-User-Login"), "Hélène Dupré")
	check(t, "the agent", got.UserAgent(), DefaultUserAgent)
	check(t, "the protocol", got.Proto, "HTTP/1.1")
	check(t, "the body's length", got.ContentLength, 0)
}

func TestWhatCannotBeAskedCostsNoCall(t *testing.T) {
	var calls atomic.Int64
	client := serve(t, nil, func(http.ResponseWriter, *http.Request) { calls.Add(1) })
	for _, numero := range []string{"", ".", ".."} {
		answer := client.Call(t.Context(), theToken(), numero, "A", func(time.Time) { t.Error("it left") })
		check(t, "the kind of "+numero, answer.Kind, Rejected)
	}
	answer := client.Call(t.Context(), Token{}, "WD1", "A", func(time.Time) { t.Error("it left") })
	check(t, "the kind without a token", answer.Kind, Unauthorized)
	check(t, "the number of calls", calls.Load(), 0)
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	zipper := gzip.NewWriter(&buffer)
	if _, err := zipper.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := zipper.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func TestABodyIsWholeOrItIsNoDocument(t *testing.T) {
	const limit = 1000
	document := strings.Repeat("d", limit)
	cases := []struct {
		name, encoding string
		status         int
		body           []byte
		declared       int // Content-Length beyond the body: the connection is cut there
		want           Kind
		wantBody       string
	}{
		{"as long as allowed", "", 200, []byte(document), 0, Document, document},
		{"one byte longer", "", 200, []byte(document + "d"), 0, TooLarge, document},
		{"cut short", "", 200, []byte("ddd"), 10, Transient, "ddd"},
		{"a reject cut short", "", 404, []byte(`{"message":"no"}`), 10, Rejected, `{"message":"no"}`},
		{"a reject too long", "", 404, []byte(document + "d"), 0, Rejected, document},
		{"a refusal cut short", "", 429, []byte("x"), 10, TooMany, "x"},
		{"empty", "", 200, nil, 0, Document, ""},
		{"compressed", "gzip", 200, zipped(t, document), 0, Document, document},
		{"compressed, written otherwise", "X-GZip", 200, zipped(t, document), 0, Document, document},
		{"a bomb", "gzip", 200, zipped(t, strings.Repeat("d", 1<<20)), 0, TooLarge, document},
		{"compressed and cut short", "gzip", 200, zipped(t, document)[:20], 0, Transient, ""},
		{"compressed and cut in the head", "gzip", 200, zipped(t, document)[:5], 0, Transient, ""},
		{"compressed and corrupt", "gzip", 200, corrupt(zipped(t, document)), 0, Transient, document},
		{"compressed, too long to read", "gzip", 200, bytes.Repeat(zipped(t, ""), 100), 0, TooLarge, ""},
		{"said to be compressed and is not", "gzip", 200, []byte("plain"), 0, Document, "plain"},
		{"said to be compressed and empty", "gzip", 404, nil, 0, Rejected, ""},
		{"compressed in a way not asked for", "br", 200, []byte("\x0b\x02"), 0, Document, "\x0b\x02"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			client := serve(t, func(s *Settings) { s.MaxBody = limit }, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", c.encoding)
				w.Header().Set("Content-Length", strconv.Itoa(len(c.body)+c.declared))
				w.WriteHeader(c.status)
				_, _ = w.Write(c.body)
			})
			answer, _ := ask(t.Context(), client)
			check(t, "the kind", answer.Kind, c.want)
			check(t, "the status", answer.HTTPStatus, c.status)
			if string(answer.Body) != c.wantBody && c.want != Transient || !strings.HasPrefix(document, string(answer.Body)) && c.want == Transient {
				t.Errorf("the body is %.40q (%d bytes), want %.40q (%d)", answer.Body, len(answer.Body), c.wantBody, len(c.wantBody))
			}
			if (c.want == Transient || c.want == TooLarge) && answer.Err == nil {
				t.Error("no error says why")
			}
		})
	}
}

// corrupt spoils the checksum at the end of what is compressed.
func corrupt(compressed []byte) []byte {
	compressed[len(compressed)-8] ^= 1
	return compressed
}

func TestACallThatTakesTooLongIsTransient(t *testing.T) {
	for _, started := range []bool{false, true} {
		t.Run(fmt.Sprintf("body started %t", started), func(t *testing.T) {
			client := serve(t, func(s *Settings) { s.CallTimeout = 50 * time.Millisecond }, func(w http.ResponseWriter, r *http.Request) {
				if started {
					_, _ = w.Write([]byte("begun"))
					_ = http.NewResponseController(w).Flush()
				}
				<-r.Context().Done()
			})
			answer, told := ask(t.Context(), client)
			check(t, "the kind", answer.Kind, Transient)
			check(t, "the number of departures", told, 1)
			if !errors.Is(answer.Err, context.DeadlineExceeded) {
				t.Errorf("the error is %v", answer.Err)
			}
		})
	}
}

func TestACallGivenUpIsCancelled(t *testing.T) {
	reason := errors.New("the run is stopped")
	arrived := make(chan struct{}, 1)
	var started atomic.Bool
	client := serve(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if started.Load() {
			_, _ = w.Write([]byte("begun"))
			_ = http.NewResponseController(w).Flush()
		}
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	for _, when := range []string{"before it left", "waiting for an answer", "reading the answer"} {
		t.Run(when, func(t *testing.T) {
			started.Store(when == "reading the answer")
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			wantTold := 1
			if when == "before it left" {
				cancel(reason)
				wantTold = 0
			} else {
				go func() { <-arrived; cancel(reason) }()
			}
			answer, told := ask(ctx, client)
			check(t, "the kind", answer.Kind, Cancelled)
			check(t, "the number of departures", told, wantTold)
			check(t, "a time of departure", !answer.WrittenAt.IsZero(), wantTold == 1)
			if !errors.Is(answer.Err, reason) {
				t.Errorf("the error is %v, want its cause", answer.Err)
			}
		})
	}
}

func TestACallThatCannotConnectCostsNothing(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	client := newTestClient(t, testSettings(server.URL))
	server.Close()
	answer, told := ask(t.Context(), client)
	check(t, "the kind", answer.Kind, Transient)
	check(t, "the number of departures", told, 0)
	check(t, "a time of departure", answer.WrittenAt.IsZero(), true)
	check(t, "a time of receipt", answer.ReceivedAt.IsZero(), true)
	if answer.Err == nil {
		t.Error("no error says why")
	}
}

// roundTripper is a transport that traces nothing.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func TestAnAnswerMeansThatTheRequestLeft(t *testing.T) {
	settings := testSettings("https://api.grdf.fr")
	settings.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	})
	answer, told := ask(t.Context(), newTestClient(t, settings))
	check(t, "the number of departures", told, 1)
	check(t, "a time of departure", answer.WrittenAt.IsZero(), false)
}
