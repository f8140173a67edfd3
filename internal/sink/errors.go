package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

var (
	// ErrOutput says that the output could not be written. The error that wraps it is an *OutputError.
	ErrOutput = errors.New("the output cannot be written")
	// ErrMode says that a simulated lot was to go into an output of real ones, or the other way round.
	ErrMode = errors.New("simulated and real answers never share an output")
	// ErrReplacing says that another process replaces tables of the output.
	ErrReplacing = errors.New("another process replaces tables of this output")
	// ErrHasLots says that an output has lots of its own, whose rows a replacement made elsewhere would lose.
	ErrHasLots = errors.New("the output has lots of its own")
	// ErrDamaged says that a published file is lost or is not what its lot says.
	ErrDamaged = errors.New("a published file is damaged")
	// ErrNotLive says that a file which was to be replaced is none of its table any more: another replacement was first.
	ErrNotLive = errors.New("a file is no longer one of its table")
	// ErrPublished says that the lot's commit record, or the replacement's, already stands: there is nothing left to
	// publish.
	ErrPublished = errors.New("it is already published")
)

// OutputError tells what of the output could not be written. It wraps ErrOutput and the cause.
type OutputError struct {
	Path   string // absolute
	Doing  string // "creating the folder", "syncing the file"
	Advice string // what the user can do, or ""
	Err    error
}

// Error names the path, the cause, and what to do.
func (e *OutputError) Error() string {
	text := fmt.Sprintf("%v: %s %s: %v", ErrOutput, e.Doing, e.Path, e.Err)
	if e.Advice != "" {
		text += "; " + e.Advice
	}
	return text
}

// Unwrap gives ErrOutput and the cause.
func (e *OutputError) Unwrap() []error { return []error{ErrOutput, e.Err} }

func outputError(doing, path string, err error) *OutputError {
	// The path is named once, not again inside the cause.
	var pathError *fs.PathError
	var linkError *os.LinkError
	switch {
	case errors.As(err, &pathError):
		err = pathError.Err
	case errors.As(err, &linkError):
		err = linkError.Err
	}
	return &OutputError{Path: path, Doing: doing, Advice: advice(err), Err: err}
}

func advice(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "free space there, then run again"
	case errors.Is(err, fs.ErrPermission):
		return "give this user the right to write there, or choose another output with --out"
	case errors.Is(err, syscall.EROFS):
		return "the file system is read-only: choose another output with --out"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return "something that is no folder stands in the way: choose another output with --out"
	case errors.Is(err, syscall.EIO):
		return "the disk fails: check it before running again"
	}
	return ""
}
