package omega

import (
	"errors"
	"strings"
	"testing"
)

func TestASettingThatCannotBeUsedIsNamed(t *testing.T) {
	cases := []struct {
		name, setting string
		change        func(*Settings)
	}{
		{"plain http to a host", "BaseURL", func(s *Settings) { s.BaseURL = "http://api.grdf.fr/fournisseur" }},
		{"a host that only looks like loopback", "BaseURL", func(s *Settings) { s.BaseURL = "http://localhost.example.com" }},
		{"an address that only looks like loopback", "BaseURL", func(s *Settings) { s.BaseURL = "http://127.0.0.1.example.com" }},
		{"another scheme", "BaseURL", func(s *Settings) { s.BaseURL = "ftp://localhost" }},
		{"no scheme", "BaseURL", func(s *Settings) { s.BaseURL = "api.grdf.fr/fournisseur" }},
		{"no host", "BaseURL", func(s *Settings) { s.BaseURL = "https:///fournisseur" }},
		{"a password", "BaseURL", func(s *Settings) { s.BaseURL = "https://user:hunter2@api.grdf.fr" }},
		{"a password in what is no URL", "BaseURL", func(s *Settings) { s.BaseURL = "https://user:hunter2@api.grdf.fr:port" }},
		{"a query", "BaseURL", func(s *Settings) { s.BaseURL = "https://api.grdf.fr?a=b" }},
		{"an empty query", "BaseURL", func(s *Settings) { s.BaseURL = "https://api.grdf.fr?" }},
		{"a fragment", "BaseURL", func(s *Settings) { s.BaseURL = "https://api.grdf.fr#x" }},
		{"no base", "BaseURL", func(s *Settings) { s.BaseURL = "" }},
		{"a path without the number", "Path", func(s *Settings) { s.Path = "/demandes/externe" }},
		{"a path that goes on with the host", "Path", func(s *Settings) { s.Path = "@example.com/" + Number }},
		{"a path with a query", "Path", func(s *Settings) { s.Path = "/" + Number + "?a=b" }},
		{"a path with a bad escape", "Path", func(s *Settings) { s.Path = "/%zz/" + Number }},
		{"the token over plain http", "TokenURL", func(s *Settings) { s.TokenURL = "http://connexion.grdf.fr/token" }},
		{"no client", "ClientID", func(s *Settings) { s.ClientID = " " }},
		{"no secret", "ClientSecret", func(s *Settings) { s.ClientSecret = "" }},
		{"a secret with its line end", "ClientSecret", func(s *Settings) { s.ClientSecret = "hunter2\n" }},
		{"no login", "UserLogin", func(s *Settings) { s.UserLogin = "" }},
		{"a login that adds a header", "UserLogin", func(s *Settings) { s.UserLogin = "a\r\nX-Other: b" }},
		{"a negative time", "CallTimeout", func(s *Settings) { s.CallTimeout = -1 }},
		{"a negative size", "MaxBody", func(s *Settings) { s.MaxBody = -1 }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			settings := testSettings("https://api.grdf.fr")
			c.change(&settings)
			client, err := NewClient(settings)
			var wrong *SettingError
			if !errors.As(err, &wrong) {
				t.Fatalf("the error is %v (client %v), want a *SettingError", err, client)
			}
			check(t, "the setting", wrong.Setting, c.setting)
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

func TestLoopbackMayBeSpokenToInPlainHTTP(t *testing.T) {
	for _, base := range []string{"http://localhost:8080", "http://127.0.0.1", "http://127.9.8.7:1", "http://[::1]:8080", "https://api.grdf.fr"} {
		client, err := NewClient(testSettings(base))
		if err != nil {
			t.Errorf("%s: %v", base, err)
			continue
		}
		client.Close()
	}
}

func TestTheNumberIsOneSegmentOfThePath(t *testing.T) {
	settings := testSettings("https://api.grdf.fr")
	got := settings.address("WD/..?a=b#c%2F é", "A&B=C")
	check(t, "the address", got, "https://api.grdf.fr/fournisseur/demande/v1/demandes/WD%2F..%3Fa=b%23c%252F%20%C3%A9/externe?code_cdgf=A%26B%3DC")
}
