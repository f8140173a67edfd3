package omega

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// tokenService is a token service under a synctest clock. Each request takes latency.
type tokenService struct {
	latency time.Duration
	life    int // seconds; 0: it tells none
	down    atomic.Bool
	fetched atomic.Int64
}

func (s *tokenService) RoundTrip(request *http.Request) (*http.Response, error) {
	fetch := s.fetched.Add(1)
	select {
	case <-time.After(s.latency):
	case <-request.Context().Done():
		return nil, request.Context().Err()
	}
	if s.down.Load() {
		return nil, errors.New("connection refused")
	}
	body := fmt.Sprintf(`{"token_type":"Bearer","access_token":"token-%d"`, fetch)
	if s.life != 0 {
		body += fmt.Sprintf(`,"expires_in":%d`, s.life)
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body + "}"))}, nil
}

// underClock runs a test in a bubble with a client of that token service.
func underClock(t *testing.T, service *tokenService, test func(t *testing.T, client *Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings("https://api.grdf.fr")
		settings.Transport = service
		client, err := NewClient(settings)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		test(t, client)
	})
}

func mustToken(t *testing.T, client *Client) Token {
	t.Helper()
	token, err := client.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestATokenIsKeptAndRenewedBeforeItsEnd(t *testing.T) {
	for _, life := range []int{0, 3600, 600, 10, 2} {
		t.Run(fmt.Sprintf("%d s", life), func(t *testing.T) {
			service := &tokenService{latency: 100 * time.Millisecond, life: life}
			lasts := time.Duration(life) * time.Second
			if life == 0 {
				lasts = time.Hour // guide §1.4
			}
			underClock(t, service, func(t *testing.T, client *Client) {
				began := time.Now()
				first := mustToken(t, client)
				check(t, "the wait for the first", time.Since(began), service.latency)
				time.Sleep(lasts*79/100 - service.latency)
				check(t, "the token at 79 % of its life", mustToken(t, client), first)
				check(t, "the requests until then", service.fetched.Load(), 1)
				time.Sleep(lasts/100 + service.latency + time.Millisecond)
				before := time.Now()
				second := mustToken(t, client)
				check(t, "the wait for the second", time.Since(before), 0)
				check(t, "the second's generation", second.Generation, 2)
				check(t, "the requests until then", service.fetched.Load(), 2)
				// Callers never wait again, and each renewal costs one request.
				for range 500 {
					time.Sleep(lasts / 50)
					before := time.Now()
					mustToken(t, client)
					check(t, "the wait", time.Since(before), 0)
				}
				if got := service.fetched.Load(); got < 13 || got > 16 {
					t.Errorf("%d requests in some 11 lives", got)
				}
			})
		})
	}
}

func TestCallersWhoComeTogetherShareOneRequest(t *testing.T) {
	service := &tokenService{latency: time.Second, life: 3600}
	underClock(t, service, func(t *testing.T, client *Client) {
		got := make(chan Token, 20)
		for i := range cap(got) {
			go func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				token, _ := client.Token(t.Context())
				got <- token
			}()
		}
		first := <-got
		check(t, "the generation", first.Generation, 1)
		for range cap(got) - 1 {
			check(t, "a caller's token", <-got, first)
		}
		check(t, "the number of requests", service.fetched.Load(), 1)
	})
}

func TestACallersEndEndsOnlyItsOwnWait(t *testing.T) {
	service := &tokenService{latency: time.Second, life: 3600}
	underClock(t, service, func(t *testing.T, client *Client) {
		reason := errors.New("the run is stopped")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, reason)
		defer cancel()
		began := time.Now()
		_, err := client.Token(ctx)
		check(t, "the wait of the caller who gave up", time.Since(began), 300*time.Millisecond)
		if !errors.Is(err, reason) {
			t.Errorf("the error is %v, want its cause", err)
		}
		mustToken(t, client)
		check(t, "the wait of the next", time.Since(began), time.Second)
		check(t, "the number of requests", service.fetched.Load(), 1)
		client.Invalidate(1)
		if _, err := client.Token(ctx); !errors.Is(err, reason) {
			t.Errorf("the error of one who had given up before is %v", err)
		}
		check(t, "the number of requests", service.fetched.Load(), 1)
	})
}

func TestARefusedTokenIsReplacedOnce(t *testing.T) {
	service := &tokenService{life: 3600}
	underClock(t, service, func(t *testing.T, client *Client) {
		first := mustToken(t, client)
		client.Invalidate(first.Generation)
		second := mustToken(t, client)
		check(t, "the second's generation", second.Generation, first.Generation+1)
		// The other calls that were in flight with the first token are refused too.
		client.Invalidate(first.Generation)
		client.Invalidate(0)
		check(t, "the token after late refusals", mustToken(t, client), second)
		check(t, "the number of requests", service.fetched.Load(), 2)
	})
}

func TestARenewalThatFailsIsTriedAgainWhileTheTokenServes(t *testing.T) {
	service := &tokenService{life: 3600}
	underClock(t, service, func(t *testing.T, client *Client) {
		first := mustToken(t, client)
		service.down.Store(true)
		time.Sleep(55 * time.Minute)
		check(t, "the token while the service is down", mustToken(t, client), first)
		if tries := service.fetched.Load() - 1; tries < 2 || tries > 20 {
			t.Errorf("the renewal was tried %d times", tries)
		}
		service.down.Store(false)
		time.Sleep(4*time.Minute + 25*time.Second)
		synctest.Wait()
		check(t, "the generation once it is up", mustToken(t, client).Generation, 2)
	})
}

func TestATokenIsNotGivenOutAtItsEnd(t *testing.T) {
	service := &tokenService{life: 3600}
	underClock(t, service, func(t *testing.T, client *Client) {
		mustToken(t, client)
		service.down.Store(true)
		time.Sleep(time.Hour - longestReserve)
		_, err := client.Token(t.Context())
		var failed *TokenError
		if !errors.As(err, &failed) || failed.Refused || failed.HTTPStatus != 0 {
			t.Errorf("the error is %#v", err)
		}
		service.down.Store(false)
		check(t, "the generation", mustToken(t, client).Generation, 2)
	})
}

func TestAServiceThatDoesNotAnswerIsNotWaitedForEndlessly(t *testing.T) {
	service := &tokenService{latency: time.Hour}
	underClock(t, service, func(t *testing.T, client *Client) {
		began := time.Now()
		_, err := client.Token(t.Context())
		check(t, "the wait", time.Since(began), DefaultTokenTimeout)
		var failed *TokenError
		if !errors.As(err, &failed) || failed.Refused {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestCloseEndsWaitsAndRenewal(t *testing.T) {
	service := &tokenService{latency: time.Second, life: 10}
	underClock(t, service, func(t *testing.T, client *Client) {
		mustToken(t, client)
		time.Sleep(7500 * time.Millisecond) // a renewal is under way
		client.Invalidate(1)
		failed := make(chan error)
		go func() {
			_, err := client.Token(t.Context())
			failed <- err
		}()
		synctest.Wait()
		client.Close()
		client.Close() // twice does no harm
		if err := <-failed; !errors.Is(err, ErrClosed) {
			t.Errorf("who waited got %v", err)
		}
		if _, err := client.Token(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("who came later got %v", err)
		}
		before := service.fetched.Load()
		time.Sleep(time.Hour)
		check(t, "the requests after the end", service.fetched.Load()-before, 0)
	})
}
