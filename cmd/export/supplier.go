package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"omega-export/internal/omega"
)

// supplier is one supplier to ask for.
type supplier struct {
	CodeCDGF   string
	callRate   float64 // its quota, calls a second; 0: that of --rate
	settings   omega.Settings
	secretFrom string
	fromOthers bool // it is of --supplier, not of the flags
}

// quota names the quota that its calls count against, which is the client's.
func (s supplier) quota() string { return s.settings.BaseURL + " " + s.settings.ClientID }

func (s supplier) rate(byDefault float64) float64 {
	if s.callRate > 0 {
		return s.callRate
	}
	return byDefault
}

// namingFlag names the flag, or the key of --supplier, of a setting that the client refuses.
func (s supplier) namingFlag(err error) error {
	var refused *omega.SettingError
	if !errors.As(err, &refused) {
		return err
	}
	flags := map[string]string{
		"BaseURL": "--base-url", "Path": "--path", "TokenURL": "--token-url", "Scope": "--scope", "ClientID": "--client-id",
		"ClientSecret": "OMEGA_CLIENT_SECRET or --client-secret-file", "UserLogin": "--user-login",
	}
	flag := flags[refused.Setting]
	switch {
	case flag == "":
		flag = refused.Setting
	case s.fromOthers && strings.HasPrefix(flag, "--"):
		flag = "--supplier " + s.CodeCDGF + ": " + strings.TrimPrefix(flag, "--")
	}
	return &configError{fmt.Errorf("%s: %s", flag, refused.Reason)}
}

// supplierKeys are the keys of one --supplier.
const supplierKeys = "code-cdgf, client-id, client-secret-file, client-secret-env, user-login, rate"

// otherSupplier is what one --supplier says, by key.
type otherSupplier map[string]string

// UnmarshalText reads key=value pairs with commas between.
func (o *otherSupplier) UnmarshalText(text []byte) error {
	*o = otherSupplier{}
	for pair := range strings.SplitSeq(string(text), ",") {
		key, value, ok := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		switch key {
		case "code-cdgf", "client-id", "client-secret-file", "client-secret-env", "user-login", "rate":
		case "client-secret":
			return errors.New("a secret is never a flag's value: use client-secret-file or client-secret-env")
		default:
			return fmt.Errorf("%q is no key: %s", key, supplierKeys)
		}
		if _, twice := (*o)[key]; twice || !ok || value == "" {
			return fmt.Errorf("%s: wants one value, as %s=VALUE", key, key)
		}
		(*o)[key] = value
	}
	return nil
}

// supplier is what it says over what the flags say.
func (o otherSupplier) supplier(flags supplier) (supplier, error) {
	next := supplier{CodeCDGF: o["code-cdgf"], settings: flags.settings, fromOthers: true}
	next.settings.ClientID = o["client-id"]
	if next.CodeCDGF == "" || next.settings.ClientID == "" {
		return supplier{}, errors.New("code-cdgf and client-id are needed")
	}
	if login := o["user-login"]; login != "" {
		next.settings.UserLogin = login
	}
	if rate := o["rate"]; rate != "" {
		var err error
		if next.callRate, err = strconv.ParseFloat(rate, 64); err != nil || !(next.callRate > 0) {
			return supplier{}, fmt.Errorf("%s: rate=%s is no number of calls a second", next.CodeCDGF, rate)
		}
	}
	secret, from, err := o.secret()
	if err != nil {
		return supplier{}, fmt.Errorf("%s: %w", next.CodeCDGF, err)
	}
	next.secretFrom = from
	next.settings.ClientSecret = secret
	return next, nil
}

// secret is the supplier's secret, and where it comes from.
func (o otherSupplier) secret() (secret omega.Secret, from string, err error) {
	file, variable := o["client-secret-file"], o["client-secret-env"]
	switch {
	case file != "":
		secret, err = readSecret(file)
		return secret, file, err
	case variable != "" && os.Getenv(variable) == "":
		return "", "", fmt.Errorf("no secret: the variable %s is not set", variable)
	case variable != "":
		return omega.Secret(os.Getenv(variable)), variable, nil
	}
	secret, from, err = secretCredential(credentialName + "-" + o["code-cdgf"])
	if err == nil && secret == "" {
		err = errors.New("no secret: give client-secret-file, or in client-secret-env the name of a variable that is set")
	}
	return secret, from, err
}
