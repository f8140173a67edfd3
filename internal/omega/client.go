package omega

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	// dialTimeout also bounds how long a slot is held up by a host that does not answer: the slot counts from the
	// moment the request leaves.
	dialTimeout = 10 * time.Second
	// idleTimeout is shorter than the minute after which gateways commonly close: a request that meets a closing
	// connection is a call without an answer.
	idleTimeout    = 45 * time.Second
	maxHeaderBytes = 256 << 10 // of an answer
)

// Client makes calls and keeps the token. Its methods may be called from several goroutines. Close it.
type Client struct {
	settings Settings // without ClientSecret, which the exchange keeps
	tokens   *tokens
	send     func(*http.Request, *departure) (*http.Response, error)
	own      *connections // to the API; nil: Settings.Transport sends
	close    func()       // what idles of the connections to both services
}

// NewClient makes a client from settings, whose zero fields take their defaults. It makes no call. The error is a
// *SettingError.
func NewClient(settings Settings) (*Client, error) {
	settings = settings.withDefaults()
	if err := settings.check(); err != nil {
		return nil, err
	}
	client := &Client{}
	transport := settings.Transport
	if transport == nil {
		var err error
		if client.own, err = newConnections(settings.BaseURL, settings.MaxInFlight); err != nil {
			return nil, &SettingError{"BaseURL", "it is not a URL"}
		}
		tokens := newTransport()
		transport, client.send = tokens, client.own.roundTrip
		client.close = func() { client.own.close(); tokens.CloseIdleConnections() }
	} else {
		client.send = func(request *http.Request, _ *departure) (*http.Response, error) { return transport.RoundTrip(request) }
		client.close = func() {}
	}
	client.tokens = newTokens(newExchange(settings, transport))
	settings.ClientSecret = ""
	client.settings = settings
	return client, nil
}

// Close ends the token's renewal in the background and waits for its end. Token fails afterwards with ErrClosed.
func (c *Client) Close() {
	c.tokens.close()
	c.close()
}

// Prepare makes sure that an open connection, its TLS handshake done, stands ready for the next Call, so that the
// request can leave at the moment of its slot. It sends nothing to the API, and returns at once where a connection is idle
// already. Each Prepare is for one Call: one that comes before the last one's Call has begun sees to a second connection.
//
// It fails if no connection can be opened, in some 20 seconds at most (longer through a proxy), or with the cause of ctx's
// end; a Call would then try again. With Settings.Transport it does nothing.
func (c *Client) Prepare(ctx context.Context) error {
	if c.own == nil {
		return nil
	}
	err := c.own.prepare(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("connecting to the API: %w", context.Cause(ctx))
	}
	return fmt.Errorf("connecting to the API: %w", safe(err))
}

// newTransport speaks HTTP/1.1 only: with HTTP/2 all calls share one connection, and its loss costs all of them.
func newTransport() *http.Transport {
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: dialer.DialContext,
		// A request in one record is in one write, whose end is the moment at which it left.
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, DynamicRecordSizingDisabled: true},
		TLSHandshakeTimeout:    dialTimeout,
		Protocols:              &protocols,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true, // call.go decompresses, so that the bound holds for a transport of any kind
	}
}
