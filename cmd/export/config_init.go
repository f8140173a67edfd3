package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// configInitCmd is the flags of `config init`.
type configInitCmd struct {
	File string `arg:"" optional:"" placeholder:"FILE" help:"The configuration to write (default: that of --config, or omega-export.yaml)."`
}

// Help is what `config init --help` says beyond the flags.
func (*configInitCmd) Help() string {
	return `Writes a configuration with every setting of run, each with what it says and its default. Fill in client-id, code-cdgf and user-login,
name the lists, then run config check. Never writes over a file; the new one is its owner's alone.

Examples:
  omega-export config init
  omega-export config init /etc/omega-export/omega-export.yaml && omega-export config check /etc/omega-export/omega-export.yaml`
}

// Run writes the file.
func (c *configInitCmd) Run(app *kong.Kong, global *cli, std streams) error {
	name := configName(c.File, global)
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return &configError{fmt.Errorf("%s is there already, and stays as it is: give another name", name)}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errReport, err)
	}
	_, err = io.WriteString(file, newConfig(runFirst(app.Model.Leaves(false))[0]))
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("%w: %w", errReport, err)
	}
	fmt.Fprintf(std.out, "%s is written. Fill in client-id, code-cdgf and user-login, and name the lists; then: omega-export config check %s\n", name, name)
	return nil
}

const configHead = `# yaml-language-server: $schema=omega-export.schema.json
# (omega-export config schema > omega-export.schema.json, so that an editor knows the keys)
#
# Keys are flag names. A flag on the command line beats the environment, which beats this file. Values may hold variables:
# ${NAME}, or ${NAME:-default}; $$ is a dollar. A secret has no place here: set OMEGA_CLIENT_SECRET, or see client-secret-file.
# A key under a command's name (run:, compact:, …) holds for that command alone. Take the # before a key away to set it.

`

const configTail = `
# Several exports over the common settings above, each run by: omega-export run --config FILE --export NAME
#exports:
#  nuit:
#    list: [listes/nuit/*.csv.gz]
#    max-duration: 8h
#    priority: 1
#  rattrapage:
#    list: [listes/rattrapage.csv.gz]

# Another supplier, with a quota of its own:
#supplier:
#  - code-cdgf: B04000000X
#    client-id: ID2
#    client-secret-file: /etc/omega-export/secret2
`

// newConfig is a configuration to begin with: each flag of run, what it says, and its default in a comment. What must be
// given stands first, and is no comment.
func newConfig(run *kong.Node) string {
	var out strings.Builder
	out.WriteString(configHead)
	needed := map[string]string{"list": "[numeros.txt]", "client-id": `""`, "code-cdgf": `""`, "user-login": `""`}
	for _, flag := range settable(run) {
		if value, first := needed[flag.Name]; first {
			fmt.Fprintf(&out, "%s%s: %s\n\n", commented(flag.Help), flag.Name, value)
		}
	}
	for _, flag := range settable(run) {
		if _, first := needed[flag.Name]; first || flag.Hidden || flag.Name == "supplier" {
			continue
		}
		fmt.Fprintf(&out, "%s#%s: %s\n\n", commented(flag.Help), flag.Name, example(flag))
	}
	out.WriteString(strings.TrimPrefix(configTail, "\n"))
	return out.String()
}

// example is a flag's default, or what stands for none.
func example(flag *kong.Flag) string {
	typ := flag.Target.Type()
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch {
	case flag.HasDefault:
		return flag.Default
	case flag.IsSlice():
		return "[]"
	case typ == reflect.TypeFor[time.Duration]():
		return "0s"
	case typ == reflect.TypeFor[clockTime]():
		return `"06:00"`
	case typ.Kind() == reflect.Bool:
		return "false"
	case typ.Kind() == reflect.String:
		return `""`
	}
	return "0"
}

// commented is a text as comment lines.
func commented(text string) string {
	const width = 118
	var out strings.Builder
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > width {
			out.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	out.WriteString(line + "\n")
	return out.String()
}
