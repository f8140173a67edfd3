package telemetry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// pingPatience is how long one ping may take, with its repetitions.
	pingPatience = 10 * time.Second
	pingTries    = 3
	pingPause    = time.Second
)

// Watchdog is told when a run begins and how it ends, by requests to its address, as healthchecks.io and its like want
// them: URL/start, URL, URL/<exit code>. Whoever knows the address can ping, so no error and no log shows it.
type Watchdog struct {
	url    *url.URL
	runID  string
	agent  string
	client *http.Client
}

// NewWatchdog checks the address: https, or http to this machine. An error does not show it. The run's id goes along with
// each ping, so that the watchdog can tell runs apart that overlap.
func NewWatchdog(address, runID, userAgent string) (*Watchdog, error) {
	parsed, err := url.Parse(address)
	switch {
	case err != nil || parsed.Host == "":
		return nil, errors.New("this is no URL, such as https://HOST/PATH")
	case parsed.Fragment != "":
		return nil, errors.New("a URL to ping has no #fragment")
	case parsed.Scheme != "https" && (parsed.Scheme != "http" || !isLoopback(parsed.Hostname())):
		return nil, errors.New("only https, or http to this machine: whoever sees the URL can ping")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // hours lie between two pings
	return &Watchdog{url: parsed, runID: runID, agent: userAgent, client: &http.Client{
		Transport: transport,
		// The address must go nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Started says that the run begins.
func (w *Watchdog) Started(ctx context.Context) error { return w.ping(ctx, "/start", "") }

// Ended says how the run ended, with a few lines of text.
func (w *Watchdog) Ended(ctx context.Context, s Snapshot) error {
	suffix := ""
	if s.ExitCode != 0 {
		suffix = "/" + strconv.Itoa(s.ExitCode)
	}
	return w.ping(ctx, suffix, Summary(s))
}

// ping asks up to three times, ten seconds in all. The error does not show the address.
func (w *Watchdog) ping(ctx context.Context, suffix, body string) error {
	ctx, cancel := context.WithTimeout(ctx, pingPatience)
	defer cancel()
	for try := 1; ; try++ {
		again, err := w.post(ctx, suffix, body)
		if err == nil {
			return nil
		}
		err = fmt.Errorf("pinging --ping-url: %w", err)
		if !again || try == pingTries || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pingPause):
		}
	}
}

// post says whether another try may help.
func (w *Watchdog) post(ctx context.Context, suffix, body string) (again bool, err error) {
	target := *w.url
	target.Path = strings.TrimRight(target.Path, "/") + suffix
	target.RawPath = ""
	query := target.Query()
	query.Set("rid", w.runID)
	target.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(body))
	if err != nil {
		return false, errors.New("the request cannot be made")
	}
	request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	request.Header.Set("User-Agent", w.agent)
	response, err := w.client.Do(request)
	if err != nil {
		return true, wordless(err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10)
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		return false, nil
	}
	return response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests, fmt.Errorf("it answers %d", response.StatusCode)
}

// wordless is an error of net/http without what it quotes: addresses, and pieces of answers.
func wordless(err error) error {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var system syscall.Errno
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &name):
		return errors.New("its host is not found")
	case errors.As(err, &certificate):
		return errors.New("its certificate is not trusted")
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return errors.New("no answer in time")
	case errors.As(err, &system):
		return system
	}
	return errors.New("the exchange failed")
}
