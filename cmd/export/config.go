package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"omega-export/internal/config"
)

// configFlag is --config: the file that gives flags their values.
type configFlag string

// BeforeResolve reads the file and has it asked for what neither the command line nor the environment gives. Commands
// without settings do not read it; those under config do so by themselves, also a file that cannot be used.
func (c configFlag) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	name, _ := ctx.FlagValue(trace.Flag).(configFlag)
	command := ctx.Selected()
	if name == "" || command == nil || len(settable(command)) == 0 {
		return nil
	}
	file, err := readConfig(string(name), ctx.Model)
	if err != nil {
		return err
	}
	if err := file.problems(); err != nil {
		return err
	}
	place, err := file.place(ctx, command)
	if err != nil {
		return err
	}
	values, err := file.values(ctx, command, place)
	if err != nil {
		return err
	}
	ctx.AddResolver(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		return values[flag], nil
	}))
	return nil
}

// exportFlag is --export: which of the configuration's exports is meant.
type exportFlag string

// BeforeResolve refuses --export where there is no configuration.
func (e exportFlag) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	name, _ := ctx.FlagValue(trace.Flag).(exportFlag)
	command := ctx.Selected()
	if name == "" || command == nil || !slices.Contains(command.Flags, trace.Flag) {
		return nil
	}
	for _, flag := range ctx.Model.Flags {
		if given, ok := ctx.FlagValue(flag).(configFlag); ok && given == "" {
			return &configError{fmt.Errorf("--export %s: an export stands in a configuration: name it with --config", name)}
		}
	}
	return nil
}

// configFile is a configuration file under its name.
type configFile struct {
	*config.File
	name string
}

// maxConfig is how many bytes of configuration are read.
const maxConfig = 1 << 20

// readConfig reads a configuration file. What is wrong in it is in its Problems.
func readConfig(name string, app *kong.Application) (*configFile, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, &configError{fmt.Errorf("--config: %w", err)}
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err != nil {
		return nil, &configError{fmt.Errorf("--config: %w", err)}
	}
	if len(text) > maxConfig {
		return nil, &configError{fmt.Errorf("--config: %s is larger than %d bytes: it is no configuration", name, maxConfig)}
	}
	return &configFile{File: config.Read(text, configShape(app)), name: name}, nil
}

// problems are what is wrong in the file, as one error.
func (c *configFile) problems() error {
	var all []error
	for _, problem := range c.Problems() {
		all = append(all, c.wrong(problem))
	}
	return errors.Join(all...)
}

// wrong is a problem of the file as an error.
func (c *configFile) wrong(err error) error { return &configError{fmt.Errorf("%s %w", c.name, err)} }

// place is where in the file the command's settings stand: under which export.
func (c *configFile) place(ctx *kong.Context, command *kong.Node) (config.Place, error) {
	place := config.Place{Command: commandWords(command)}
	for _, flag := range command.Flags {
		export, ok := ctx.FlagValue(flag).(exportFlag)
		switch {
		case !ok:
		case export == "" && len(c.Exports()) == 0:
		case export == "":
			return place, &configError{fmt.Errorf("%s has several exports: name one with --export: %s", c.name, strings.Join(c.Exports(), ", "))}
		case !slices.Contains(c.Exports(), string(export)):
			return place, &configError{fmt.Errorf("--export %s: %s has no such export; it has: %s", export, c.name, orNone(c.Exports()))}
		default:
			place.Export = string(export)
		}
	}
	return place, nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// values are what the file gives the command's flags, but those that the command line or the environment gives.
func (c *configFile) values(ctx *kong.Context, command *kong.Node, place config.Place) (map[*kong.Flag]any, error) {
	values := map[*kong.Flag]any{}
	for _, flag := range settable(command) {
		given := slices.ContainsFunc(ctx.Path, func(p *kong.Path) bool { return p.Flag == flag })
		setting := c.Find(place, flag.Name)
		if given || setting == nil || fromEnvironment(flag) != "" {
			continue
		}
		value, err := flagValue(flag, setting)
		if err != nil {
			return nil, c.wrong(err)
		}
		values[flag] = value
	}
	return values, nil
}

// fromEnvironment is the variable that gives a flag its value, or "".
func fromEnvironment(flag *kong.Flag) string {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return name
		}
	}
	return ""
}
