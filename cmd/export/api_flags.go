package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"omega-export/internal/omega"
)

// apiFlags are where the API is and who asks. The guide calls its addresses provisional, so all of them are settings.
type apiFlags struct {
	BaseURL          string `default:"https://api.grdf.fr/fournisseur" placeholder:"URL" help:"The API's base URL (default: ${default})."`
	Path             string `default:"/demande/v1/demandes/{numero_demande}/externe" placeholder:"PATH" help:"The consultation's path (default: ${default})."`
	TokenURL         string `default:"https://connexion.grdf.fr/oauth2/us5y2ta2uEHjCWIR417/v1/token" placeholder:"URL" help:"The token service (default: ${default})."`
	Scope            string `default:"suivi_demande" help:"The token's scope (default: ${default})."`
	ClientID         string `help:"The client's identifier. Required, but with --simulate."`
	ClientSecretFile string `placeholder:"FILE" help:"File with the client's secret, which only its owner may read. Or set OMEGA_CLIENT_SECRET."`
	CodeCDGF         string `name:"code-cdgf" env:"OMEGA_CODE_CDGF" help:"The supplier's CDGF code, where the list names none. Required, but with --simulate."`
	UserLogin        string `help:"Login of who calls, sent as x-user-login (guide, 2.2.1). Required, but with --simulate."`
}

// settings are the client's settings. Those of a simulation need no credentials; its addresses are set once it is served.
func (f *apiFlags) settings(simulate bool) (omega.Settings, error) {
	settings := omega.Settings{
		BaseURL: f.BaseURL, Path: f.Path, TokenURL: f.TokenURL, Scope: f.Scope, ClientID: f.ClientID, UserLogin: f.UserLogin,
		UserAgent: "omega-export/" + version(),
	}
	if simulate {
		settings.ClientID, settings.ClientSecret, settings.UserLogin = "simulation", "simulation", "simulation"
		if f.CodeCDGF == "" {
			f.CodeCDGF = "A04000000X"
		}
		return settings, nil
	}
	var missing []string
	for _, needed := range []struct{ flag, value string }{
		{"--client-id (OMEGA_CLIENT_ID)", f.ClientID}, {"--code-cdgf (OMEGA_CODE_CDGF)", f.CodeCDGF}, {"--user-login (OMEGA_USER_LOGIN)", f.UserLogin},
	} {
		if needed.value == "" {
			missing = append(missing, needed.flag)
		}
	}
	if len(missing) > 0 {
		return omega.Settings{}, &usageError{fmt.Errorf("missing: %s", strings.Join(missing, ", "))}
	}
	secret, err := f.secret()
	if err != nil {
		return omega.Settings{}, &configError{err}
	}
	settings.ClientSecret = omega.Secret(secret)
	return settings, nil
}

// secret is the client's secret, from the file if one is named, or else from the environment.
func (f *apiFlags) secret() (string, error) {
	if f.ClientSecretFile == "" {
		if secret := os.Getenv("OMEGA_CLIENT_SECRET"); secret != "" {
			return secret, nil
		}
		return "", errors.New("no client secret: set OMEGA_CLIENT_SECRET, or name a file with --client-secret-file")
	}
	info, err := os.Stat(f.ClientSecretFile)
	if err != nil {
		return "", fmt.Errorf("--client-secret-file: %w", err)
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("--client-secret-file: %s can be read by others (mode %04o): chmod 600 it", f.ClientSecretFile, info.Mode().Perm())
	}
	text, err := os.ReadFile(f.ClientSecretFile)
	if err != nil {
		return "", fmt.Errorf("--client-secret-file: %w", err)
	}
	secret := string(bytes.TrimSpace(text))
	if secret == "" || strings.ContainsAny(secret, "\r\n") {
		return "", fmt.Errorf("--client-secret-file: %s does not hold one line with the secret", f.ClientSecretFile)
	}
	return secret, nil
}

// namingFlag names the flag of a setting that the client refuses.
func namingFlag(err error) error {
	var refused *omega.SettingError
	if !errors.As(err, &refused) {
		return err
	}
	flags := map[string]string{
		"BaseURL": "--base-url", "Path": "--path", "TokenURL": "--token-url", "Scope": "--scope", "ClientID": "--client-id",
		"ClientSecret": "OMEGA_CLIENT_SECRET or --client-secret-file", "UserLogin": "--user-login", "MaxInFlight": "--max-in-flight",
	}
	flag := flags[refused.Setting]
	if flag == "" {
		flag = refused.Setting
	}
	return &configError{fmt.Errorf("%s: %s", flag, refused.Reason)}
}
