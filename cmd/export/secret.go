package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"omega-export/internal/omega"
)

// credentialName is the name of the secret among the credentials that systemd gives a service; another supplier's has
// its code_cdgf after it.
const credentialName = "omega-client-secret"

// credentialsVariable is the variable in which systemd names the folder of a service's credentials.
const credentialsVariable = "CREDENTIALS_DIRECTORY"

// maxSecret is how many bytes a secret may have.
const maxSecret = 64 << 10

// secret is the client's secret, and where it comes from: the file if one is named, or else the environment, or else
// systemd's credentials.
func (f *apiFlags) secret() (secret omega.Secret, from string, err error) {
	if f.ClientSecretFile != "" {
		if secret, err = readSecret(f.ClientSecretFile); err != nil {
			return "", "", fmt.Errorf("--client-secret-file: %w", err)
		}
		return secret, f.ClientSecretFile, nil
	}
	if secret := os.Getenv("OMEGA_CLIENT_SECRET"); secret != "" {
		return omega.Secret(secret), "OMEGA_CLIENT_SECRET", nil
	}
	secret, from, err = secretCredential(credentialName)
	if err == nil && secret == "" {
		err = errors.New("no client secret: set OMEGA_CLIENT_SECRET, or name a file with --client-secret-file")
	}
	return secret, from, err
}

// secretCredential is a secret among systemd's credentials, and its file; "" if it is not there.
func secretCredential(name string) (secret omega.Secret, from string, err error) {
	folder := os.Getenv(credentialsVariable)
	if folder == "" || strings.ContainsAny(name, `/\`) {
		return "", "", nil
	}
	from = filepath.Join(folder, name)
	if _, err := os.Stat(from); errors.Is(err, os.ErrNotExist) {
		return "", "", nil
	}
	if secret, err = readSecret(from); err != nil {
		return "", "", fmt.Errorf("$%s: %w", credentialsVariable, err)
	}
	return secret, "$" + credentialsVariable + "/" + name, nil
}

// readSecret reads a file that holds one line, and that nobody may read whom it does not concern (see tooOpen).
func readSecret(path string) (omega.Secret, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat() // of the file that is read, whatever takes its name meanwhile
	if err != nil {
		return "", err
	}
	if info.Mode().IsRegular() {
		if err := tooOpen(path, info); err != nil {
			return "", err
		}
	}
	text, err := io.ReadAll(io.LimitReader(file, maxSecret))
	if err != nil {
		return "", err
	}
	secret := string(bytes.TrimSpace(text))
	if secret == "" || strings.ContainsAny(secret, "\r\n") {
		return "", fmt.Errorf("%s does not hold one line with the secret", path)
	}
	return omega.Secret(secret), nil
}

// tooOpen refuses a secret's file that others than its reader may read. Its group may, and no more than read, in the two
// places where an administrator gives a secret to a service so: under systemd's credentials; and in a file of root's that
// the service, not root, reads through its group, in a folder that only root may change. That is what Kubernetes makes
// of a secret's volume with defaultMode 0400 and fsGroup, and what chown root:GROUP and chmod 640 make.
func tooOpen(path string, info os.FileInfo) error {
	mode := info.Mode().Perm()
	if mode&0o077 == 0 {
		return nil
	}
	if mode&0o037 == 0 && (amongCredentials(path) || givenByRoot(path, info)) {
		return nil
	}
	return fmt.Errorf("%s can be read by others (mode %04o): chmod 600 %s", path, mode, path)
}

// amongCredentials says whether a file lies under systemd's credentials.
func amongCredentials(path string) bool {
	folder := os.Getenv(credentialsVariable)
	if folder == "" {
		return false
	}
	realFolder, errFolder := filepath.EvalSymlinks(folder)
	realPath, errPath := filepath.EvalSymlinks(path)
	if errFolder != nil || errPath != nil {
		return false
	}
	inside, err := filepath.Rel(realFolder, realPath)
	return err == nil && filepath.IsLocal(inside)
}
