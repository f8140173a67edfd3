package main

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

func TestTheManualPageHasEveryCommandAndEveryFlag(t *testing.T) {
	app := testParser(t).Model
	page := strings.ReplaceAll(manPage(app), `\-`, "-")
	for _, command := range app.Leaves(true) {
		_, section, there := strings.Cut(page, `.SS "`+commandWords(command)+`"`)
		if !there {
			t.Errorf("%s is not there", commandWords(command))
		}
		section, _, _ = strings.Cut(section, "\n.S")
		for _, flag := range command.Flags {
			if there := regexp.MustCompile(`(?m)^\.B --` + flag.Name + `( |$)`).MatchString(section); there == flag.Hidden {
				t.Errorf("%s: --%s there: %v, hidden: %v", commandWords(command), flag.Name, there, flag.Hidden)
			}
		}
	}
}

func TestTroffTakesTheManualPageWithoutAWarning(t *testing.T) {
	page := manPage(testParser(t).Model)
	tried := false
	for _, tool := range [][]string{{"groff", "-man", "-ww", "-z", "-Tutf8"}, {"mandoc", "-T", "lint", "-W", "warning"}} {
		path, err := exec.LookPath(tool[0])
		if err != nil {
			continue
		}
		tried = true
		command := exec.Command(path, tool[1:]...)
		command.Stdin = strings.NewReader(page)
		said, _ := command.CombinedOutput() // mandoc ends with 2 for the date, which a page made by the program has not
		for line := range strings.Lines(string(said)) {
			if !strings.Contains(line, "missing date") {
				t.Errorf("%s: %s", tool[0], line)
			}
		}
	}
	if !tried {
		t.Skip("there is no groff and no mandoc here")
	}
}

func TestNoSignInATextIsARequestOfTroffs(t *testing.T) {
	for text, want := range map[string]string{
		".TH x":        `\&.TH x`,
		"'so x":        `\&'so x`,
		`a\fBb`:        `a\efBb`,
		"--rate=5":     `\-\-rate=5`,
		"déjà …":       `d\[u00E9]j\[u00E0] \[u2026]`,
		`say "it's" ~`: `say \(dqit\(aqs\(dq \(ti`,
	} {
		if got := escaped(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// No command line that is being typed makes the program fail in the midst of it.
func FuzzComplete(f *testing.F) {
	for _, seed := range []string{"run\n--refresh\n", "--config\n", "=\n=\n--export", "schema\nshow\nCHF\n--out=", "-h\n-", "run\n--export=\n--config="} {
		f.Add(seed)
	}
	parser, err := newParser(f.Context(), streams{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Split(line, "\n")
		answer := completing{parser.Model}.complete(words)
		for _, word := range answer.words {
			typed := words[len(words)-1]
			if !strings.HasPrefix(word.text, strings.TrimPrefix(typed, "=")) && !strings.HasPrefix(word.text, typed) {
				t.Errorf("%q does not go on from %q", word.text, typed)
			}
			if strings.ContainsAny(word.text+word.meaning, "\n\t") {
				t.Errorf("%q breaks the answer's lines", word)
			}
		}
	})
}
