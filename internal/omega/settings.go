package omega

import (
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Number is the place of the demande's number in Settings.Path.
const Number = "{numero_demande}"

// What Settings mean where they are zero.
const (
	DefaultScope        = "suivi_demande" // guide §1.4
	DefaultUserAgent    = "omega-export"
	DefaultCallTimeout  = 60 * time.Second
	DefaultTokenTimeout = 30 * time.Second
	DefaultMaxBody      = int64(32 << 20)
	DefaultMaxInFlight  = 64
)

// Settings say which API is called, and as whom. The guide calls its addresses provisional, so all are settings.
type Settings struct {
	BaseURL  string // guide §1.3: https://api.grdf.fr/fournisseur
	Path     string // begins with "/", holds {numero_demande}, which is escaped as one segment
	TokenURL string // guide §1.3
	Scope    string // DefaultScope if empty

	ClientID     string
	ClientSecret Secret
	UserLogin    string // header x-user-login: who makes the calls (guide §2.2.1)
	UserAgent    string // DefaultUserAgent if empty

	CallTimeout  time.Duration // a whole call, from connecting to the body's last byte
	TokenTimeout time.Duration // the same for a token
	MaxBody      int64         // bytes of an answer's body, before and after decompression
	MaxInFlight  int           // connections kept open

	// Transport replaces the client's own, in tests. The own one speaks HTTP/1.1 only.
	Transport http.RoundTripper
}

// SettingError names a setting that cannot be used. It never holds the setting's value.
type SettingError struct {
	Setting string // the field of Settings
	Reason  string
}

// Error is "setting BaseURL: it must ...".
func (e *SettingError) Error() string { return "setting " + e.Setting + ": " + e.Reason }

// withDefaults fills in what is zero.
func (s Settings) withDefaults() Settings {
	s.Scope = orDefault(s.Scope, DefaultScope)
	s.UserAgent = orDefault(s.UserAgent, DefaultUserAgent)
	s.CallTimeout = orDefault(s.CallTimeout, DefaultCallTimeout)
	s.TokenTimeout = orDefault(s.TokenTimeout, DefaultTokenTimeout)
	s.MaxBody = orDefault(s.MaxBody, DefaultMaxBody)
	s.MaxInFlight = orDefault(s.MaxInFlight, DefaultMaxInFlight)
	s.BaseURL = strings.TrimRight(s.BaseURL, "/")
	return s
}

func orDefault[T comparable](value, standard T) T {
	var zero T
	if value == zero {
		return standard
	}
	return value
}

// check says what is wrong with settings whose defaults are filled in: a *SettingError, or nil.
func (s Settings) check() error {
	if reason := wrongURL(s.BaseURL, false); reason != "" {
		return &SettingError{"BaseURL", reason}
	}
	if reason := wrongPath(s.Path); reason != "" {
		return &SettingError{"Path", reason}
	}
	if reason := wrongURL(s.TokenURL, true); reason != "" {
		return &SettingError{"TokenURL", reason}
	}
	texts := []struct{ setting, value string }{
		{"ClientID", s.ClientID},
		{"ClientSecret", s.ClientSecret.Reveal()},
		{"UserLogin", s.UserLogin},
		{"UserAgent", s.UserAgent},
		{"Scope", s.Scope},
	}
	for _, text := range texts {
		if strings.TrimSpace(text.value) == "" {
			return &SettingError{text.setting, "it is missing"}
		}
		if strings.ContainsFunc(text.value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return &SettingError{text.setting, "it holds a control character"}
		}
	}
	switch {
	case s.CallTimeout < 0:
		return &SettingError{"CallTimeout", "it is negative"}
	case s.TokenTimeout < 0:
		return &SettingError{"TokenTimeout", "it is negative"}
	case s.MaxInFlight < 0:
		return &SettingError{"MaxInFlight", "it is negative"}
	case s.MaxBody < 0 || s.MaxBody == math.MaxInt64: // one byte more is read, to see whether there is more
		return &SettingError{"MaxBody", "it is out of range"}
	}
	return nil
}

// wrongURL is why secrets cannot be sent to an address, or "". It never quotes the address, which may hold a password.
func wrongURL(address string, queryAllowed bool) string {
	if address == "" {
		return "it is missing"
	}
	parsed, err := url.Parse(address)
	switch {
	case err != nil:
		return "it is not a URL"
	case parsed.Hostname() == "" || parsed.Opaque != "":
		return "it names no host"
	case parsed.User != nil:
		return "it must hold no user name or password"
	case (parsed.RawQuery != "" || parsed.ForceQuery) && !queryAllowed:
		return "it must hold no query"
	case strings.Contains(address, "#"):
		return "it must hold no fragment"
	case parsed.Scheme == "https", parsed.Scheme == "http" && isLoopback(parsed.Hostname()):
		return ""
	}
	return "it must be https, or http to a loopback host (localhost, 127.0.0.0/8, ::1)"
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.IsLoopback()
}

// wrongPath is why a path cannot stand between the base URL and the query, or "".
func wrongPath(path string) string {
	switch {
	case !strings.HasPrefix(path, "/"): // it would else go on with the host's name
		return "it must begin with /"
	case !strings.Contains(path, Number):
		return fmt.Sprintf("it must hold %s", Number)
	case strings.ContainsAny(path, "?#"):
		return "it must hold no query and no fragment"
	}
	if _, err := url.Parse(strings.ReplaceAll(path, Number, "A")); err != nil {
		return "it cannot stand in a URL"
	}
	return ""
}

// address is the URL of one demande (guide §1.3).
func (s Settings) address(numero, codeCDGF string) string {
	return s.BaseURL + strings.ReplaceAll(s.Path, Number, url.PathEscape(numero)) + "?code_cdgf=" + url.QueryEscape(codeCDGF)
}
