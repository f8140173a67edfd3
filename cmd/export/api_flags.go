package main

import (
	"fmt"
	"strings"

	"omega-export/internal/omega"
)

// apiFlags are where the API is and who asks. The guide calls its addresses provisional, so all of them are settings.
type apiFlags struct {
	BaseURL          string          `default:"https://api.grdf.fr/fournisseur" placeholder:"URL" help:"The API's base URL (default: ${default})."`
	Path             string          `default:"/demande/v1/demandes/{numero_demande}/externe" placeholder:"PATH" help:"The consultation's path (default: ${default})."`
	TokenURL         string          `default:"https://connexion.grdf.fr/oauth2/us5y2ta2uEHjCWIR417/v1/token" placeholder:"URL" help:"The token service (default: ${default})."`
	Scope            string          `default:"suivi_demande" help:"The token's scope (default: ${default})."`
	ClientID         string          `help:"The client's identifier. Required, but with --simulate."`
	ClientSecretFile string          `placeholder:"FILE" help:"File with the client's secret, which only its owner may read. Or set OMEGA_CLIENT_SECRET, or let systemd give the credential omega-client-secret."`
	CodeCDGF         string          `name:"code-cdgf" env:"OMEGA_CODE_CDGF" help:"The supplier's CDGF code, where the list names none. Required, but with --simulate."`
	UserLogin        string          `help:"Login of who calls, sent as x-user-login (guide, 2.2.1). Required, but with --simulate."`
	Supplier         []otherSupplier `sep:"none" placeholder:"KEY=VALUE,..." help:"One more supplier, with a quota of its own, for the numbers that the lists give with its code: code-cdgf=..., client-id=..., client-secret-file=... (or client-secret-env=NAME), and if they differ user-login=..., rate=.... May be repeated; in the configuration file a list of mappings."`
}

// suppliers are who asks: the one of the flags, and those of --supplier. A simulation needs no credentials, and has one
// supplier; its addresses are set once it is served.
func (f *apiFlags) suppliers(simulate bool) ([]supplier, error) {
	first := supplier{CodeCDGF: f.CodeCDGF, settings: omega.Settings{
		BaseURL: f.BaseURL, Path: f.Path, TokenURL: f.TokenURL, Scope: f.Scope, ClientID: f.ClientID, UserLogin: f.UserLogin,
		UserAgent: "omega-export/" + version(),
	}}
	if simulate {
		first.settings.ClientID, first.settings.ClientSecret, first.settings.UserLogin = "simulation", "simulation", "simulation"
		if first.CodeCDGF == "" {
			first.CodeCDGF = "A04000000X"
		}
		return []supplier{first}, nil
	}
	if err := f.complete(); err != nil {
		return nil, err
	}
	secret, _, err := f.secret()
	if err != nil {
		return nil, &configError{err}
	}
	first.settings.ClientSecret = secret
	all := []supplier{first}
	for _, other := range f.Supplier {
		next, err := other.supplier(first)
		if err != nil {
			return nil, &configError{fmt.Errorf("--supplier: %w", err)}
		}
		for _, before := range all {
			if before.CodeCDGF == next.CodeCDGF {
				return nil, &configError{fmt.Errorf("--supplier: the code %s is given twice", next.CodeCDGF)}
			}
		}
		all = append(all, next)
	}
	return all, nil
}

// complete checks that what a real run needs is there.
func (f *apiFlags) complete() error {
	var missing []string
	for _, needed := range []struct{ flag, value string }{
		{"--client-id (OMEGA_CLIENT_ID)", f.ClientID}, {"--code-cdgf (OMEGA_CODE_CDGF)", f.CodeCDGF}, {"--user-login (OMEGA_USER_LOGIN)", f.UserLogin},
	} {
		if needed.value == "" {
			missing = append(missing, needed.flag)
		}
	}
	if len(missing) > 0 {
		return &usageError{err: fmt.Errorf("missing: %s", strings.Join(missing, ", ")), command: "run"}
	}
	return nil
}
