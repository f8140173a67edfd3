//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package sink

import (
	"errors"
	"os"
)

// tryLock refuses: without flock, two processes could publish at once.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
