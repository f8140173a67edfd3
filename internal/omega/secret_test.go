package omega

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
)

func TestASecretIsShownInNoWay(t *testing.T) {
	client := newTestClient(t, testSettings("https://api.grdf.fr"))
	settings := testSettings("https://api.grdf.fr")
	var shown bytes.Buffer
	for _, value := range []any{testSecret, &settings, settings, theToken(), client, &struct{ c *Client }{client}, []Secret{testSecret}, map[string]Secret{"key": testSecret}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%08b", "%20s"} {
			fmt.Fprintf(&shown, verb+"\n", value)
		}
		slog.New(slog.NewTextHandler(&shown, nil)).Info("text", "value", value)
		slog.New(slog.NewJSONHandler(&shown, nil)).Info("json", "value", value)
	}
	encoded, err := json.Marshal(map[string]any{"secret": testSecret, "token": theToken(), "in": []Secret{testSecret}})
	if err != nil {
		t.Fatal(err)
	}
	shown.Write(encoded)
	mustNotTell(t, shown.String())
	if !strings.Contains(shown.String(), hidden) {
		t.Error("nothing was shown at all")
	}
	check(t, "the secret revealed", testSecret.Reveal(), string(testSecret))
}

// mustNotTell fails if text holds the token or the client secret, in a form that a person or a program could use.
func mustNotTell(t *testing.T, text string) {
	t.Helper()
	escaped := url.QueryEscape(string(testSecret))
	basic := base64.StdEncoding.EncodeToString([]byte("0oa-client:" + escaped))
	for _, secret := range []string{testToken, string(testSecret), escaped, basic} {
		for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret)} {
			if at := strings.Index(text, form); at >= 0 {
				t.Errorf("a secret is told: ...%s", text[max(0, at-100):at])
			}
		}
	}
}
