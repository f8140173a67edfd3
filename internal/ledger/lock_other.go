//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package ledger

import (
	"errors"
	"os"
)

// lockFile refuses: without a lock two runs could spend the quota twice.
func lockFile(*os.File, lockKind, bool) error { return errors.ErrUnsupported }
