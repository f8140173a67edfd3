package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// manCmd is the flags of `man`: none.
type manCmd struct{}

// Help is what `man --help` says beyond the flags.
func (*manCmd) Help() string {
	return `Prints the manual page, made of what --help says of each command.

Examples:
  omega-export man | man -l -
  omega-export man > /usr/local/share/man/man1/omega-export.1`
}

// Run prints the page.
func (*manCmd) Run(app *kong.Kong, std streams) error {
	_, err := io.WriteString(std.out, manPage(app.Model))
	return err
}

// manPage is the manual page in troff with the man macros.
func manPage(app *kong.Application) string {
	page := &troff{}
	summary, sections, _ := strings.Cut(description, "\n\n")
	page.line(`.TH OMEGA\-EXPORT 1 "" "omega\-export %s" "User Commands"`, escaped(release))
	page.line(".SH NAME")
	page.line(`omega\-export \- bring demandes out of the OMEGA API and into Parquet`)
	page.line(".SH SYNOPSIS")
	for i, command := range app.Leaves(true) {
		if i > 0 {
			page.line(".br")
		}
		page.line(`.B omega\-export %s`, escaped(commandWords(command)))
		page.line("%s", escaped(manArguments(command)))
	}
	page.line(".SH DESCRIPTION")
	page.text(summary)
	page.line(".SH COMMANDS")
	for _, command := range app.Leaves(true) {
		page.command(command)
	}
	page.line(".SH GLOBAL OPTIONS")
	page.flags(app.Flags)
	page.line(".SH ENVIRONMENT")
	page.text("Each option can also come from the environment variable that is named with it. Beside these:")
	page.tagged("OMEGA_CLIENT_SECRET", "The client's secret, which is never an option's value.")
	page.tagged("CREDENTIALS_DIRECTORY", "Set by systemd: omega-client-secret there is the secret, if neither OMEGA_CLIENT_SECRET nor --client-secret-file gives one.")
	for section := range strings.SplitSeq(sections, "\n\n") {
		title, body, titled := strings.Cut(section, ":\n")
		if !titled {
			continue
		}
		page.line(".SH %s", strings.ToUpper(title))
		page.text(body)
	}
	return page.String()
}

// manArguments is what may follow a command's words.
func manArguments(command *kong.Node) string {
	words := []string{"[options]"}
	for _, argument := range command.Positional {
		words = append(words, argument.Summary())
	}
	return strings.Join(words, " ")
}

// troff is a page that is being written.
type troff struct{ strings.Builder }

func (p *troff) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *troff) command(command *kong.Node) {
	p.line(`.SS "%s"`, escaped(commandWords(command)))
	p.text(strings.TrimSpace(command.Help + "\n\n" + command.Detail))
	for _, argument := range command.Positional {
		p.tagged(argument.Summary(), argument.Help)
	}
	p.flags(command.Flags)
}

func (p *troff) flags(flags []*kong.Flag) {
	for _, flag := range flags {
		if flag.Hidden {
			continue
		}
		help := flag.Help
		if len(flag.Envs) > 0 {
			help += " ($" + strings.Join(flag.Envs, ", $") + ")"
		}
		name := "--" + flag.Name
		if flag.Short != 0 {
			name = "-" + string(flag.Short) + ", " + name
		}
		if !flag.IsBool() {
			name += " " + flag.FormatPlaceHolder()
		}
		p.tagged(name, help)
	}
}

// tagged is an entry of a list.
func (p *troff) tagged(tag, text string) {
	p.line(".TP")
	p.line(".B %s", escaped(tag))
	p.line("%s", escaped(text))
}

// text is paragraphs, an empty line between them; lines that are set in stay as they are. It stands after a heading,
// which begins its first paragraph.
func (p *troff) text(text string) {
	verbatim, begun := false, true
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		line = strings.TrimRight(line, "\n")
		in := strings.HasPrefix(line, "  ")
		switch {
		case in && !verbatim:
			p.line(".nf\n.RS 4")
		case !in && verbatim:
			p.line(".RE\n.fi")
		}
		switch {
		case line == "":
			begun = false
		case in:
			p.line("%s", escaped(strings.TrimPrefix(line, "  ")))
		default:
			if !begun {
				p.line(".PP")
			}
			p.line("%s", escaped(line))
			begun = true
		}
		if verbatim = in; in {
			begun = false
		}
	}
	if verbatim {
		p.line(".RE\n.fi")
	}
}

// escaped is a text as troff takes it for itself: no sign in it is a request, and letters beyond ASCII are named.
func escaped(text string) string {
	var out strings.Builder
	for i, r := range text {
		switch {
		case r == '\\':
			out.WriteString(`\e`)
		case r == '-':
			out.WriteString(`\-`)
		case i == 0 && (r == '.' || r == '\''):
			out.WriteString(`\&` + string(r))
		case r == '\'':
			out.WriteString(`\(aq`)
		case r == '"':
			out.WriteString(`\(dq`)
		case r == '~':
			out.WriteString(`\(ti`)
		case r == '^':
			out.WriteString(`\(ha`)
		case r == '`':
			out.WriteString(`\(ga`)
		case r > 0x7e:
			fmt.Fprintf(&out, `\[u%04X]`, r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}
