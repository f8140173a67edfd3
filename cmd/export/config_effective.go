package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"omega-export/internal/config"
	"omega-export/internal/omega"
)

// effectiveRun is what a run would use.
type effectiveRun struct {
	export   string
	settings []effectiveSetting
	unset    []string
	run      *runCmd
}

// effectiveSetting is one setting as it would be used, and where it comes from.
type effectiveSetting struct{ name, value, from string }

// runChecking is the check of one run: of the whole that its settings make.
type runChecking struct {
	*checking
	export string
	flags  map[string]*kong.Flag
	lines  map[string]int // of the settings that are of the file
	own    map[string]string
	used   effectiveRun
}

func newRunChecking(c *checking, export string) *runChecking {
	return &runChecking{
		checking: c, export: export, used: effectiveRun{export: export},
		flags: map[string]*kong.Flag{}, lines: map[string]int{}, own: map[string]string{},
	}
}

// run checks the run of an export, or of the file if it has none.
func (c *checking) run(ctx context.Context, export string) (effectiveRun, error) {
	parser, err := newParser(ctx, streams{})
	if err != nil {
		return effectiveRun{}, err
	}
	command := runFirst(parser.Model.Leaves(false))[0]
	run := command.Target.Addr().Interface().(*runCmd)
	r := newRunChecking(c, export)
	for _, flag := range settable(command) {
		if err := r.fill(flag); err != nil {
			return effectiveRun{}, err
		}
	}
	r.ranges(run)
	r.missing(run)
	r.credentials(run)
	r.places(run)
	r.privacy(run)
	r.watchers(run)
	r.used.run = run
	return r.used, nil
}

// fill gives a flag the value that run would give it, and notes where it is from. One that cannot be was told of, or is
// of the environment and is told of now; the flag keeps its default then.
func (r *runChecking) fill(flag *kong.Flag) error {
	r.flags[flag.Name] = flag
	value, from := any(nil), ""
	if flag.HasDefault {
		value, from = flag.Default, "default"
	}
	if variable := fromEnvironment(flag); variable != "" {
		if err := checkValue(flag, os.Getenv(variable), true); err != nil {
			r.found(fmt.Errorf("with the environment: %s: %w", variable, err))
		} else {
			value, from = os.Getenv(variable), variable
		}
	} else if setting := r.file.Find(config.Place{Command: "run", Export: r.export}, flag.Name); setting != nil {
		r.lines[flag.Name], r.own[flag.Name] = setting.Line, setting.Key
		if given, err := flagValue(flag, setting); err == nil {
			value, from = given, fmt.Sprintf("line %d", setting.Line)
		}
	}
	if value == nil {
		if flag.Name != "client-secret-file" && !flag.Hidden {
			r.used.unset = append(r.used.unset, flag.Name)
		}
		return nil
	}
	if err := flag.Parse(kong.ScanFromTokens(kong.Token{Value: value, Type: kong.FlagValueToken}), flag.Target); err != nil {
		return err
	}
	if !flag.Hidden {
		r.used.settings = append(r.used.settings, effectiveSetting{flag.Name, shown(value), from})
	}
	return nil
}

// shown is a value as it is shown: a URL without a password that may stand in it.
func shown(value any) string {
	list, isList := value.([]any)
	if isList {
		var texts []string
		for _, element := range list {
			texts = append(texts, shown(element))
		}
		return "[" + strings.Join(texts, " ") + "]"
	}
	text := fmt.Sprint(value)
	if address, err := url.Parse(text); err == nil && address.User != nil {
		return address.Redacted()
	}
	if text == "" {
		return `""`
	}
	return text
}

// about notes a problem with a flag under its key and line.
func (r *runChecking) about(name, text string) { r.found(r.described(name, text)) }

func (r *runChecking) described(name, text string) error {
	switch {
	case r.own[name] != "":
		return &config.Problem{Line: r.lines[name], Key: r.own[name], Text: text}
	case r.export != "" && name == "list": // the lists are what tells one export from another; the rest is common
		return &config.Problem{Key: config.ExportsKey + "." + r.export + "." + name, Text: text}
	}
	return &config.Problem{Key: name, Text: text}
}

// ranges asks run's own checks. They tell of one flag at a time: that one is put back to its default, and they are
// asked again, so that all are told of.
func (r *runChecking) ranges(run *runCmd) {
	for range len(r.flags) {
		err := run.Validate()
		if err == nil {
			return
		}
		named, text, _ := strings.Cut(err.Error(), ": ")
		reset := false
		for _, name := range strings.Split(named, ", ") {
			name = strings.TrimPrefix(name, "--")
			flag := r.flags[name]
			if flag == nil {
				continue
			}
			if r.own[name] != "" || fromEnvironment(flag) != "" {
				r.about(name, text)
				reset = true
			}
			r.putBack(flag)
		}
		if !reset {
			r.found(err)
			return
		}
	}
}

// putBack gives a flag its default.
func (r *runChecking) putBack(flag *kong.Flag) {
	flag.Target.Set(reflect.Zero(flag.Target.Type()))
	if flag.HasDefault {
		_ = flag.Parse(kong.ScanFromTokens(kong.Token{Value: flag.Default, Type: kong.FlagValueToken}), flag.Target)
	}
}

// missing tells of what a run needs and has not.
func (r *runChecking) missing(run *runCmd) {
	needed := map[string]bool{"list": len(run.List) > 0}
	if !run.Simulate {
		needed["client-id"], needed["code-cdgf"], needed["user-login"] = run.API.ClientID != "", run.API.CodeCDGF != "", run.API.UserLogin != ""
	}
	for _, name := range []string{"list", "client-id", "code-cdgf", "user-login"} {
		if there, asked := needed[name]; asked && !there && !r.cannotBe(name) {
			r.about(name, "missing: run needs it"+unless(len(r.flags[name].Envs) == 0, " (or "+strings.Join(r.flags[name].Envs, "")+")"))
		}
	}
}

// cannotBe says whether the file has a value for the flag that was told of as wrong.
func (r *runChecking) cannotBe(name string) bool {
	setting := r.file.Find(config.Place{Command: "run", Export: r.export}, name)
	if setting == nil || fromEnvironment(r.flags[name]) != "" {
		return false
	}
	_, err := flagValue(r.flags[name], setting)
	return err != nil
}

// credentials checks who asks, and the addresses, as a run would before its first call.
func (r *runChecking) credentials(run *runCmd) {
	if run.Simulate {
		return
	}
	secret, from, err := run.API.secret()
	if err != nil {
		r.about("client-secret-file", strings.TrimPrefix(err.Error(), "--client-secret-file: "))
		secret, from = "unknown", ""
	}
	r.used.settings = append(r.used.settings, effectiveSetting{"client secret", unless(err != nil, "set") + unless(err == nil, "missing"), from})
	first := supplier{CodeCDGF: run.API.CodeCDGF, settings: omega.Settings{
		BaseURL: run.API.BaseURL, Path: run.API.Path, TokenURL: run.API.TokenURL, Scope: run.API.Scope,
		ClientID: orText(run.API.ClientID), ClientSecret: secret, UserLogin: orText(run.API.UserLogin),
	}}
	r.addresses(first)
	codes := map[string]bool{first.CodeCDGF: true}
	for _, other := range run.API.Supplier {
		next, err := other.supplier(first)
		switch code := other["code-cdgf"]; {
		case err != nil:
			r.about("supplier", err.Error())
		case codes[code]:
			r.about("supplier", "the code "+code+" is given twice")
		default:
			codes[code] = true
			r.used.settings = append(r.used.settings, effectiveSetting{"client secret of " + code, "set", next.secretFrom})
		}
	}
}

// orText stands for what was told of as missing.
func orText(text string) string {
	if text == "" {
		return "missing"
	}
	return text
}

// addresses checks what the API's client would refuse, each setting in its turn.
func (r *runChecking) addresses(s supplier) {
	for range len(r.flags) {
		client, err := omega.NewClient(s.settings)
		if err == nil {
			client.Close()
			return
		}
		var refused *omega.SettingError
		if !errors.As(err, &refused) {
			r.found(err)
			return
		}
		name := map[string]string{"BaseURL": "base-url", "Path": "path", "TokenURL": "token-url", "Scope": "scope", "ClientID": "client-id", "ClientSecret": "client-secret-file", "UserLogin": "user-login"}[refused.Setting]
		flag := r.flags[name]
		if flag == nil {
			r.found(err)
			return
		}
		r.about(name, refused.Reason)
		field := reflect.ValueOf(&s.settings).Elem().FieldByName(refused.Setting)
		if fallback := unless(flag.HasDefault, "x") + flag.Default; field.String() != fallback {
			field.SetString(fallback)
			continue
		}
		return
	}
}

// places checks the lists, the output, the state and the schema files.
func (r *runChecking) places(run *runCmd) {
	for _, list := range run.List {
		if list == "-" || isBucket(list) {
			continue
		}
		switch found, err := filepath.Glob(list); {
		case err != nil:
			r.about("list", fmt.Sprintf("%s: %v", list, err))
		case len(found) == 0:
			r.warn(r.described("list", list+" matches no file that is there now"))
		}
	}
	if onePlace(run.Out, run.State) {
		r.about("state", fmt.Sprintf("%s is where out is: the ledger wants a folder of its own", run.State))
	}
	if _, err := run.Files.load(); err != nil {
		r.about("schemas", strings.TrimPrefix(err.Error(), "--schemas "))
	}
}

// together checks what the exports share: a ledger's answers go into one output, and a client's quota is kept in one state.
func (c *checking) together(runs []effectiveRun) {
	for i, one := range runs {
		for _, other := range runs[i+1:] {
			key := config.ExportsKey + "." + other.export + ".state"
			line := 0
			if setting := c.file.Find(config.Place{Command: "run", Export: other.export}, "state"); setting != nil {
				line = setting.Line
			}
			sameState := onePlace(one.run.State, other.run.State)
			switch {
			case sameState && !onePlace(one.run.Out, other.run.Out):
				c.found(&config.Problem{Line: line, Key: key, Text: fmt.Sprintf(
					"it is that of the export %s, whose out is another: what one run leaves to be published the other would put into its own", one.export)})
			case !sameState && !one.run.Simulate && !other.run.Simulate && one.run.API.ClientID == other.run.API.ClientID && one.run.API.BaseURL == other.run.API.BaseURL:
				c.warn(&config.Problem{Line: line, Key: key, Text: fmt.Sprintf(
					"it is not that of the export %s, whose client is the same: run at the same time, they would not know of each other's calls", one.export)})
			}
		}
	}
}

// onePlace says whether two places are one, whether they are there yet or not.
func onePlace(a, b string) bool {
	if samePlace(a, b) {
		return true
	}
	absoluteA, errA := filepath.Abs(a)
	absoluteB, errB := filepath.Abs(b)
	return !isBucket(a) && !isBucket(b) && errA == nil && errB == nil && absoluteA == absoluteB
}
