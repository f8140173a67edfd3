//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"
)

// givenByRoot says whether a file is root's and the program is not, and root alone may change what is in its folder.
func givenByRoot(path string, info os.FileInfo) bool {
	target, err := filepath.EvalSymlinks(path)
	if err != nil || os.Geteuid() == 0 {
		return false
	}
	folder, err := os.Stat(filepath.Dir(target))
	return err == nil && ownedByRoot(info) && ownedByRoot(folder) && folder.Mode().Perm()&0o022 == 0
}

func ownedByRoot(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == 0
}
