package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"omega-export/internal/lease"
	"omega-export/internal/ledger"
	"omega-export/internal/pipeline"
	"omega-export/internal/sink"
	"omega-export/internal/source"
)

// forgetCmd is the flags of `forget`. What is forgotten is told on the command line alone: the configuration's list is what
// run asks for, and would be forgotten as a whole.
type forgetCmd struct {
	Export exportFlag `placeholder:"NAME" help:"Which of the exports in the --config file: its output, archive and ledger."`

	Numbers   []string      `arg:"" optional:"" name:"numero" help:"Demande numbers."`
	List      []string      `env:"-" config:"-" sep:"none" placeholder:"LIST" help:"A list of demande numbers, as those of run: a file, - for standard input, gs://BUCKET/OBJECT, or a glob. May be repeated."`
	OlderThan days          `env:"-" config:"-" placeholder:"730d" help:"The numbers whose newest answer, be it a reject, is older than this: days as 730d, or hours as 48h."`
	Out       string        `default:"out" placeholder:"FOLDER|gs://BUCKET/PREFIX" help:"The output (default: ${default})."`
	Archive   archiveFlag   `embed:""`
	State     string        `default:"state" placeholder:"FOLDER|gs://BUCKET/PREFIX" help:"Folder of the ledger, or the state in a bucket (default: ${default})."`
	NoLedger  bool          `help:"There is no ledger any more: forget in the output alone. A later run or state rebuild takes over from it what was forgotten."`
	Grace     time.Duration `default:"24h" help:"How long the old files stay, for queries that go on; 0s removes them at once, also those that compact and replay left (default: ${default})."`
	DryRun    bool          `help:"Print what would go; change nothing."`
	Undo      bool          `env:"-" config:"-" help:"The numbers were forgotten by mistake: fetch them again. What was removed does not come back by that."`
	Receipt   string        `placeholder:"FILE" help:"Write the receipt there, JSON, mode 0600. It holds the numbers."`
	JSON      bool          `help:"Print the receipt as JSON."`
	Progress  string        `default:"auto" enum:"auto,log,none" help:"auto, log or none (default: ${default})."`
	Logging   logFlags      `embed:""`
}

// Help is what `forget --help` says beyond the flags.
func (*forgetCmd) Help() string {
	return `Removes demandes from every table, from the answers as they came (reponses), from rejets and from the ledger, also answers that are not
published yet, and remembers that they are not to be fetched again, as salted checksums: a list may go on naming them. Files that hold one
of them are written anew without its rows; all other rows stay as they are. The new files take the place of the old ones at once, at the
end; killed or stopped at any moment, run it again: it does what is left, and tells when nothing is.
The old files stay for --grace, for queries that go on; after that the first command that writes there removes them. To prove that they are
gone, run the same command again. It is refused while a run has the ledger, or a replay or compact is under way: run it again after them.
What it cannot remove, it tells: what a bucket keeps of removed objects. See docs/forget.md for backups, BigQuery and logs.
What is forgotten is told on the command line alone: --list, --older-than and --undo are taken neither from --config nor from the environment.

Examples:
  omega-export forget WD00APSW WD00APSX --receipt recu.json     two demandes
  omega-export forget --list oublier.csv --grace 0s             a list, with no file left for later
  omega-export forget --older-than 730d --dry-run               what two years of retention would remove
  omega-export forget --list oublier.csv --archive coffre       where the runs have --archive: it goes first
  omega-export forget --undo WD00APSW                           fetch it again after all

Exit status: 0 done, also where nothing was found; 64 wrong usage; 65 the list cannot be read, or a file is damaged; 73, 74 the output or the
state cannot be opened or written; 75 stopped, or a run, replay or compact is under way: run again; 78 there is no ledger, or the raw answers are
in an archive that is not named.`
}

// numeroPattern is what a list's number can be.
var numeroPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Validate checks what kong cannot.
func (c *forgetCmd) Validate() error {
	for _, numero := range c.Numbers {
		if !numeroPattern.MatchString(numero) {
			return fmt.Errorf("%q is no demande number: 1 to 64 letters, digits, - or _", numero)
		}
	}
	switch {
	case c.Grace < 0:
		return errors.New("--grace: a duration is not negative")
	case len(c.Numbers) == 0 && len(c.List) == 0 && c.OlderThan == 0:
		return errors.New("nothing to forget: give numbers, --list or --older-than")
	case c.Undo && c.OlderThan != 0:
		return errors.New("--undo: give numbers or --list, not --older-than")
	}
	return nil
}

// days is a duration that may be given in days.
type days time.Duration

// UnmarshalText reads 730d, or what time.ParseDuration reads.
func (d *days) UnmarshalText(text []byte) error {
	if count, ok := strings.CutSuffix(string(text), "d"); ok {
		number, err := strconv.ParseInt(count, 10, 32)
		if err != nil || number < 1 || number > 100*366 {
			return fmt.Errorf("%q is no number of days as 730d", text)
		}
		*d = days(time.Duration(number) * 24 * time.Hour)
		return nil
	}
	duration, err := time.ParseDuration(string(text))
	if err != nil || duration <= 0 {
		return fmt.Errorf("%q is no duration as 730d or 48h", text)
	}
	*d = days(duration)
	return nil
}

// Run forgets, and prints the receipt.
func (c *forgetCmd) Run(ctx context.Context, std streams) error {
	numbers, err := c.numbers(ctx, std)
	if err != nil {
		return err
	}
	rooms, mode, closeAll, err := c.open(ctx, std)
	if err != nil {
		return err
	}
	defer closeAll()
	name, err := replacementName("oubli", time.Now())
	if err != nil {
		return err
	}
	config := pipeline.ForgetConfig{
		Name: name, Mode: mode, Numbers: numbers, Grace: c.Grace, DryRun: c.DryRun, Progress: c.progress(std),
	}
	if c.OlderThan > 0 {
		config.Before = time.Now().Add(-time.Duration(c.OlderThan)).UTC()
	}
	act := pipeline.Forget
	if c.Undo {
		act = pipeline.Unforget
	}
	receipt, err := act(ctx, config, rooms)
	err = c.explained(err)
	receipt.ExitCode = exitCode(err)
	if c.Receipt != "" {
		// Written aside with mode 0600 and renamed.
		if writeErr := writeReport(c.Receipt, receipt); writeErr != nil {
			err = errors.Join(err, writeErr)
		}
	}
	if c.JSON {
		return errors.Join(err, printJSON(std.out, receipt))
	}
	printReceipt(std.out, receipt, c)
	return err
}

// explained says what to do about an error.
func (c *forgetCmd) explained(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ledger.ErrLocked):
		return fmt.Errorf("--state %s: %w: wait until it has ended or stop it, then run the same command again", c.State, err)
	case errors.Is(err, sink.ErrReplacing):
		return fmt.Errorf("%w: wait until it has ended, then run the same command again, which does what is left", err)
	case errors.Is(err, sink.ErrDamaged):
		return fmt.Errorf("%w: %w; mend or remove that file, then run the same command again", errForgetDamaged, err)
	}
	return err
}

// numbers are those given and those of the lists, each once.
func (c *forgetCmd) numbers(ctx context.Context, std streams) ([]string, error) {
	numbers := slices.Clone(c.Numbers)
	if len(c.List) > 0 {
		options := source.Options{Stdin: std.in, Buckets: listBuckets(c.List), BadLine: func(bad source.BadLine) {
			fmt.Fprintf(std.err, "%s: left out: %s\n", bad.Position, bad.Reason)
		}}
		_, err := source.Read(ctx, c.List, options, func(entry source.Entry) error {
			numbers = append(numbers, entry.Numero)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers), nil
}

// open opens the outputs and the ledger.
func (c *forgetCmd) open(ctx context.Context, std streams) (rooms pipeline.ForgetRooms, mode string, closeAll func(), err error) {
	if rooms.Outputs, mode, err = c.outputs(ctx); err != nil {
		return rooms, "", nil, err
	}
	if c.NoLedger {
		if mode == "" {
			return rooms, "", nil, fmt.Errorf("%w: nothing is published in --out %s", errNoOutput, c.Out)
		}
		return rooms, mode, func() {}, nil
	}
	if isBucket(c.State) {
		closeAll, err = c.lease(ctx, std)
		if err == nil && mode == "" {
			mode = "reel" // of nothing
		}
		return rooms, mode, closeAll, err
	}
	reading, err := ledger.Open(ctx, c.State, ledger.Options{ReadOnly: true})
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return rooms, "", nil, fmt.Errorf("--state %s: %w: name the folder of the ledger; if it is lost, give --no-ledger", c.State, ledger.ErrNotFound)
	case err == nil && (c.DryRun || mode == ""):
		if mode == "" {
			mode, err = reading.Mode(ctx)
		}
		if c.DryRun {
			rooms.Ledger = reading
			return rooms, mode, func() { _ = reading.Close() }, err
		}
	case err != nil && (c.DryRun || mode == ""):
		return rooms, "", nil, err
	}
	if reading != nil {
		_ = reading.Close()
	}
	if err == nil || mode != "" { // an older ledger is only read once it is brought up to date
		rooms.Ledger, err = ledger.Open(ctx, c.State, ledger.Options{Mode: mode})
	}
	if err != nil {
		return rooms, "", nil, c.explained(err)
	}
	return rooms, mode, func() { _ = rooms.Ledger.Close() }, nil
}

// outputs opens the output and the archive, which comes first.
func (c *forgetCmd) outputs(ctx context.Context) (outputs []*sink.Output, mode string, err error) {
	if err := c.Archive.check(c.Out); err != nil {
		return nil, "", err
	}
	places := []struct{ flag, place string }{{"--archive", c.Archive.Archive}, {"--out", c.Out}}
	for _, at := range places {
		if at.place == "" {
			continue
		}
		if err := mustExist(at.flag, at.place); err != nil {
			return nil, "", err
		}
		open := sink.Open
		if c.DryRun {
			open = sink.OpenToRead
		}
		output, err := open(ctx, at.place)
		if err != nil {
			return nil, "", err
		}
		found, err := output.Mode(ctx)
		if err != nil {
			return nil, "", fmt.Errorf("%w: %s %s: %w", errUnreadable, at.flag, at.place, err)
		}
		if mode != "" && found != "" && mode != found {
			return nil, "", fmt.Errorf("%w: --archive %s and --out %s", sink.ErrMode, c.Archive.Archive, c.Out)
		}
		if found != "" {
			mode = found
		}
		outputs = append(outputs, output)
	}
	if c.Archive.Archive == "" {
		// Else the answers would stay where nobody looked, under a receipt that says nothing of them.
		return outputs, mode, keepsAnswers(ctx, outputs[0], c.Out)
	}
	return outputs, mode, nil
}

// lease holds the state in a bucket, whose ledger is made anew by each run, so that no run goes on with an older one.
func (c *forgetCmd) lease(ctx context.Context, std streams) (release func(), err error) {
	if c.DryRun {
		return func() {}, nil
	}
	held, err := lease.Acquire(ctx, c.State, lease.Options{Waiting: func(held lease.Record) {
		fmt.Fprintf(std.err, "the lease of the state is held by %s: waiting to see whether it is renewed\n", held.Owner)
	}})
	if err != nil {
		return nil, stateError(c.State, err)
	}
	release = func() { _ = held.Release(context.WithoutCancel(ctx)) }
	// What the last run left for the next stays.
	if previous := held.Previous(); previous != nil {
		if err := held.Leave(ctx, previous); err != nil {
			release()
			return nil, stateError(c.State, err)
		}
	}
	return release, nil
}

// progress logs how many files were looked at, now and then.
func (c *forgetCmd) progress(std streams) func(string, int, int) {
	if c.Progress == "none" {
		return nil
	}
	log, told := c.Logging.logger(std.err), time.Now()
	return func(output string, done, total int) {
		if time.Since(told) >= rebuildTold {
			told = time.Now()
			log.Info("looking for the numbers", "output", output, "files", done, "of", total)
		}
	}
}
