package omega

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// slowListener takes each connection a while after it came.
type slowListener struct {
	net.Listener
	delay    time.Duration
	accepted atomic.Int64
}

func (l *slowListener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err == nil {
		l.accepted.Add(1)
		time.Sleep(l.delay)
	}
	return accepted, err
}

// serveSlowly serves an API over TLS that takes connections slowly. The handler counts requests.
func serveSlowly(t *testing.T, delay time.Duration, latency time.Duration) (client *Client, listener *slowListener, server *httptest.Server) {
	t.Helper()
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(latency)
		_, _ = io.WriteString(w, "{}")
	}))
	listener = &slowListener{Listener: server.Listener, delay: delay}
	server.Listener = listener
	server.Config.ErrorLog = discardLog()
	server.StartTLS()
	t.Cleanup(server.Close)
	client = newTestClient(t, testSettings(server.URL))
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	client.own.transport.TLSClientConfig.RootCAs = roots
	return client, listener, server
}

func TestAPreparedRequestLeavesAtItsSlot(t *testing.T) {
	// Answers take longer than the interval, so that the call before holds its connection.
	client, _, _ := serveSlowly(t, 100*time.Millisecond, 500*time.Millisecond)
	pacer := newTestPacer(t, PacerOptions{Rate: 4})
	const calls = 6
	delays := make([]time.Duration, calls)
	var inFlight sync.WaitGroup
	for i := range calls {
		if err := client.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		slot, err := pacer.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		given := time.Now()
		inFlight.Go(func() {
			answer := client.Call(t.Context(), theToken(), "WD00053H", "A", slot.Written)
			slot.Unused()
			check(t, "the kind", answer.Kind, Document)
			delays[i] = answer.WrittenAt.Sub(given)
		})
	}
	inFlight.Wait()
	slices.Sort(delays)
	t.Logf("from the slot to the kernel: %v", delays)
	if median := delays[calls/2]; median >= 5*time.Millisecond {
		t.Errorf("half of the requests left %s or more after their slots", median)
	}
	if slowest := delays[calls-1]; slowest >= 100*time.Millisecond {
		t.Errorf("a request left %s after its slot: it waited for a connection", slowest)
	}
}

func TestPrepareSendsNothingAndOpensNoMoreThanIsNeeded(t *testing.T) {
	var requests atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	listener := &slowListener{Listener: server.Listener}
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	client := newTestClient(t, testSettings(server.URL))
	prepare := func() {
		t.Helper()
		if err := client.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	prepare()
	ask(t.Context(), client)
	prepare()
	ask(t.Context(), client)
	check(t, "the connections for calls one after the other", listener.accepted.Load(), 1)
	check(t, "the number of requests", requests.Load(), 2)
	prepare()
	prepare() // while the call of the first is about to begin
	prepare()
	for listener.accepted.Load() < 2 { // the kernel has taken it before the server does
		time.Sleep(time.Millisecond)
	}
	check(t, "the connections for two calls", listener.accepted.Load(), 2)
	check(t, "the number of requests", requests.Load(), 2)
}

func TestAPreparedConnectionThatTheServerClosedIsReplaced(t *testing.T) {
	client, listener, server := serveSlowly(t, 0, 0)
	if err := client.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	prepared := client.own.idle[0]
	server.CloseClientConnections()
	for prepared.http.Err() == nil { // until the end of the connection has come here
		time.Sleep(time.Millisecond)
	}
	if err := client.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	answer, told := ask(t.Context(), client)
	check(t, "the kind", answer.Kind, Document)
	check(t, "the number of departures", told, 1)
	check(t, "the number of connections", listener.accepted.Load(), 2)
}

func TestAConnectionThatIdledForLongIsNotUsed(t *testing.T) {
	client, listener, _ := serveSlowly(t, 0, 0)
	for range 2 {
		if err := client.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		client.own.mutex.Lock()
		prepared := client.own.idle[0]
		prepared.idleSince = prepared.idleSince.Add(-idleTimeout)
		client.own.mutex.Unlock()
	}
	answer, _ := ask(t.Context(), client)
	check(t, "the kind", answer.Kind, Document)
	check(t, "the number of connections", listener.accepted.Load(), 3)
}

func TestNoMoreConnectionsIdleThanAllowed(t *testing.T) {
	const most, calls = 2, 6
	var together sync.WaitGroup
	together.Add(calls)
	client := serve(t, func(s *Settings) { s.MaxInFlight = most }, func(http.ResponseWriter, *http.Request) {
		together.Done()
		together.Wait()
	})
	var inFlight sync.WaitGroup
	for range calls {
		inFlight.Go(func() { ask(t.Context(), client) })
	}
	inFlight.Wait()
	client.own.mutex.Lock()
	check(t, "the idle connections", len(client.own.idle), most)
	client.own.mutex.Unlock()
	client.Close()
	check(t, "the idle connections once closed", len(client.own.idle), 0)
	if err := client.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(t, "those prepared after that", len(client.own.idle), 0)
}

func TestPrepareSaysWhyItCannot(t *testing.T) {
	t.Run("nothing listens", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		client := newTestClient(t, testSettings(server.URL))
		server.Close()
		if err := client.Prepare(t.Context()); err == nil {
			t.Error("no error says that nothing listens")
		}
	})
	t.Run("the server cannot be trusted", func(t *testing.T) {
		client := serveTLS(t, &tls.Config{}, false)
		var unknown x509.UnknownAuthorityError
		if err := client.Prepare(t.Context()); !errors.As(err, &unknown) {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("it is given up", func(t *testing.T) {
		client, _, _ := serveSlowly(t, 200*time.Millisecond, 0)
		reason := errors.New("the run is stopped")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, reason)
		defer cancel()
		if err := client.Prepare(ctx); !errors.Is(err, reason) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestAClientWithATransportOfOthersPreparesNothing(t *testing.T) {
	settings := testSettings("https://api.grdf.fr")
	settings.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
		t.Error("a request was made")
		return nil, errors.New("no")
	})
	if err := newTestClient(t, settings).Prepare(t.Context()); err != nil {
		t.Error(err)
	}
}

// over puts something between the client and its connections.
func over(client *Client, wrap func(net.Conn) net.Conn) {
	dial := client.own.transport.DialContext
	client.own.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled, err := dial(ctx, network, address)
		if err == nil {
			under := dialled.(*wire)
			under.Conn = wrap(under.Conn)
		}
		return dialled, err
	}
}

// heldConn lets nothing through before it is released.
type heldConn struct {
	net.Conn
	released chan struct{}
}

func (c heldConn) Write(from []byte) (int, error) {
	<-c.released
	return c.Conn.Write(from)
}

func TestARequestHasLeftWhenTheKernelHasItsLastByte(t *testing.T) {
	client := serve(t, nil, func(http.ResponseWriter, *http.Request) {})
	released := make(chan struct{})
	over(client, func(dialled net.Conn) net.Conn { return heldConn{dialled, released} })
	var let time.Time
	time.AfterFunc(50*time.Millisecond, func() { let = time.Now(); close(released) })
	answer, told := ask(t.Context(), client)
	check(t, "the kind", answer.Kind, Document)
	check(t, "the number of departures", told, 1)
	if answer.WrittenAt.Before(let) {
		t.Errorf("the request is said to have left %s before it could", let.Sub(answer.WrittenAt))
	}
}

func TestARequestOfManyBytesLeavesWithTheLastOfThem(t *testing.T) {
	// A token longer than the buffer of package http: the head leaves in several writes.
	client := serve(t, nil, func(http.ResponseWriter, *http.Request) {})
	counting := &countedConn{}
	over(client, func(dialled net.Conn) net.Conn {
		counting.Conn = dialled
		return counting
	})
	long := string(slices.Repeat([]byte("t"), 10_000))
	answer := client.Call(t.Context(), Token{value: &long}, "WD1", "A", nil)
	if answer.WrittenAt.Before(counting.last) {
		t.Error("the request is said to have left before its last bytes")
	}
	if counting.writes < 2 {
		t.Errorf("the request left in %d writes, which proves nothing", counting.writes)
	}
}

// countedConn notes its writes, before they are seen by a server that answers them.
type countedConn struct {
	net.Conn
	writes int
	last   time.Time // when the last began
}

func (c *countedConn) Write(from []byte) (int, error) {
	c.writes++
	c.last = time.Now()
	return c.Conn.Write(from)
}

// tunnel is a proxy that opens tunnels and counts them.
func tunnel(t *testing.T) (address *url.URL, tunnels *atomic.Int64) {
	t.Helper()
	tunnels = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, err := net.Dial("tcp", r.Host)
		if err != nil || r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		from, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		tunnels.Add(1)
		_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
		go func() { _, _ = io.Copy(from, to); _ = from.Close() }()
	}))
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return address, tunnels
}

func TestAConnectionThroughAProxyIsPreparedToo(t *testing.T) {
	client, listener, _ := serveSlowly(t, 0, 0)
	proxy, tunnels := tunnel(t)
	client.own.transport.Proxy = http.ProxyURL(proxy)
	if err := client.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(t, "the number of tunnels", tunnels.Load(), 1)
	answer, told := ask(t.Context(), client)
	check(t, "the kind", answer.Kind, Document)
	check(t, "the number of departures", told, 1)
	check(t, "the number of connections", listener.accepted.Load(), 1)
}
