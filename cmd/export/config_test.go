package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

func testParser(t *testing.T) *kong.Kong {
	t.Helper()
	parser, err := newParser(t.Context(), streams{strings.NewReader(""), new(bytes.Buffer), new(bytes.Buffer)})
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

// withSettings runs in a folder of its own, in which a list and a secret are.
func withSettings(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("OMEGA_CLIENT_SECRET", "s3cret-canary")
	if err := os.WriteFile("numeros.txt", []byte("WD00APSW\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// check is what config check says of a file, and its exit code.
func check(t *testing.T, text string) (said string, code int) {
	t.Helper()
	if err := os.WriteFile(defaultConfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code = realMain([]string{"config", "check"}, streams{strings.NewReader(""), &out, &out})
	return out.String(), code
}

func filledIn(text string) string {
	for key, value := range map[string]string{"client-id": "ID", "code-cdgf": "A04000000X", "user-login": "moi@fournisseur.example"} {
		text = strings.Replace(text, key+`: ""`, key+": "+value, 1)
	}
	return text
}

func TestTheFirstConfigurationIsRightOnceItsThreeValuesAreFilledIn(t *testing.T) {
	withSettings(t)
	text := newConfig(runFirst(testParser(t).Model.Leaves(false))[0])
	if said, code := check(t, text); code != exitConfigure || strings.Count(said, ": missing: ") != 3 {
		t.Errorf("as written: exit %d, three values should be missing:\n%s", code, said)
	}
	if said, code := check(t, filledIn(text)); code != exitDone || strings.Contains(said, "warning") {
		t.Errorf("filled in: exit %d:\n%s", code, said)
	}
}

func TestTheFirstConfigurationHasEveryFlagOfRunAndEachCanBeUncommented(t *testing.T) {
	withSettings(t)
	run := runFirst(testParser(t).Model.Leaves(false))[0]
	text := filledIn(newConfig(run))
	for _, flag := range run.Flags {
		if _, is := flag.Target.Interface().(exportFlag); is || flag.Hidden {
			continue
		}
		if !regexp.MustCompile(`(?m)^#?` + flag.Name + `:`).MatchString(text) {
			t.Errorf("%s is not there", flag.Name)
		}
	}
	before, _, _ := strings.Cut(text, "# Several exports")
	if said, code := check(t, regexp.MustCompile(`(?m)^#([a-z-]+: .*)$`).ReplaceAllString(before, "$1")); code != exitDone {
		t.Errorf("with every key: exit %d:\n%s", code, said)
	}
	_, exports, _ := strings.Cut(text, "# Several exports")
	_, exports, _ = strings.Cut(exports, "\n")
	exports, _, _ = strings.Cut(exports, "\n\n")
	if said, code := check(t, before+regexp.MustCompile(`(?m)^#`).ReplaceAllString(exports, "")); code != exitDone || !strings.Contains(said, "run --export rattrapage would use") {
		t.Errorf("with exports: exit %d:\n%s", code, said)
	}
}

func TestCheckTellsWhatRunUses(t *testing.T) {
	withSettings(t)
	text := "list: [numeros.txt]\nclient-id: ID\ncode-cdgf: A\nuser-login: ${LOGIN:-moi}\nrate: 08\nuntil: 06:30\nseal-every: 5m\nfinal-statuses: [X, Y]\n" +
		"run: {max-calls: 7}\nsupplier:\n  - {code-cdgf: B, client-id: d, client-secret-env: OMEGA_CLIENT_SECRET}\n" +
		"exports:\n  nuit: {out: nuit, state: s1, rate: 0.5, simulate: true}\n  jour: {out: jour, state: s2}\n"
	if said, code := check(t, text); code != exitDone {
		t.Fatalf("exit %d:\n%s", code, said)
	}
	t.Setenv("OMEGA_MAX_IN_FLIGHT", "9")
	for _, export := range []string{"nuit", "jour"} {
		parser := testParser(t)
		if _, err := parse(parser, []string{"run", "--config", defaultConfig, "--export", export}); err != nil {
			t.Fatal(err)
		}
		want := parser.Model.Target.Addr().Interface().(*cli).Run
		want.Export = ""

		other := testParser(t)
		file, err := readConfig(defaultConfig, other.Model)
		if err != nil {
			t.Fatal(err)
		}
		command := runFirst(other.Model.Leaves(false))[0]
		r := newRunChecking(&checking{file: file}, export)
		for _, flag := range settable(command) {
			if err := r.fill(flag); err != nil {
				t.Fatal(err)
			}
		}
		if got := *command.Target.Addr().Interface().(*runCmd); !reflect.DeepEqual(got, want) {
			t.Errorf("--export %s:\ncheck has %+v\nrun has   %+v", export, got, want)
		}
	}
}

func TestCheckShowsNoSecret(t *testing.T) {
	withSettings(t)
	t.Setenv("RATE", "s3cret-canary")
	said, code := check(t, "list: [numeros.txt]\nclient-id: ID\ncode-cdgf: A\nuser-login: moi\nrate: ${RATE}\nbase-url: https://moi:s3cret-canary@api.example\n")
	if code != exitConfigure || !strings.Contains(said, "line 5: rate: its value is not a number (it is of ${RATE})") {
		t.Errorf("exit %d:\n%s", code, said)
	}
	if strings.Contains(said, "s3cret-canary") {
		t.Errorf("the secret is shown:\n%s", said)
	}
}

const schemaFile = "../../docs/omega-export.schema.json"

func TestTheCommittedSchemaIsThatOfTheFlags(t *testing.T) {
	var printed bytes.Buffer
	if err := (&configSchemaCmd{}).Run(testParser(t), streams{out: &printed}); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, printed.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(schemaFile)
	if err != nil || !bytes.Equal(committed, printed.Bytes()) {
		t.Errorf("docs/omega-export.schema.json lags behind the flags (%v): go test ./cmd/export -run Schema -update", err)
	}
}

// The schema and config check agree on files that a schema can judge.
func TestTheSchemaTellsGoodFilesFromBad(t *testing.T) {
	file, err := os.Open(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	document, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("omega-export.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("omega-export.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	withSettings(t)
	t.Setenv("RATE", "2")
	const common = "list: [numeros.txt]\nclient-id: ID\ncode-cdgf: A\nuser-login: moi\n"
	for text, good := range map[string]bool{
		"":                                    true,
		"rate: 0.5\nmax-calls: 10\nlist: x\n": true,
		"rate: ${RATE}\nuntil: ${T:-06:00}\n": true,
		"run: {progress: log, log-level: debug, due-after: 90m, call-timeout: 1m30s, until: 6:30}\n": true,
		"schema: {infer: {schemas: x}}\nstate: {rebuild: {progress: log}}\n":                         true,
		"state: s\n":                 true,
		"schema: {list: {out: x}}\n": true,
		"exports: {nuit: {list: [numeros.txt], priority: 1}, jour: {max-calls: 5}}\n":                 true,
		"supplier: [{code-cdgf: B, client-id: d, client-secret-env: OMEGA_CLIENT_SECRET, rate: 2}]\n": true,
		"supplier: ['code-cdgf=B,client-id=d,client-secret-env=OMEGA_CLIENT_SECRET']\n":               true,
		"raet: 5\n":                          false,
		"rate: fast\n":                       false,
		"max-calls: 1.5\n":                   false,
		"refresh: newest\n":                  false,
		"simulate: perhaps\n":                false,
		"due-after: 8\n":                     false,
		"due-after: 8 hours\n":               false,
		"until: 25:00\n":                     false,
		"client-secret: x\n":                 false,
		"run: {answers: 5}\n":                false,
		"exports: {nuit: {corpus: x}}\n":     false,
		"exports: [nuit]\n":                  false,
		"supplier: [{code-cdgf: B}]\n":       false,
		"supplier: [{code-cdfg: B}]\n":       false,
		"export: nuit\n":                     false,
		"config: {check: {file: x}}\n":       false,
		"out: [a]\n":                         false,
		"out:\n":                             false,
		"simulate: true\nrefresh: [missing]": false,
	} {
		merged := text
		for line := range strings.Lines(common) {
			if key, _, _ := strings.Cut(line, ":"); !strings.Contains("\n"+text, "\n"+key+":") {
				merged += "\n" + line
			}
		}
		merged = strings.Replace(merged, "\n\n", "\n", -1)
		merged = strings.TrimPrefix(merged, "\n")
		var parsed any
		if err := yaml.Unmarshal([]byte(merged), &parsed); err != nil {
			t.Fatalf("%q: %v", merged, err)
		}
		asJSON, err := json.Marshal(parsed)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); (err == nil) != good {
			t.Errorf("%q: good %v, and the schema says: %v", text, good, err)
		}
		if said, code := check(t, merged); (code == exitDone) != good {
			t.Errorf("%q: good %v, and config check says, exit %d:\n%s", text, good, code, said)
		}
	}
}

func TestASecretsFileIsItsReadersAlone(t *testing.T) {
	folder := t.TempDir()
	credentials := filepath.Join(folder, "credentials")
	if err := os.Mkdir(credentials, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv(credentialsVariable, credentials)
	for _, test := range []struct {
		name string
		path string
		mode os.FileMode
		good bool
	}{
		{"its owner's alone", filepath.Join(folder, "own"), 0o600, true},
		{"for reading alone", filepath.Join(folder, "read"), 0o400, true},
		{"its group's too", filepath.Join(folder, "group"), 0o640, false},
		{"everybody's", filepath.Join(folder, "all"), 0o644, false},
		{"a credential of its group's", filepath.Join(credentials, "group"), 0o440, true},
		{"a credential that its group may write", filepath.Join(credentials, "write"), 0o660, false},
		{"a credential of everybody's", filepath.Join(credentials, "all"), 0o444, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := os.WriteFile(test.path, []byte("s3cret\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(test.path, test.mode); err != nil {
				t.Fatal(err)
			}
			secret, err := readSecret(test.path)
			if (err == nil) != test.good || (test.good && secret != "s3cret") {
				t.Errorf("mode %04o: %v", test.mode, err)
			}
			if err != nil && !strings.Contains(err.Error(), "chmod 600 "+test.path) {
				t.Errorf("the error does not say what to do: %v", err)
			}
		})
	}
	link := filepath.Join(credentials, "link")
	if err := os.Symlink(filepath.Join(folder, "group"), link); err != nil {
		t.Fatal(err)
	}
	if _, err := readSecret(link); err == nil {
		t.Error("a link among the credentials opens a file that lies elsewhere")
	}
}

func TestCredentialsStandInForWhatIsNotGiven(t *testing.T) {
	folder := t.TempDir()
	t.Setenv(credentialsVariable, folder)
	for name, secret := range map[string]string{credentialName: "first", credentialName + "-B04": "second"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(secret), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	flags := apiFlags{ClientID: "c", CodeCDGF: "A04", UserLogin: "moi", Supplier: []otherSupplier{{"code-cdgf": "B04", "client-id": "d"}}}
	t.Setenv("OMEGA_CLIENT_SECRET", "")
	all, err := flags.suppliers(false)
	if err != nil || all[0].settings.ClientSecret != "first" || all[1].settings.ClientSecret != "second" {
		t.Fatalf("%v: the credentials are not taken", err)
	}
	t.Setenv("OMEGA_CLIENT_SECRET", "environment")
	if all, err = flags.suppliers(false); err != nil || all[0].settings.ClientSecret != "environment" {
		t.Errorf("%v: the environment does not go before the credentials", err)
	}
	flags.Supplier[0]["code-cdgf"] = "../" + credentialName
	if _, err = flags.suppliers(false); err == nil {
		t.Error("a code is taken for a path")
	}
}
