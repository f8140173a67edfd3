package omega

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// connections are the client's own to the API, each used by one call at a time. Package http's own pool cannot be asked
// whether a connection stands ready, nor to open one before its request is there; and it may send a request again.
type connections struct {
	transport *http.Transport // dials; its own pool is not used
	scheme    string
	address   string // host and port
	most      int    // idle ones kept

	mutex  sync.Mutex // guards all below; never held while a connection is closed or reserved, since that calls changed
	idle   []*connection
	closed bool
	// promised is how many calls were prepared for and have not taken their connections yet: two at most, the one whose
	// slot has come and the next. A call that never comes leaves one more connection open than is needed.
	promised int
}

// connection is one to the API. Package http reads from it while it is idle, so one that the server closes is seen.
type connection struct {
	http      *http.ClientConn
	wire      wire
	idleSince time.Time // under the mutex of connections
}

// wire is a connection that tells when bytes were handed to the kernel.
type wire struct {
	net.Conn
	next atomic.Pointer[func(time.Time)] // what to tell of the next Write, once
}

// Write tells of itself once it is done, unless it wrote nothing.
func (w *wire) Write(from []byte) (int, error) {
	count, err := w.Conn.Write(from)
	if tell := w.next.Swap(nil); tell != nil && count > 0 {
		(*tell)(time.Now())
	}
	return count, err
}

// connectionKey is where a dialling context carries its *connection.
type connectionKey struct{}

func newConnections(base string, most int) (*connections, error) {
	target, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	port := target.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[target.Scheme]
	}
	transport := newTransport()
	// NewClientConn asks about an address without port, to which NO_PROXY=host:port would not apply.
	transport.Proxy = func(*http.Request) (*url.URL, error) { return http.ProxyFromEnvironment(&http.Request{URL: target}) }
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled, err := dial(ctx, network, address)
		opening, ok := ctx.Value(connectionKey{}).(*connection)
		if err != nil || !ok {
			return dialled, err
		}
		opening.wire.Conn = dialled
		return &opening.wire, nil
	}
	return &connections{transport: transport, scheme: target.Scheme, address: net.JoinHostPort(target.Hostname(), port), most: most}, nil
}

// roundTrip sends a request on an idle connection or, if there is none, on a new one. What departs is told of.
func (c *connections) roundTrip(request *http.Request, departs *departure) (*http.Response, error) {
	used := c.take()
	if used == nil {
		opened, err := c.open(request.Context())
		if err == nil {
			err = opened.http.Reserve() // else it would not be told that it is free again, after an answer without body
		}
		if err != nil {
			return nil, err
		}
		used = opened
	}
	departs.wire = &used.wire
	return used.http.RoundTrip(request)
}

// prepare opens a connection, unless as many are idle as are promised with this one.
func (c *connections) prepare(ctx context.Context) error {
	c.mutex.Lock()
	dropped := c.sweep()
	c.promised = min(c.promised+1, 2, c.most)
	ready := len(c.idle) >= c.promised
	c.mutex.Unlock()
	closeAll(dropped)
	if ready {
		return nil
	}
	opened, err := c.open(ctx)
	if err == nil {
		c.changed(opened)
	}
	return err
}

func (c *connections) open(ctx context.Context) (*connection, error) {
	opening := &connection{}
	opened, err := c.transport.NewClientConn(context.WithValue(ctx, connectionKey{}, opening), c.scheme, c.address)
	if err != nil {
		return nil, err
	}
	opening.http = opened
	opened.SetStateHook(func(*http.ClientConn) { c.changed(opening) })
	return opening, nil
}

// take gives the idle connection that was used last, which is the least likely to be closing; nil if there is none.
func (c *connections) take() *connection {
	c.mutex.Lock()
	c.promised = max(0, c.promised-1)
	c.mutex.Unlock()
	for {
		c.mutex.Lock()
		dropped := c.sweep()
		var taken *connection
		if last := len(c.idle) - 1; last >= 0 {
			taken = c.idle[last]
			c.idle = c.idle[:last]
		}
		c.mutex.Unlock()
		closeAll(dropped)
		if taken == nil || taken.http.Reserve() == nil {
			return taken
		}
	}
}

// sweep takes those out that are closed, and gives those to close, idle for too long. The mutex is held.
func (c *connections) sweep() (dropped []*connection) {
	c.idle = slices.DeleteFunc(c.idle, func(one *connection) bool {
		if time.Since(one.idleSince) >= idleTimeout {
			dropped = append(dropped, one)
			return true
		}
		return one.http.Err() != nil
	})
	return dropped
}

// changed is called when a connection was closed or has become free.
func (c *connections) changed(one *connection) {
	c.mutex.Lock()
	known := slices.Contains(c.idle, one)
	keep := one.http.Available() > 0 && !c.closed && len(c.idle) < c.most
	if keep && !known {
		one.idleSince = time.Now()
		c.idle = append(c.idle, one)
	}
	surplus := !keep && !known && one.http.Available() > 0
	c.mutex.Unlock()
	if surplus {
		closeAll([]*connection{one})
	}
}

// close closes what is idle; what is in use is closed once it is free.
func (c *connections) close() {
	c.mutex.Lock()
	c.closed = true
	idle := c.idle
	c.idle = nil
	c.mutex.Unlock()
	closeAll(idle)
}

func closeAll(those []*connection) {
	for _, one := range those {
		_ = one.http.Close()
	}
}
