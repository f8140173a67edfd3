package omega

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const (
	assumedLife  = time.Hour // of a token that tells none (guide §1.4, Annexe B)
	shortestLife = time.Second
)

// TokenError is a token that was not given. It holds nothing of the answer but its status and its error code.
type TokenError struct {
	Refused    bool   // the service refuses these credentials or this scope: trying again is no use
	HTTPStatus int    // 0: there was no answer, or one that is not understood
	Code       string // OAuth's error code (RFC 6749 §5.2), such as invalid_client; "" if there is none
	Err        error  // what went wrong where there is no status
}

// Error is one line, without secret and without body.
func (e *TokenError) Error() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("fetching a token: %v", e.Err)
	case e.Code != "":
		return fmt.Sprintf("fetching a token: the token service answered %d (%s)", e.HTTPStatus, e.Code)
	}
	return fmt.Sprintf("fetching a token: the token service answered %d", e.HTTPStatus)
}

// Unwrap is Err.
func (e *TokenError) Unwrap() error { return e.Err }

// newExchange makes the function that asks for one token (guide §1.3, OAuth's client credentials). It fails with a
// *TokenError.
func newExchange(settings Settings, transport http.RoundTripper) func(context.Context) (granted, error) {
	config := &clientcredentials.Config{
		ClientID:     settings.ClientID,
		ClientSecret: settings.ClientSecret.Reveal(),
		TokenURL:     settings.TokenURL,
		Scopes:       strings.Fields(settings.Scope),
		AuthStyle:    oauth2.AuthStyleInHeader,
	}
	client := &http.Client{
		Transport: tokenTransport{transport, settings.UserAgent},
		Timeout:   settings.TokenTimeout,
		// The credentials must go nowhere else: a redirect is an answer like any other that is no token.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context) (granted, error) {
		token, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, client))
		if err != nil {
			return granted{}, tokenError(err)
		}
		value, err := bearer(token.AccessToken)
		if err != nil {
			return granted{}, &TokenError{Err: err}
		}
		life := assumedLife
		if !token.Expiry.IsZero() {
			life = max(time.Until(token.Expiry).Round(time.Second), shortestLife)
		}
		return granted{value, life}, nil
	}
}

// bearer is a token as it can stand in a header. The guide's example (Annexe B) is broken over several lines.
func bearer(text string) (string, error) {
	value := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
	if value == "" {
		return "", errors.New("the token is empty")
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < '!' || r > '~' }) {
		return "", errors.New("the token holds characters that cannot stand in a header")
	}
	return value, nil
}

var errorCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

// tokenError keeps of an error of package oauth2 what may be shown: its own text quotes the answer.
func tokenError(err error) *TokenError {
	var answered *oauth2.RetrieveError
	if !errors.As(err, &answered) {
		if strings.HasPrefix(err.Error(), "oauth2: cannot parse") {
			err = errors.New("the token service's answer is not the JSON of a token")
		}
		return &TokenError{Err: safe(err)}
	}
	failed := &TokenError{HTTPStatus: answered.Response.StatusCode}
	if errorCode.MatchString(answered.ErrorCode) {
		failed.Code = answered.ErrorCode
	}
	failed.Refused = isRefusal(failed.HTTPStatus, failed.Code)
	return failed
}

// isRefusal tells a service that says no from one that is out of order. A page of some gateway with a 400 or a 403 is
// not the service's word; a 401 is about the credentials whoever says it.
func isRefusal(status int, code string) bool {
	switch status {
	case http.StatusUnauthorized:
		return true
	case http.StatusOK, http.StatusBadRequest, http.StatusForbidden: // some services send errors with 200
		switch code {
		case "invalid_client", "invalid_scope", "unauthorized_client", "invalid_grant", "unsupported_grant_type",
			"invalid_request", "access_denied":
			return true
		}
	}
	return false
}

// tokenTransport adapts requests for a token and their answers.
type tokenTransport struct {
	to        http.RoundTripper
	userAgent string
}

// RoundTrip sends a request with the client's own name and makes the answer readable for package oauth2.
func (t tokenTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("User-Agent", t.userAgent)
	request.Header.Set("Accept", "application/json")
	response, err := t.to.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	// OAuth's answers are JSON (RFC 6749 §5.1); under another type package oauth2 would read them as a form.
	response.Header.Set("Content-Type", "application/json")
	response.Body = spaced{response.Body}
	return response, nil
}

// spaced reads control characters as spaces. Between JSON's values they mean the same; within a text, where the
// guide's example has line ends, JSON would not allow them.
type spaced struct{ io.ReadCloser }

func (s spaced) Read(into []byte) (int, error) {
	count, err := s.ReadCloser.Read(into)
	for i, b := range into[:count] {
		if b < ' ' {
			into[i] = ' '
		}
	}
	return count, err
}
