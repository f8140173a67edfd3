package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// commandLine is one that stands in a file.
type commandLine struct {
	where string
	args  []string
}

// commandLines are the command lines in a text. code gives the part of a line that a shell would read. Continued lines are one.
func commandLines(where, text string, code func(string) (string, bool)) []commandLine {
	var found []commandLine
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		number := i + 1
		line, is := code(lines[i])
		if !is {
			continue
		}
		for strings.HasSuffix(line, `\`) && i+1 < len(lines) {
			i++
			line = strings.TrimSuffix(line, `\`) + strings.TrimSpace(lines[i])
		}
		if words := programWords(line); words != nil {
			found = append(found, commandLine{fmt.Sprintf("%s:%d", where, number), words})
		}
	}
	return found
}

// A word as a shell reads it, or a sign that ends a command.
var shellWord = regexp.MustCompile(`(?:'[^']*'|"[^"]*"|[^\s'"|;&<>])+|[|;&<>]`)

// programWords are the words after omega-export, up to what ends the command; nil if the line does not run it. Two spaces
// end a command too: what it does stands after them.
func programWords(line string) []string {
	line, _, _ = strings.Cut(strings.TrimSpace(line), "  ")
	var words []string
	begins, runs := true, false
	for _, word := range shellWord.FindAllString(line, -1) {
		switch {
		case strings.HasPrefix(word, "#"), runs && strings.ContainsAny(word[:1], "|;&<>"):
			return words
		case runs && word != "…":
			words = append(words, strings.NewReplacer("'", "", `"`, "").Replace(word))
		case strings.ContainsAny(word[:1], "|;&"):
			begins = true
		case begins && (word == "omega-export" || strings.HasSuffix(word, "/omega-export")):
			runs, words = true, []string{}
		default:
			begins = begins && strings.Contains(word, "=") // a variable of the command's
		}
	}
	return words
}

// inDocument are the files and their command lines, by what tells code from words.
func inDocument(t *testing.T) []commandLine {
	t.Helper()
	indented := func(line string) (string, bool) { return line, strings.HasPrefix(line, "    ") }
	var found []commandLine
	read := func(path string, code func(string) (string, bool)) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, commandLines(path, string(text), code)...)
	}
	for _, pattern := range []string{"../../README.md", "../../docs/*.md", "../../deploy/*.md"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, path := range paths {
			read(path, indented)
		}
	}
	read("../../deploy/systemd/omega-export@.service", func(line string) (string, bool) { return strings.CutPrefix(line, "ExecStart=") })
	read("../../deploy/cron/omega-export", func(line string) (string, bool) {
		_, command, is := strings.Cut(line, "  omega-export  ") // the user
		return command, is
	})
	for _, path := range []string{"../../deploy/kubernetes/cronjob.yaml", "../../deploy/cloud-run/job.yaml"} {
		found = append(found, containerArgs(t, path)...)
	}
	return found
}

// containerArgs are the args of the containers in a file of YAML documents.
func containerArgs(t *testing.T, path string) (found []commandLine) {
	t.Helper()
	var walk func(node *yaml.Node)
	walk = func(node *yaml.Node) {
		for i, child := range node.Content {
			if node.Kind == yaml.MappingNode && i%2 == 1 && node.Content[i-1].Value == "args" {
				var args []string
				if err := child.Decode(&args); err != nil {
					t.Fatal(err)
				}
				found = append(found, commandLine{fmt.Sprintf("%s:%d", path, child.Line), args})
			}
			walk(child)
		}
	}
	eachDocument(t, path, walk)
	return found
}

func eachDocument(t *testing.T, path string, visit func(*yaml.Node)) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := yaml.NewDecoder(file)
	for {
		var document yaml.Node
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		visit(&document)
	}
}

// parses says what is wrong with a command line: a command or a flag that is not there, or a value that it does not take.
// What a configuration would give may be missing.
func parses(t *testing.T, args []string) error {
	t.Helper()
	parsed, err := kong.Trace(testParser(t), args)
	if err != nil || parsed.Error != nil {
		return errors.Join(err, parsed.Error)
	}
	for _, path := range parsed.Path {
		if flag := path.Flag; flag != nil && flag.Enum != "" && !flag.EnumMap()[fmt.Sprint(parsed.FlagValue(flag))] {
			return fmt.Errorf("--%s: %v is none of %s", flag.Name, parsed.FlagValue(flag), flag.Enum)
		}
	}
	return nil
}

func TestEveryCommandLineInDeployAndDocsIsOneOfTheProgram(t *testing.T) {
	found := inDocument(t)
	for _, line := range found {
		if err := parses(t, line.args); err != nil {
			t.Errorf("%s: omega-export %q: %v", line.where, line.args, err)
		}
	}
	files := map[string]int{}
	for _, line := range found {
		path, _, _ := strings.Cut(strings.TrimPrefix(line.where, "../../"), ":")
		files[path]++
	}
	for _, path := range []string{"README.md", "docs/operating.md", "docs/configuration.md", "deploy/README.md", "deploy/cron/omega-export", "deploy/systemd/omega-export@.service", "deploy/kubernetes/cronjob.yaml", "deploy/cloud-run/job.yaml"} {
		if files[path] == 0 {
			t.Errorf("no command line was found in %s", path)
		}
	}
}

func TestEveryExampleInHelpIsOneOfTheProgram(t *testing.T) {
	for _, command := range testParser(t).Model.Leaves(true) {
		_, examples, there := strings.Cut(command.Detail, "\nExample")
		lines := commandLines(commandWords(command), examples, func(line string) (string, bool) { return line, strings.HasPrefix(line, "  ") })
		if !there || len(lines) == 0 {
			t.Errorf("%s --help has no examples", commandWords(command))
		}
		for _, line := range lines {
			if err := parses(t, line.args); err != nil {
				t.Errorf("%s: omega-export %q: %v", line.where, line.args, err)
			}
		}
	}
}

func TestTheShellsWordsAreRead(t *testing.T) {
	for line, want := range map[string][]string{
		"omega-export run --list 'a b' # why":            {"run", "--list", "a b"},
		"  X=… omega-export run … --list a || echo done": {"run", "--list", "a"},
		"sort -u n | omega-export run --list - > out":    {"run", "--list", "-"},
		"/usr/local/bin/omega-export status":             {"status"},
		"omega-export":                                   {},
		"omega-export verify  checks all":                {"verify"},
		"install bin/omega-export /usr/local/bin":        nil,
		"make run": nil,
	} {
		if got := programWords(line); !slices.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}

// failures are the codes with which the program ends when not all is done.
func failures() []int {
	return []int{exitUsage, exitList, exitOutage, exitBug, exitCannot, exitIO, exitStopped, exitRefused, exitConfigure}
}

func TestTheCronJobKnowsEachExitCodeOnce(t *testing.T) {
	actions := map[int]string{}
	var walk func(node *yaml.Node)
	walk = func(node *yaml.Node) {
		var rule struct {
			Action      string
			OnExitCodes struct{ Values []int } `yaml:"onExitCodes"`
		}
		if node.Kind == yaml.MappingNode && node.Decode(&rule) == nil && rule.Action != "" {
			for _, code := range rule.OnExitCodes.Values {
				if actions[code] != "" {
					t.Errorf("%d stands in two rules", code)
				}
				actions[code] = rule.Action
			}
		}
		for _, child := range node.Content {
			walk(child)
		}
	}
	eachDocument(t, "../../deploy/kubernetes/cronjob.yaml", walk)
	for _, code := range failures() {
		want := "FailJob"
		if slices.Contains([]int{exitOutage, exitCannot, exitIO, exitStopped}, code) {
			want = "Count"
		}
		if actions[code] != want {
			t.Errorf("%d: %q, want %s", code, actions[code], want)
		}
		delete(actions, code)
	}
	if len(actions) > 0 {
		t.Errorf("codes that the program never ends with: %v", actions)
	}
}

func TestTheUnitKnowsTheExitCodes(t *testing.T) {
	text, err := os.ReadFile("../../deploy/systemd/omega-export@.service")
	if err != nil {
		t.Fatal(err)
	}
	codes := func(key string) (all []int) {
		for _, line := range regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllStringSubmatch(string(text), -1) {
			for _, word := range strings.Fields(line[1]) {
				code, err := strconv.Atoi(word)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, code)
			}
		}
		return all
	}
	if got := codes("SuccessExitStatus"); !slices.Equal(got, []int{exitStopped}) {
		t.Errorf("no failure: %v", got)
	}
	if got, want := codes("RestartPreventExitStatus"), []int{exitUsage, exitList, exitCannot, exitRefused, exitConfigure}; !slices.Equal(got, want) {
		t.Errorf("not tried again: %v, want %v", got, want)
	}
}

func TestTheConfigurationsOfDeployAreRight(t *testing.T) {
	unit, err := os.ReadFile("../../deploy/systemd/omega-export.yaml")
	if err != nil {
		t.Fatal(err)
	}
	configurations := map[string]string{"systemd/omega-export.yaml": string(unit)}
	eachDocument(t, "../../deploy/kubernetes/cronjob.yaml", func(document *yaml.Node) {
		var object struct{ Data map[string]string }
		if err := document.Decode(&object); err != nil {
			t.Fatal(err)
		}
		if text := object.Data["omega-export.yaml"]; text != "" {
			configurations["kubernetes/cronjob.yaml"] = text
		}
	})
	withSettings(t)
	if err := os.WriteFile("secret", []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if len(configurations) != 2 {
		t.Errorf("%d configurations were found", len(configurations))
	}
	for name, text := range configurations {
		if said, code := check(t, strings.Replace(text, "/run/secrets/omega-export/client-secret", "secret", 1)); code != exitDone {
			t.Errorf("%s: exit %d:\n%s", name, code, said)
		}
	}
}

func TestSystemdReadsTheUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze here")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	units := os.DirFS("../../deploy/systemd")
	for name, as := range map[string]string{"omega-export@.service": "omega-export@nuit.service", "omega-export@.timer": "omega-export@nuit.timer"} {
		text, err := fs.ReadFile(units, name)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("/usr/local/bin/omega-export"), []byte(program))
		if err := os.WriteFile(filepath.Join(folder, as), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"verify", "--man=no", filepath.Join(folder, "omega-export@nuit.service"), filepath.Join(folder, "omega-export@nuit.timer")},
		{"security", "--offline=true", "--threshold=12", "--no-pager", filepath.Join(folder, "omega-export@nuit.service")},
	} {
		if said, err := exec.Command(analyze, args...).CombinedOutput(); err != nil || (args[0] == "verify" && len(said) > 0) {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, said)
		}
	}
}
