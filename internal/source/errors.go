package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// ListError says that a list cannot be read, and what to do about it. Err may be fs.ErrNotExist, fs.ErrPermission
// or io.ErrUnexpectedEOF (a list cut short).
type ListError struct {
	List string // as it was given, or the file that a glob matched; "-" for standard input
	Line int64  // counted from 1; 0 where none is known
	Err  error
}

// Error names the list, the line if one is known, and what is wrong.
func (e *ListError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("reading list %s line %d: %v", spoken(e.List), e.Line, e.Err)
	}
	return fmt.Sprintf("reading list %s: %v", spoken(e.List), e.Err)
}

// Unwrap gives the cause.
func (e *ListError) Unwrap() error { return e.Err }

// spoken is a list's name in a message.
func spoken(list string) string {
	switch list {
	case stdin:
		return "standard input"
	case "":
		return `""`
	}
	return list
}

// explained adds to the cause of a failed read what a person can do about it.
func explained(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // the list's name is told already
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("check its name and folder: %w", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("this user may not read it, check its owner and mode: %w", err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("it is cut short, copy or export it again: %w", io.ErrUnexpectedEOF)
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Errorf("it needs more than %d MiB to decompress, compress it again without --long or --ultra: %w", zstdMemory>>20, err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		return fmt.Errorf("its compressed bytes are damaged, copy or export it again: %w", err)
	}
	return err
}
