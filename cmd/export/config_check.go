package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"

	"omega-export/internal/config"
)

// configCheckCmd is the flags of `config check`.
type configCheckCmd struct {
	File string `arg:"" optional:"" placeholder:"FILE" help:"The configuration (default: that of --config, or omega-export.yaml)."`
}

// Help is what `config check --help` says beyond the flags.
func (*configCheckCmd) Help() string {
	return `Reads a configuration and the environment as run would, and says all that is wrong, each with its line: keys that are no flag, values that
cannot be, variables that are not set, what is missing, secrets that stand in the file or that others may read. Warnings, as of a list that is not
there yet, do not count. Then prints what run would use, for each export, and where each value comes from. Makes no call, and no
folder. A secret is shown as set, never as it is.

Exit status: 0 it can be used, 78 it cannot.

Examples:
  omega-export config check
  omega-export config check /etc/omega-export/omega-export.yaml`
}

// Run checks the file, and prints what it found.
func (c *configCheckCmd) Run(ctx context.Context, global *cli, std streams) error {
	name := configName(c.File, global)
	parser, err := newParser(ctx, std)
	if err != nil {
		return err
	}
	file, err := readConfig(name, parser.Model)
	if err != nil {
		return err
	}
	checked := &checking{file: file}
	for _, problem := range file.Problems() {
		checked.found(problem)
	}
	checked.settings(parser.Model)
	exports := file.Exports()
	if len(exports) == 0 && !file.Broken() {
		exports = []string{""}
	}
	var used []effectiveRun
	for _, export := range exports {
		run, err := checked.run(ctx, export)
		if err != nil {
			return err
		}
		used = append(used, run)
	}
	checked.together(used)
	checked.print(std.out)
	for _, run := range used {
		run.print(std.out)
	}
	if wrong := checked.problems(); wrong > 0 {
		return &configError{fmt.Errorf("%s cannot be used as it is: %s, listed above", name, counted(wrong, "problem"))}
	}
	return nil
}

// configName is the configuration that a command under config works on.
func configName(argument string, global *cli) string {
	switch {
	case argument != "":
		return argument
	case global.Config != "":
		return string(global.Config)
	}
	return defaultConfig
}

func counted(number int, what string) string {
	if number == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", number, what)
}

// checking is a check under way.
type checking struct {
	file *configFile
	said []remark
}

// remark is one line of what a check finds.
type remark struct {
	line    int // of the file, for the order; 0 comes last
	text    string
	warning bool
}

// found notes a problem, once.
func (c *checking) found(err error) { c.note(err, false) }

// warn notes what is odd but no problem, once.
func (c *checking) warn(err error) { c.note(err, true) }

func (c *checking) note(err error, warning bool) {
	next := remark{text: unless(!warning, "warning: ") + c.file.name + " " + err.Error(), warning: warning}
	var problem *config.Problem
	if errors.As(err, &problem) {
		next.line = problem.Line
	}
	if !slices.Contains(c.said, next) {
		c.said = append(c.said, next)
	}
}

// problems is how many things are wrong, beside the warnings.
func (c *checking) problems() (number int) {
	for _, remark := range c.said {
		if !remark.warning {
			number++
		}
	}
	return number
}

// print prints what was found, in the file's order, and last what stands on no line of it.
func (c *checking) print(to io.Writer) {
	slices.SortStableFunc(c.said, func(a, b remark) int {
		return cmp.Or(cmp.Compare(unlined(a), unlined(b)), cmp.Compare(a.line, b.line))
	})
	for _, remark := range c.said {
		fmt.Fprintln(to, remark.text)
	}
	if c.problems() == 0 {
		fmt.Fprintf(to, "%s is right\n", c.file.name)
	}
}

func unlined(r remark) int {
	if r.line == 0 {
		return 1
	}
	return 0
}

// settings checks each of the file's values against the flags that would take it.
func (c *checking) settings(app *kong.Application) {
	taking := map[*config.Setting][]*kong.Node{}
	for _, command := range runFirst(app.Leaves(false)) {
		places := []config.Place{{Command: commandWords(command)}}
		if takesExport(command) {
			for _, export := range c.file.Exports() {
				places = append(places, config.Place{Command: commandWords(command), Export: export})
			}
		}
		for _, flag := range settable(command) {
			for _, place := range places {
				if setting := c.file.Find(place, flag.Name); setting != nil {
					taking[setting] = append(taking[setting], command)
				}
			}
		}
	}
	c.file.Each(func(setting *config.Setting) { c.setting(setting, taking[setting]) })
}

// setting checks one value. What its first command can take but another cannot is a warning: it is in that one's way alone.
func (c *checking) setting(setting *config.Setting, commands []*kong.Node) {
	for i, command := range commands {
		_, err := flagValue(flagOf(command, setting.Name), setting)
		switch {
		case err == nil:
		case i == 0:
			c.found(err)
			return
		default:
			c.warn(fmt.Errorf("%w, as %s wants it: put the key under the commands' names", err, commandWords(command)))
			return
		}
	}
}

// runFirst are the commands with run before the others: a file is written for it.
func runFirst(commands []*kong.Node) []*kong.Node {
	var first, others []*kong.Node
	for _, command := range commands {
		if command.Name == "run" {
			first = append(first, command)
		} else {
			others = append(others, command)
		}
	}
	return append(first, others...)
}

func flagOf(command *kong.Node, name string) *kong.Flag {
	for _, flag := range command.Flags {
		if flag.Name == name {
			return flag
		}
	}
	return nil
}

// print prints what a run would use.
func (r effectiveRun) print(to io.Writer) {
	title := "run would use:"
	if r.export != "" {
		title = "run --export " + r.export + " would use:"
	}
	fmt.Fprintf(to, "\n%s\n", title)
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, setting := range r.settings {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", setting.name, setting.value, setting.from)
	}
	_ = table.Flush()
	if len(r.unset) > 0 {
		fmt.Fprintf(to, "  not set: %s\n", strings.Join(r.unset, ", "))
	}
}
