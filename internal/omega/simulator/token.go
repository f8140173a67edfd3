package simulator

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	grantType = "client_credentials"
	// maxTokens is how many tokens are remembered. A client that takes more within their life loses its oldest.
	maxTokens    = 10_000
	maxTokenForm = 64 << 10 // bytes
	bearerPrefix = "Bearer "
)

// tokens is the tokens given out.
type tokens struct {
	life time.Duration

	mutex   sync.Mutex // guards all below
	expires map[string]time.Time
	given   []string // the keys of expires, oldest first
}

func newTokens(life time.Duration) *tokens {
	return &tokens{life: life, expires: map[string]time.Time{}}
}

// give makes a token. It is as long as a real one, so that it tests what must carry it, and says plainly what it is.
func (t *tokens) give(now time.Time) string {
	random := make([]byte, 384)
	_, _ = rand.Read(random) // never fails
	token := "simulated." + base64.RawURLEncoding.EncodeToString(random)

	t.mutex.Lock()
	defer t.mutex.Unlock()
	for len(t.given) > 0 && (len(t.given) >= maxTokens || !now.Before(t.expires[t.given[0]])) {
		delete(t.expires, t.given[0])
		t.given = t.given[1:]
	}
	t.expires[token] = now.Add(t.life)
	t.given = append(t.given, token)
	return token
}

// good says whether an Authorization header carries a token that still lives.
func (t *tokens) good(authorization string, now time.Time) bool {
	// The scheme's case does not matter (RFC 9110, 11.1).
	if len(authorization) < len(bearerPrefix) || !strings.EqualFold(authorization[:len(bearerPrefix)], bearerPrefix) {
		return false
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	expires, known := t.expires[authorization[len(bearerPrefix):]]
	return known && now.Before(expires)
}

// tokenAnswer is the token service's answer, as in Annexe B.
type tokenAnswer struct {
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
	AccessToken string `json:"access_token"`
	Scope       string `json:"scope"`
}

// tokenError is the token service's refusal (RFC 6749, 5.2).
type tokenError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`

	status int
	basic  bool // the credentials came as Basic, so the refusal must name that scheme
}

// serveToken is POST on the token's address (§1.3, §1.4).
func (s *Simulator) serveToken(w http.ResponseWriter, r *http.Request) {
	outage := outageAt(s.options.Outages, s.now().Sub(s.started))
	if outage != nil && outage.Tokens {
		s.tally.tokenAsked(false)
		s.log.DebugContext(r.Context(), "token", "fault", faultOutage)
		answerOutage(w, outage)
		return
	}
	scope, refusal := s.checkTokenRequest(w, r)
	s.tally.tokenAsked(refusal == nil)
	if !pause(r.Context(), s.latency(drawTokenLatency, s.tokenCalls.Add(1))) {
		return
	}
	// No cache on the way may keep a token, nor a refusal (RFC 6749, 5.1).
	w.Header().Set("Cache-Control", "no-store")
	if refusal != nil {
		s.log.DebugContext(r.Context(), "token", "status", refusal.status, "error", refusal.Code)
		if refusal.basic {
			w.Header().Set("WWW-Authenticate", "Basic")
		}
		writeJSON(w, refusal.status, refusal)
		return
	}
	s.log.DebugContext(r.Context(), "token", "status", http.StatusOK)
	writeJSON(w, http.StatusOK, tokenAnswer{
		TokenType: "Bearer", ExpiresIn: int64(s.tokens.life.Seconds()), AccessToken: s.tokens.give(s.now()),
		// Annexe B answers in capitals the scope that §1.4 asks for in small letters.
		Scope: strings.ToUpper(scope),
	})
}

// checkTokenRequest is the scope asked for, or why no token is given.
func (s *Simulator) checkTokenRequest(w http.ResponseWriter, r *http.Request) (scope string, refusal *tokenError) {
	bad := func(code, description string) (string, *tokenError) {
		return "", &tokenError{Code: code, Description: description, status: http.StatusBadRequest}
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return "", &tokenError{Code: "invalid_request", Description: "the token service takes POST only", status: http.StatusMethodNotAllowed}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxTokenForm)
	// PostForm only: credentials in an address would end in logs, so RFC 6749 forbids them there (2.3.1).
	if err := r.ParseForm(); err != nil || r.PostForm == nil {
		return bad("invalid_request", "the body is no form")
	}
	if !s.knowsClient(r) {
		_, _, basic := r.BasicAuth()
		return "", &tokenError{Code: "invalid_client", Description: "the client's id or secret is wrong or missing", status: http.StatusUnauthorized, basic: basic}
	}
	switch grant := r.PostForm.Get("grant_type"); grant {
	case grantType:
	case "":
		return bad("invalid_request", "grant_type is missing")
	default:
		return bad("unsupported_grant_type", "grant_type is not client_credentials")
	}
	scope = r.PostForm.Get("scope")
	// The guide writes the scope in both cases (§1.4, Annexe B).
	if s.options.Scope != "" && !strings.EqualFold(scope, s.options.Scope) {
		return bad("invalid_scope", "the scope is not granted to this client")
	}
	return scope, nil
}

// knowsClient checks the credentials, from Basic or from the form. Even where any are accepted, some must be given.
func (s *Simulator) knowsClient(r *http.Request) bool {
	id, secret, basic := r.BasicAuth()
	if !basic {
		return s.isClient(r.PostForm.Get("client_id"), r.PostForm.Get("client_secret"))
	}
	if s.isClient(id, secret) {
		return true
	}
	// RFC 6749 wants both form-encoded within Basic (2.3.1); not all clients do it, and not all services expect it.
	plainID, idErr := url.QueryUnescape(id)
	plainSecret, secretErr := url.QueryUnescape(secret)
	return idErr == nil && secretErr == nil && s.isClient(plainID, plainSecret)
}

func (s *Simulator) isClient(id, secret string) bool {
	return id != "" && secret != "" && same(s.options.ClientID, id) && same(s.options.ClientSecret, secret)
}

// same says whether got is wanted; all are if nothing is wanted.
func same(wanted, got string) bool {
	return wanted == "" || subtle.ConstantTimeCompare([]byte(wanted), []byte(got)) == 1
}
