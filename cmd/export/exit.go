package main

import (
	"context"
	"errors"
	"fmt"

	"omega-export/internal/flatten"
	"omega-export/internal/lease"
	"omega-export/internal/ledger"
	"omega-export/internal/omega"
	"omega-export/internal/pipeline"
	"omega-export/internal/sink"
	"omega-export/internal/source"
)

// The exit codes, after sysexits.h.
const (
	exitDone      = 0
	exitUsage     = 64
	exitList      = 65
	exitOutage    = 69
	exitBug       = 70
	exitCannot    = 73 // the output or the state cannot be opened
	exitIO        = 74 // the output or the state cannot be written
	exitStopped   = 75
	exitRefused   = 77
	exitConfigure = 78
)

// usageError is a command line that cannot be understood, of a command if it names one.
type usageError struct {
	err     error
	command string
}

func (e *usageError) Error() string {
	return fmt.Sprintf("%v (see omega-export %s--help)", e.err, unless(e.command == "", e.command+" "))
}

func (e *usageError) Unwrap() error { return e.err }

// configError is a setting that cannot work.
type configError struct{ err error }

func (e *configError) Error() string { return e.err.Error() }
func (e *configError) Unwrap() error { return e.err }

// errDamaged says that verify found a problem; it has been printed.
var errDamaged = errors.New("the output is not whole; each problem is listed above")

// errForgetDamaged says that forget came upon a damaged file: what is left of the numbers in it cannot be told.
var errForgetDamaged = errors.New("not forgotten everywhere")

// errNoOutput says that there is no output to read.
var errNoOutput = errors.New("nothing to verify")

// errUnreadable says that what is in the output cannot be read; verify tells more.
var errUnreadable = errors.New("the output cannot be read (see omega-export verify)")

// errState says that a state in a bucket cannot be used.
var errState = errors.New("the state cannot be opened")

// errReport says that a file that was asked for, as --report, could not be written.
var errReport = errors.New("the file is not written")

// errNoReport says that there is no run report to tell of.
var errNoReport = errors.New("the report cannot be read")

// errNoAnswers says that there is nothing to infer a schema from.
var errNoAnswers = errors.New("no raw answers can be read")

// exitCode is the one place that maps errors to exit codes. Of several joined, the one that most needs a person wins.
func exitCode(err error) int {
	var (
		usage   *usageError
		config  *configError
		setting *omega.SettingError
		list    *source.ListError
		key     *flatten.KeyError
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &config), errors.As(err, &setting), errors.As(err, &key), isSealed(err), errors.Is(err, ledger.ErrMode), errors.Is(err, ledger.ErrNewer),
		errors.Is(err, ledger.ErrNotFound), errors.Is(err, ledger.ErrNotEmpty), errors.Is(err, sink.ErrMode), errors.Is(err, sink.ErrHasLots):
		return exitConfigure
	case errors.Is(err, pipeline.ErrRefused):
		return exitRefused
	case errors.Is(err, pipeline.ErrState), errors.Is(err, pipeline.ErrPublish), errors.Is(err, ledger.ErrDamaged), errors.Is(err, errReport):
		return exitIO
	case errors.Is(err, errForgetDamaged):
		return exitList
	case errors.Is(err, sink.ErrOutput), errors.Is(err, sink.ErrDamaged), errors.Is(err, errNoOutput), errors.Is(err, errUnreadable), errors.Is(err, errState), isOpenError(err):
		return exitCannot
	case errors.Is(err, pipeline.ErrOutage):
		return exitOutage
	case errors.As(err, &list), errors.Is(err, errDamaged), errors.Is(err, pipeline.ErrArchive), errors.Is(err, errNoAnswers), errors.Is(err, errNoReport):
		return exitList
	case errors.Is(err, pipeline.ErrStopped), errors.Is(err, ledger.ErrLocked), errors.Is(err, lease.ErrHeld), errors.Is(err, lease.ErrLost), errors.Is(err, sink.ErrReplacing), errors.Is(err, context.Canceled):
		return exitStopped
	}
	return exitBug
}

func isOpenError(err error) bool {
	var open *ledger.OpenError
	return errors.As(err, &open) && !errors.Is(err, ledger.ErrLocked)
}
