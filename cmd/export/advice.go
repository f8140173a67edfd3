package main

// advice is what an exit code means and what to do about it, for the report's page, where the error stands below it.
type advice struct{ meaning, do string }

// adviceFor is the advice for a run's exit code. docs/operating.md says the same to whoever has no report.
func adviceFor(code int) advice {
	switch code {
	case exitDone:
		return advice{"all that was due is done", "nothing."}
	case exitUsage:
		return advice{"wrong usage", "read the line below, and omega-export run --help."}
	case exitList:
		return advice{"a list cannot be read", "the line below names the list and its line: mend it or leave it out, then run again."}
	case exitOutage:
		return advice{"the API stayed down", "run again later. Nothing is lost, and nothing is held against the numbers. If it lasts, ask the distributor."}
	case exitBug:
		return advice{"a bug in omega-export", "report it, with the log and this report. Running again is safe."}
	case exitCannot:
		return advice{"the output or the state cannot be opened", "check that the place named below exists, that its disk or bucket is there, and that the program may write it; then run again."}
	case exitIO:
		return advice{"the output or the state cannot be written", "free space or mend the place named below, then run again. The answers that are recorded wait in the ledger, and the next run publishes them."}
	case exitStopped:
		return advice{"stopped early with work left", "run again: it goes on where it was."}
	case exitRefused:
		return advice{"the credentials or the code_cdgf are refused", "check what the line below names: --client-id, the secret, --scope, --code-cdgf. Then run again: nothing is held against the numbers."}
	case exitConfigure:
		return advice{"wrong configuration", "the line below names the flag or the key."}
	}
	return advice{"an exit code that this program does not know", "see docs/operating.md."}
}
