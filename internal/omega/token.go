package omega

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// longestReserve is how long before its end a token is no longer given out: the request is still to be paced
	// and sent. A short-lived token keeps a tenth of its life.
	longestReserve = 30 * time.Second
	shortestRetry  = time.Second // between renewals that fail
)

// ErrClosed is what Token fails with once the client is closed.
var ErrClosed = errors.New("the client is closed")

// Token is a bearer token. The zero Token is none.
type Token struct {
	value *string // a pointer, so that no way of printing a Token shows it
	// Generation counts the tokens that the client has got, from 1.
	Generation uint64
}

// Token gives the current token. It is kept for its life, which the guide (§1.4) says is an hour, and renewed in the
// background at four fifths of it. Callers that come while there is none share one request. A ctx that ends, ends the
// caller's own wait only; the error then wraps its cause. Other errors are a *TokenError, or ErrClosed.
func (c *Client) Token(ctx context.Context) (Token, error) { return c.tokens.get(ctx) }

// Invalidate says that the API refused the token of that generation. Unless a newer one has taken its place already,
// the next Token fetches another.
func (c *Client) Invalidate(generation uint64) { c.tokens.invalidate(generation) }

// granted is a token as the token service gives it.
type granted struct {
	value string
	life  time.Duration
}

// tokens keeps the current token.
type tokens struct {
	exchange func(context.Context) (granted, error) // ends in good time by itself
	life     context.Context
	end      context.CancelFunc
	fetching sync.WaitGroup

	mutex      sync.Mutex // guards all below; never held while a request is under way
	current    Token
	until      time.Time   // current is given out before this
	generation uint64      // of the last token got
	flight     *flight     // the request under way, or nil
	renewal    *time.Timer // starts the next flight; nil: none was ever set
	closed     bool
}

// flight is one request for a token; token and err may be read once done is closed.
type flight struct {
	done  chan struct{}
	token Token
	err   error
}

func newTokens(exchange func(context.Context) (granted, error)) *tokens {
	life, end := context.WithCancel(context.Background())
	return &tokens{exchange: exchange, life: life, end: end}
}

func (t *tokens) get(ctx context.Context) (Token, error) {
	token, under, err := t.currentOrFlight(ctx)
	if under == nil {
		return token, err
	}
	select {
	case <-under.done:
		return under.token, under.err
	case <-ctx.Done():
		return Token{}, fmt.Errorf("waiting for a token: %w", context.Cause(ctx))
	}
}

// currentOrFlight is the current token, or else the flight that will bring one.
func (t *tokens) currentOrFlight(ctx context.Context) (Token, *flight, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	switch {
	case t.closed:
		return Token{}, nil, ErrClosed
	case t.usable():
		return t.current, nil, nil
	case ctx.Err() != nil:
		return Token{}, nil, fmt.Errorf("waiting for a token: %w", context.Cause(ctx))
	}
	return Token{}, t.start(), nil
}

func (t *tokens) usable() bool { return t.current.value != nil && time.Now().Before(t.until) }

func (t *tokens) invalidate(generation uint64) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.current.Generation == generation {
		t.current = Token{}
	}
}

// start joins the flight under way, or starts one. The mutex is held.
func (t *tokens) start() *flight {
	if t.flight == nil {
		started := &flight{done: make(chan struct{})}
		t.flight = started
		t.fetching.Go(func() { t.fly(started) })
	}
	return t.flight
}

func (t *tokens) fly(under *flight) {
	defer close(under.done)
	began := time.Now()
	got, err := t.exchange(t.life)

	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.flight = nil
	switch {
	case t.closed:
		under.err = ErrClosed
	case err != nil:
		under.err = err
		if wait := time.Until(t.until) / 2; t.usable() && wait >= shortestRetry {
			t.renewIn(wait) // the current token serves meanwhile
		}
	default:
		t.generation++
		under.token = Token{value: &got.value, Generation: t.generation}
		t.current = under.token
		// Its life is counted from before the request: the service's count began before the answer came.
		t.until = began.Add(got.life - min(got.life/10, longestReserve))
		t.renewIn(time.Until(began.Add(got.life / 5 * 4)))
	}
}

// renewIn sets the time of the next renewal in the background. The mutex is held.
func (t *tokens) renewIn(wait time.Duration) {
	if t.renewal != nil {
		t.renewal.Stop()
	}
	t.renewal = time.AfterFunc(wait, func() {
		t.mutex.Lock()
		defer t.mutex.Unlock()
		// A token that was refused is replaced when it is asked for.
		if !t.closed && t.current.value != nil {
			t.start()
		}
	})
}

func (t *tokens) close() {
	t.mutex.Lock()
	t.closed = true
	if t.renewal != nil {
		t.renewal.Stop()
	}
	t.mutex.Unlock()
	t.end()
	t.fetching.Wait()
}
