package omega

import (
	"crypto/tls"
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
	settings  Settings // without ClientSecret, which the exchange keeps
	transport http.RoundTripper
	tokens    *tokens
	idle      func() // closes the idle connections of the client's own transport
}

// NewClient makes a client from settings, whose zero fields take their defaults. It makes no call. The error is a
// *SettingError.
func NewClient(settings Settings) (*Client, error) {
	settings = settings.withDefaults()
	if err := settings.check(); err != nil {
		return nil, err
	}
	client := &Client{transport: settings.Transport, idle: func() {}}
	if client.transport == nil {
		own := newTransport(settings.MaxInFlight)
		client.transport, client.idle = own, own.CloseIdleConnections
	}
	client.tokens = newTokens(newExchange(settings, client.transport))
	settings.ClientSecret = ""
	client.settings = settings
	return client, nil
}

// Close ends the token's renewal in the background and waits for its end. Token fails afterwards with ErrClosed.
func (c *Client) Close() {
	c.tokens.close()
	c.idle()
}

// newTransport speaks HTTP/1.1 only: with HTTP/2 all calls share one connection, and its loss costs all of them.
func newTransport(connections int) *http.Transport {
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTimeout,
		Protocols:              &protocols,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true, // call.go decompresses, so that the bound holds for a transport of any kind
	}
}
