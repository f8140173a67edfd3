package sink

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	gcs "cloud.google.com/go/storage"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
	transport "google.golang.org/api/transport/http"
)

// stall is how long a connection to a bucket may carry no byte either way while something is awaited of it.
const stall = 30 * time.Second

// errNoCredentials says that no Application Default Credentials were found.
var errNoCredentials = errors.New("no Google credentials were found")

// newBucketClient is a client with Application Default Credentials, or without any of an emulator.
//
// All writes name a generation, so that each may be repeated; how long is the callers' to bound.
func newBucketClient(ctx context.Context) (*gcs.Client, error) {
	// The client outlives what ctx is of: its tokens are fetched anew as long as it is used.
	ctx = context.WithoutCancel(ctx)
	base := newTransport()
	round := http.RoundTripper(base)
	if os.Getenv("STORAGE_EMULATOR_HOST") == "" {
		var err error
		round, err = transport.NewTransport(ctx, base, option.WithScopes(gcs.ScopeReadWrite))
		if err != nil {
			return nil, errors.Join(errNoCredentials, err)
		}
	}
	client, err := gcs.NewClient(ctx, option.WithHTTPClient(&http.Client{Transport: round}), gcs.WithJSONReads())
	if err != nil {
		return nil, err
	}
	client.SetRetry(
		gcs.WithPolicy(gcs.RetryAlways),
		gcs.WithErrorFunc(passing),
		gcs.WithBackoff(gax.Backoff{Initial: 200 * time.Millisecond, Max: 5 * time.Second, Multiplier: 2}),
	)
	return client, nil
}

// passing says whether an error may pass by itself. Uploads do not take a connection that ends without an answer for one
// such, unless they are told.
func passing(err error) bool {
	var slow net.Error
	return gcs.ShouldRetry(err) || errors.Is(err, io.EOF) || errors.As(err, &slow) && slow.Timeout() && !errors.Is(err, context.DeadlineExceeded)
}

// newTransport gives up what does not move: a host that drops packets would otherwise be waited for without end.
func newTransport() *http.Transport {
	base := http.DefaultTransport.(*http.Transport).Clone()
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	base.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &movingConn{conn}, nil
	}
	base.MaxIdleConnsPerHost = removals
	base.TLSHandshakeTimeout = 10 * time.Second
	return base
}

// movingConn fails when nothing has moved for stall. A byte sent puts off the end of the reading too: the answer to an
// upload is awaited while it is still being sent.
type movingConn struct{ net.Conn }

func (c *movingConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(stall)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *movingConn) Write(b []byte) (int, error) {
	// In pieces, so that a slow line shows that it moves.
	var written int
	for len(b) > 0 {
		piece := b[:min(len(b), 64<<10)]
		if err := c.SetDeadline(time.Now().Add(stall)); err != nil {
			return written, err
		}
		count, err := c.Conn.Write(piece)
		written += count
		if err != nil {
			return written, err
		}
		b = b[len(piece):]
	}
	return written, nil
}
