package pipeline

import "errors"

var (
	// ErrStopped says that a limit or a signal ended the run with work left: run again.
	ErrStopped = errors.New("stopped with work left")
	// ErrRefused says that the API refuses the credentials or the code_cdgf.
	ErrRefused = errors.New("the API refuses this access")
	// ErrOutage says that the API stayed down longer than allowed.
	ErrOutage = errors.New("the API stayed down")
	// ErrPublish says that lots wait in the ledger because the output could not be written.
	ErrPublish = errors.New("the output could not be written")
	// ErrState says that the ledger could not be written.
	ErrState = errors.New("the ledger could not be written")
)
