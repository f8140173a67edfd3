package omega

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// Call asks for one demande (guide §2.2.1) and says what the answer means; it retries nothing. written, which may be
// nil, is called when the request has left: at most once, from another goroutine, before Call returns; never, if the
// request did not leave. A ctx that ends makes the answer Cancelled, unless a whole one has come. The numbers ""
// "." and "..", which cannot be a segment of a path, are Rejected without a call, and a Token that Token never gave
// is Unauthorized without one.
func (c *Client) Call(ctx context.Context, token Token, numero, codeCDGF string, written func(at time.Time)) Answer {
	answer := Answer{TokenGeneration: token.Generation}
	switch {
	case token.value == nil:
		answer.Kind, answer.Err = Unauthorized, errors.New("there is no token to call with")
		return answer
	case numero == "" || numero == "." || numero == "..":
		answer.Kind, answer.Message = Rejected, "the number cannot stand in a URL"
		return answer
	}
	limited, cancel := context.WithTimeout(ctx, c.settings.CallTimeout)
	defer cancel()
	request, err := c.newRequest(limited, token, numero, codeCDGF)
	if err != nil {
		answer.Kind, answer.Message = Rejected, "the number cannot stand in a URL"
		return answer
	}
	departure := departure{written: written}
	defer departure.close()
	request = request.WithContext(httptrace.WithClientTrace(limited, departure.trace()))

	response, err := c.send(request, &departure)
	if err != nil {
		answer.WrittenAt = departure.time()
		answer.Kind, answer.Err = c.noAnswer(ctx, limited, err)
		return answer
	}
	defer func() { _ = response.Body.Close() }()
	departure.seen(time.Now()) // a transport that traces nothing still sent it
	answer.WrittenAt = departure.time()
	c.read(ctx, limited, response, &answer)
	if answer.Kind != Document && answer.Kind != TooLarge {
		c.explain(response, token, &answer)
	}
	return answer
}

func (c *Client) newRequest(ctx context.Context, token Token, numero, codeCDGF string) (*http.Request, error) {
	// Transport sends a GET again by itself when a connection that was used before dies, which would be a call
	// without a slot. It does not when it believes that the body can be read only once. An empty body of a GET
	// leaves no trace on the wire.
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.settings.address(numero, codeCDGF), onceBody{})
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+*token.value)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Accept-Encoding", "gzip")
	request.Header.Set("User-Agent", c.settings.UserAgent)
	request.Header.Set("x-user-login", c.settings.UserLogin)
	return request, nil
}

// onceBody is a body with nothing in it.
type onceBody struct{}

func (onceBody) Read([]byte) (int, error) { return 0, io.EOF }
func (onceBody) Close() error             { return nil }

// noAnswer tells the caller's own end of a call from the network's.
func (c *Client) noAnswer(ctx, limited context.Context, err error) (Kind, error) {
	switch {
	case ctx.Err() != nil:
		return Cancelled, fmt.Errorf("the call was given up: %w", context.Cause(ctx))
	case limited.Err() != nil:
		return Transient, fmt.Errorf("no whole answer after %s: %w", c.settings.CallTimeout, context.DeadlineExceeded)
	}
	return Transient, fmt.Errorf("calling the API: %w", safe(err))
}

// read reads the answer's body and decides its kind.
func (c *Client) read(ctx, limited context.Context, response *http.Response, answer *Answer) {
	answer.HTTPStatus = response.StatusCode
	answer.Quota = quota(response.Header, time.Now())
	answer.Kind = kindOf(response.StatusCode)
	var err error
	answer.Body, err = readBody(response, c.settings.MaxBody)
	answer.ReceivedAt = time.Now()
	switch {
	case answer.Kind == Transient:
		answer.Err = transientError(response.StatusCode)
	case err == nil:
	case errors.Is(err, errTooLarge):
		answer.Err = fmt.Errorf("the answer is longer than %d bytes", c.settings.MaxBody)
		if answer.Kind == Document {
			answer.Kind = TooLarge
		}
	default:
		kind, why := c.noAnswer(ctx, limited, fmt.Errorf("the answer was cut short: %w", err))
		answer.Err = why
		if answer.Kind == Document {
			answer.Kind = kind
		}
	}
}

// explain adds what an answer that is no document says in words and headers.
func (c *Client) explain(response *http.Response, token Token, answer *Answer) {
	if answer.HTTPStatus != http.StatusOK {
		// An answer that repeats the request's headers must not bring the token into a log.
		answer.Message = message(answer.Body, response.Header.Get("Content-Type"), *token.value)
	}
	if answer.Kind == TooMany || answer.HTTPStatus == http.StatusServiceUnavailable {
		answer.RetryAfter = retryAfter(response.Header, time.Now())
	}
}

// departure notes when a request left.
type departure struct {
	written func(time.Time) // called under the mutex, so that Call does not return before it has
	wire    *wire           // what the request is written to, once that is known; nil: not the client's own

	mutex  sync.Mutex
	at     time.Time // zero: not yet
	closed bool      // Call has returned
}

// trace is called by the transport once the request is composed, with the connection already open. Its end is then still
// in a buffer, which the next write empties: the request has left when that returns. Where that cannot be seen, the
// request counts as one that left.
func (d *departure) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{WroteRequest: func(info httptrace.WroteRequestInfo) {
		switch {
		case info.Err != nil:
		case d.wire != nil:
			tell := d.seen
			d.wire.next.Store(&tell)
		default:
			d.seen(time.Now())
		}
	}}
}

func (d *departure) seen(at time.Time) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.closed || !d.at.IsZero() {
		return
	}
	d.at = at
	if d.written != nil {
		d.written(at)
	}
}

func (d *departure) time() time.Time {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.at
}

func (d *departure) close() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.closed = true
}
