// Command omega-export brings a gas supplier's demandes out of the distributor's OMEGA API and into Parquet.
//
// This package is the command line: one file a subcommand, each with its flags, its checks and its Run. It wires the
// rooms under internal together and maps their errors to exit codes. It knows nothing of how they do their work.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	_ "time/tzdata" // the binary runs where no time zones are installed

	"github.com/alecthomas/kong"
)

// cli is the command line as a whole.
type cli struct {
	Config  configFlag       `help:"YAML file of flags' values: keys are flag names, at the top, under the command's name or under an export's (see omega-export config init)." placeholder:"FILE" env:"OMEGA_CONFIG"`
	Version kong.VersionFlag `help:"Print the version and exit."`

	Run        runCmd        `cmd:"" help:"Fetch what is due and publish it."`
	Replay     replayCmd     `cmd:"" help:"Rebuild the typed tables from the raw answers; no call."`
	Compact    compactCmd    `cmd:"" help:"Put few large files in the place of many small ones; no value changes."`
	Forget     forgetCmd     `cmd:"" help:"Remove demandes from everywhere, with a receipt, and do not fetch them again."`
	Status     statusCmd     `cmd:"" help:"What is done, pending, rejected, and when it will be finished at the quota."`
	Report     reportCmd     `cmd:"" help:"What a run did, from its report: the summary, or a page to read."`
	State      stateCmd      `cmd:"" help:"The ledger itself."`
	Verify     verifyCmd     `cmd:"" help:"Check every published file against its lot."`
	Schema     schemaCmd     `cmd:"" help:"The tables' columns."`
	Settings   configCmd     `cmd:"" name:"config" help:"The configuration file."`
	Simulate   simulateCmd   `cmd:"" help:"Serve the API's simulator on this machine."`
	Completion completionCmd `cmd:"" help:"What makes a shell complete the command line."`
	Man        manCmd        `cmd:"" help:"The manual page."`
	Complete   completeCmd   `cmd:"" name:"__complete" hidden:"" help:"How the last word may go on."`
}

// streams are the process's standard streams, given to each command.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	os.Exit(realMain(os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

func realMain(args []string, std streams) (code int) {
	defer func() {
		if bug := recover(); bug != nil {
			fmt.Fprintf(std.err, "omega-export: a bug: %v\n%s", bug, debug.Stack())
			code = exitBug
		}
	}()
	ctx, stop := untilSignal(std.err)
	defer stop()
	err := parseAndRun(ctx, args, std)
	var quit quitting
	if errors.As(err, &quit) {
		return int(quit)
	}
	if err != nil {
		fmt.Fprintf(std.err, "omega-export: %s\n", oneLine(err))
	}
	return exitCode(err)
}

// oneLine is an error as one line, of whatever it is joined.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// quitting is the code with which --help and --version end.
type quitting int

func (q quitting) Error() string { return "quitting" }

func parseAndRun(ctx context.Context, args []string, std streams) error {
	parser, err := newParser(ctx, std)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parse(parser, args)
	if err != nil {
		return err
	}
	return parsed.Run()
}

func newParser(ctx context.Context, std streams) (*kong.Kong, error) {
	return kong.New(
		&cli{},
		kong.Name("omega-export"),
		kong.Description(description),
		kong.Writers(std.out, std.err),
		kong.Exit(func(code int) { panic(quitting(code)) }),
		kong.Vars{"version": "omega-export " + version()},
		kong.DefaultEnvars("OMEGA"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
		kong.ShortUsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
		kong.BindToProvider(func(parser *kong.Kong) (completing, error) { return completing{parser.Model}, nil }),
	)
}

// parse reads the command line. kong ends the process after --help and --version: here that comes back as quitting.
func parse(parser *kong.Kong, args []string) (parsed *kong.Context, err error) {
	defer func() {
		switch quit := recover().(type) {
		case nil:
		case quitting:
			err = quit
		default:
			panic(quit)
		}
	}()
	parsed, err = parser.Parse(args)
	var configuration *configError
	if err == nil || errors.As(err, &configuration) {
		return parsed, err
	}
	usage := &usageError{err: err}
	var unread *kong.ParseError
	if errors.As(err, &unread) && unread.Context.Selected() != nil {
		usage.command = commandWords(unread.Context.Selected())
	}
	return nil, usage
}

// untilSignal is a context that the first SIGINT or SIGTERM ends. The second ends the process at once, which is safe:
// all that was won is in the ledger.
func untilSignal(to io.Writer) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
		case <-ctx.Done():
			return
		}
		fmt.Fprintln(to, "\nomega-export: stopping: nothing new is begun; what is on its way is recorded. Once more to stop at once.")
		cancel()
		<-signals
		os.Exit(exitStopped)
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}

const description = `Brings demandes out of the distributor's OMEGA API and into Parquet, one call a second.

Examples:
  omega-export run --simulate --rate 50 --list numeros.txt --out demo/out --state demo/state
  omega-export run --list numeros.csv.gz --client-id ID --code-cdgf A04000000X --user-login moi@fournisseur.example
  omega-export status
  omega-export replay --schemas mes-schemas
  omega-export compact
  omega-export forget WD00APSW --receipt recu.json
  omega-export report report.json --html report.html
  omega-export verify --out out
  omega-export state rebuild --state state-neuf --out out

Exit status:
  0   all that was due is done
  64  wrong usage
  65  the list cannot be read (run); a published file is damaged or lost (verify, forget); the archive lacks answers (replay); no report (report)
  69  the API stayed down
  70  a bug
  73  the output or the state cannot be opened
  74  the output or the state cannot be written
  75  stopped early with work left, or another host holds the state: run again
  77  the credentials or the code_cdgf are refused
  78  wrong configuration

Each flag can also come from an environment variable (shown) or from --config; a flag beats the environment, which beats the file.`
