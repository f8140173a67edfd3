package omega

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// rawServer is an API of bare TCP. It notes each request's head; respond writes the answer to the request, counted
// from 0, and says whether the connection stays open.
type rawServer struct {
	listener net.Listener
	mutex    sync.Mutex
	heads    []string
	open     sync.WaitGroup
}

func serveRaw(t *testing.T, respond func(request int, to io.Writer) bool) (*rawServer, *Client) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &rawServer{listener: listener}
	server.open.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			server.open.Go(func() { server.talk(connection, respond) })
		}
	})
	client := newTestClient(t, testSettings("http://"+listener.Addr().String()))
	t.Cleanup(func() {
		_ = listener.Close()
		client.Close() // closes the idle connections, which ends talk
		server.open.Wait()
	})
	return server, client
}

func (s *rawServer) talk(connection net.Conn, respond func(int, io.Writer) bool) {
	defer func() { _ = connection.Close() }()
	reader := bufio.NewReader(connection)
	for {
		var head strings.Builder
		for !strings.HasSuffix(head.String(), "\r\n\r\n") {
			line, err := reader.ReadString('\n')
			if err != nil {
				return
			}
			head.WriteString(line)
		}
		s.mutex.Lock()
		request := len(s.heads)
		s.heads = append(s.heads, head.String())
		s.mutex.Unlock()
		if !respond(request, connection) {
			return
		}
	}
}

func (s *rawServer) requests() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]string(nil), s.heads...)
}

const rawOK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

func TestACallOnAConnectionThatDiesIsNotSentAgain(t *testing.T) {
	// The second request comes on the connection of the first, which is closed under it. Package http would by
	// itself send it again on a new one: a call outside of its slot.
	server, client := serveRaw(t, func(request int, to io.Writer) bool {
		if request == 1 {
			return false
		}
		_, _ = io.WriteString(to, rawOK)
		return true
	})
	first, _ := ask(t.Context(), client)
	check(t, "the first answer", first.Kind, Document)
	second, told := ask(t.Context(), client)
	check(t, "the second answer", second.Kind, Transient)
	check(t, "the number of departures", told, 1)
	check(t, "the number of requests", len(server.requests()), 2)
	third, _ := ask(t.Context(), client)
	check(t, "the third answer", third.Kind, Document)
}

func TestARequestHasNoBodyOnTheWire(t *testing.T) {
	server, client := serveRaw(t, func(_ int, to io.Writer) bool {
		_, _ = io.WriteString(to, rawOK)
		return true
	})
	answer, _ := ask(t.Context(), client)
	check(t, "the answer", answer.Kind, Document)
	head := strings.ToLower(server.requests()[0])
	for _, header := range []string{"content-length", "transfer-encoding", "expect", "connection:", "cookie"} {
		if strings.Contains(head, header) {
			t.Errorf("the request holds %s", header)
		}
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var mutex sync.Mutex
	connections := map[string]bool{}
	client := serve(t, nil, func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		connections[r.RemoteAddr] = true
		if len(r.URL.Path)%2 == 0 {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte("{}"))
	})
	for range 10 {
		ask(t.Context(), client)
	}
	check(t, "the number of connections", len(connections), 1)
}

func TestAnswersThatAreNotHTTPAreTransientAndNotQuoted(t *testing.T) {
	for name, sent := range map[string]string{
		"a line":       "Dupont Jean 0601020304\r\n\r\n",
		"a header":     "HTTP/1.1 200 OK\r\nDupont Jean 0601020304\r\n\r\n",
		"a length":     "HTTP/1.1 200 OK\r\nContent-Length: Dupont Jean\r\n\r\n",
		"an encoding":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: Dupont\r\n\r\n",
		"a chunk":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nDupont\r\n",
		"nothing":      "",
		"a long head":  "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("Dupont", maxHeaderBytes/6) + "\r\n\r\n",
		"a protocol":   "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: Dupont\r\n\r\nDupont",
		"a cut answer": "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"nom\":\"Dupont\"}",
	} {
		t.Run(name, func(t *testing.T) {
			server, client := serveRaw(t, func(_ int, to io.Writer) bool {
				_, _ = io.WriteString(to, sent)
				return false
			})
			answer, told := ask(t.Context(), client)
			check(t, "the kind", answer.Kind, Transient)
			check(t, "the number of departures", told, 1)
			check(t, "the number of requests", len(server.requests()), 1)
			if answer.Err == nil || strings.Contains(answer.Err.Error(), "Dupont") {
				t.Errorf("the error is %v", answer.Err)
			}
		})
	}
}

// serveTLS serves an API over TLS that trusted clients accept.
func serveTLS(t *testing.T, config *tls.Config, trusted bool) *Client {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	}))
	server.EnableHTTP2 = true
	server.TLS = config
	server.Config.ErrorLog = discardLog()
	server.StartTLS()
	t.Cleanup(server.Close)
	client := newTestClient(t, testSettings(server.URL))
	if trusted {
		roots := x509.NewCertPool()
		roots.AddCert(server.Certificate())
		client.own.transport.TLSClientConfig.RootCAs = roots
	}
	return client
}

func TestCallsGoOverTLSAndHTTP1(t *testing.T) {
	client := serveTLS(t, &tls.Config{}, true)
	for range 2 {
		answer, told := ask(t.Context(), client)
		check(t, "the kind", answer.Kind, Document)
		check(t, "the protocol", string(answer.Body), "HTTP/1.1")
		check(t, "the number of departures", told, 1)
	}
}

func TestTheTokenIsSentToNoServerThatCannotBeTrusted(t *testing.T) {
	for name, client := range map[string]*Client{
		"an unknown authority": serveTLS(t, &tls.Config{}, false),
		"TLS 1.1":              serveTLS(t, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, true),
	} {
		answer, told := ask(t.Context(), client)
		check(t, name+": the kind", answer.Kind, Transient)
		check(t, name+": the number of departures", told, 0)
	}
}

func TestWrittenIsToldBeforeTheAnswerComes(t *testing.T) {
	// A slow answer must not hold up the next slot.
	left := make(chan time.Time, 1)
	client := serve(t, nil, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-left:
		case <-time.After(5 * time.Second):
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	var told time.Time
	answer := client.Call(t.Context(), theToken(), "WD1", "A", func(at time.Time) {
		told = at
		left <- at
	})
	check(t, "the kind", answer.Kind, Document)
	check(t, "the time told", told, answer.WrittenAt)
}
