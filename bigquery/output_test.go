package bigquery

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// binary is the program under test, built once by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	folder, err := os.MkdirTemp("", "omega-export-bigquery-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	binary = filepath.Join(folder, "omega-export")
	build := exec.Command("go", "build", "-o", binary, "./cmd/export")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, text)
		return 1
	}
	return m.Run()
}

// output is what the program wrote in three simulated nights, each of a third of the numbers: all 23 types, in three files each
// (compact leaves the newest alone, and one file has nothing to be merged with), and a type with declared decimals and descriptions that must not leave their quotes.
type output struct{ out, state, schemas string }

const declared = `version: 1
code: CHF
libelle: "Changement de fournisseur"
colonnes:
  - {chemin: montant, type: "DECIMAL(12,2)", description: "Le montant d'un \"devis\", en €; voir \\guide"}
  - {chemin: precis, type: "DECIMAL(38,20)"}
  - {chemin: lignes, type: "LIST<STRUCT<code STRING, prix DECIMAL(9,2)>>"}
`

func outputOf(t *testing.T) *output {
	t.Helper()
	p := &output{out: filepath.Join(t.TempDir(), "out"), state: filepath.Join(t.TempDir(), "state"), schemas: t.TempDir()}
	if err := os.WriteFile(filepath.Join(p.schemas, "chf.yaml"), []byte(declared), 0o600); err != nil {
		t.Fatal(err)
	}
	p.run(t, "--max-calls", "160")
	p.run(t, "--max-calls", "160")
	p.run(t)
	return p
}

// run is a night, which may end with work left.
func (p *output) run(t *testing.T, flags ...string) {
	t.Helper()
	command := exec.Command(binary, append([]string{
		"run", "--simulate", "--rate", "500", "--list", "../testdata/numeros.txt", "--progress", "none",
		"--out", p.out, "--state", p.state, "--schemas", p.schemas,
	}, flags...)...)
	text, err := command.CombinedOutput()
	if code := command.ProcessState.ExitCode(); err != nil && code != 75 {
		t.Fatalf("a night: %v\n%s", err, text)
	}
}

func (p *output) try(arguments ...string) error { return exec.Command(binary, arguments...).Run() }

func (p *output) must(t *testing.T, arguments ...string) {
	t.Helper()
	if text, err := exec.Command(binary, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(arguments, " "), err, text)
	}
}

// once is the bigquery.sql of an output, which several tests only read.
var once string

func written(t *testing.T) string {
	t.Helper()
	if once == "" {
		once = outputOf(t).script(t)
	}
	return once
}

func (p *output) script(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.out, "_sql", "bigquery.sql"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
