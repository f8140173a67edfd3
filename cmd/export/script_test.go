package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/rogpeppe/go-internal/testscript"

	"omega-export/internal/omega/simulator"
)

var update = flag.Bool("update", false, "write the golden parts of the scripts anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"omega-export": main})
}

// TestScripts runs the command line's scripts. Beside testscript's own commands they have
//
//	simulator [flags of simulate]: serves a simulator and sets $API and $TOKENS to its addresses
//	arrivals N: the simulator's consultation was called N times
//	code N COMMAND...: the command ends with that exit code
//	mode FILE OCTAL: the file's permissions
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			numbers, err := os.ReadFile("../../testdata/numeros.txt")
			if err != nil {
				return err
			}
			env.Values[simulatorKey{}] = new(*simulator.Simulator)
			env.Vars = append(env.Vars, "OMEGA_CLIENT_SECRET=s3cret-canary")
			return os.WriteFile(env.Cd+"/numeros.txt", numbers, 0o600)
		},
		Condition: func(name string) (bool, error) { return name == "root" && os.Geteuid() == 0, nil },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"simulator": serveSimulator, "arrivals": checkArrivals, "code": execCode, "mode": checkMode,
		},
	})
}

type simulatorKey struct{}

func serveSimulator(ts *testscript.TestScript, _ bool, args []string) {
	var command simulateCmd
	parser, err := kong.New(&command)
	ts.Check(err)
	_, err = parser.Parse(args)
	ts.Check(err)
	if command.Corpus != "" {
		command.Corpus = ts.MkAbs(command.Corpus)
	}
	options, err := command.options()
	ts.Check(err)
	options.ClientSecret = ""
	if command.ClientID != "" {
		options.ClientSecret = "s3cret-canary"
	}
	sim, err := simulator.New(options)
	ts.Check(err)
	server, err := sim.Start("")
	ts.Check(err)
	ts.Defer(func() { _ = server.Close(context.Background()) })
	ts.Setenv("API", server.BaseURL)
	ts.Setenv("TOKENS", server.TokenURL)
	*ts.Value(simulatorKey{}).(**simulator.Simulator) = sim
}

func checkArrivals(ts *testscript.TestScript, _ bool, args []string) {
	sim := *ts.Value(simulatorKey{}).(**simulator.Simulator)
	if got := strconv.FormatInt(sim.Stats().Arrivals, 10); len(args) != 1 || got != args[0] {
		ts.Fatalf("%s calls arrived, want %s", got, strings.Join(args, " "))
	}
}

func execCode(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = strconv.Itoa(exit.ExitCode())
	} else {
		ts.Check(err)
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

func checkMode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}
