package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"omega-export/internal/privacy"
	"omega-export/schemas"
)

// personalFlags say what becomes of values that tell of a person.
type personalFlags struct {
	Personal        []string `placeholder:"MARK=ACTION" help:"What becomes of the values of a mark (nom, prenom, telephone, adresse, courriel, identifiant, autre): keep, drop, or pseudonymise. May be repeated; see docs/personal-data.md."`
	PersonalDefault string   `default:"keep" enum:"keep,drop,pseudonymise" help:"And of the marks that --personal does not name (default: ${default})."`
	PersonalKeyFile string   `placeholder:"FILE" help:"File with the key of the pseudonyms, 32 bytes at least as hexadecimal, base64 or raw, which only its owner may read. Or a systemd credential named omega-personal-key."`
}

// personalCredential is the name of systemd's credential with the key.
const personalCredential = "omega-personal-key"

// policy is what the flags say, nil if all is kept.
func (f *personalFlags) policy() (*privacy.Policy, error) {
	options := privacy.Options{Default: privacy.Action(f.PersonalDefault), ByMark: f.Personal}
	for _, mark := range schemas.AllMarks() {
		options.Marks = append(options.Marks, string(mark))
	}
	var err error
	if options.Key, err = f.key(); err != nil {
		return nil, &configError{err}
	}
	policy, err := privacy.NewPolicy(options)
	switch {
	case errors.Is(err, privacy.ErrNoKey):
		return nil, &configError{fmt.Errorf("%w: name its file with --personal-key-file (make one: openssl rand -hex 32, in a file of mode 0600), or give it as the systemd credential %s", err, personalCredential)}
	case err != nil:
		return nil, &configError{fmt.Errorf("--personal: %w", err)}
	}
	return policy, nil
}

// key is that of --personal-key-file, or of systemd's credential, or nil.
func (f *personalFlags) key() (*privacy.Key, error) {
	path := f.PersonalKeyFile
	if path != "" {
		if err := onlyOwners(path); err != nil {
			return nil, fmt.Errorf("--personal-key-file: %w", err)
		}
	} else {
		// Its folder is the service's alone, whatever mode the files have.
		folder := os.Getenv("CREDENTIALS_DIRECTORY")
		if folder == "" {
			return nil, nil
		}
		path = filepath.Join(folder, personalCredential)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key of the pseudonyms: %w", err)
	}
	key, err := privacy.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("reading the key of the pseudonyms from %s: %w", path, err)
	}
	return key, nil
}

// tell logs what becomes of personal values, if not all are kept.
func (f *personalFlags) tell(log *slog.Logger, policy *privacy.Policy) {
	if !policy.KeepsAll() {
		log.Info("personal values in the tables", "policy", policy.Describe())
	}
}

// onlyOwners refuses a file that others than its owner may read.
func onlyOwners(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s can be read by others (mode %04o): chmod 600 it", path, info.Mode().Perm())
	}
	return nil
}
