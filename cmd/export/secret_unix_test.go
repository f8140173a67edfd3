//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A secret that root gives to a service through its group, as the service sees it: the program is run as another.
func TestAServiceReadsTheSecretThatRootGivesItsGroup(t *testing.T) {
	const user = 65532
	if path := os.Getenv("OMEGA_TEST_SECRET"); path != "" {
		if _, err := readSecret(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file to a group that it is not in")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name         string
		folder, file os.FileMode
		owner, group int
		good         bool
	}{
		{"its group's, in root's folder", 0o755, 0o440, 0, user, true},
		{"the same, which root may write", 0o755, 0o640, 0, user, true},
		{"in a folder as Kubernetes makes them", 0o755 | os.ModeSetgid, 0o440, 0, user, true},
		{"in a folder that its group may change", 0o775, 0o440, 0, user, false},
		{"in a folder that all may change", 0o777 | os.ModeSticky, 0o440, 0, user, false},
		{"that its group may write", 0o755, 0o460, 0, user, false},
		{"that all may read", 0o755, 0o444, 0, user, false},
		{"the service's own, and its group's", 0o755, 0o440, user, user, false},
		{"the service's own", 0o755, 0o400, user, user, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder, err := os.MkdirTemp("", "secret")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(folder)
			inner, file := filepath.Join(folder, "..data"), filepath.Join(folder, "..data", "client-secret")
			link, copied := filepath.Join(folder, "client-secret"), filepath.Join(folder, "program")
			for _, err := range []error{
				os.Chmod(folder, 0o755), os.Mkdir(inner, 0o700), os.WriteFile(file, []byte("s3cret-canary\n"), 0o600),
				os.Chown(file, test.owner, test.group), os.Chmod(file, test.file), os.Chown(inner, 0, test.group), os.Chmod(inner, test.folder),
				os.Symlink(filepath.Join("..data", "client-secret"), link), os.Link(program, copied),
			} {
				if err != nil {
					t.Skip(err)
				}
			}
			command := exec.Command(copied, "-test.run", "^"+strings.Split(t.Name(), "/")[0]+"$")
			command.Dir, command.Env = "/", []string{"OMEGA_TEST_SECRET=" + link}
			command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
			said, err := command.CombinedOutput()
			if (err == nil) != test.good {
				t.Errorf("taken: %v, want %v\n%s", err == nil, test.good, said)
			}
			if !test.good && !bytes.Contains(said, []byte("can be read by others")) {
				t.Errorf("it is refused for another reason:\n%s", said)
			}
		})
	}
}
