package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/parquet-go/parquet-go"
)

// The canaries are values that stand nowhere else: texts that have canari in them, a telephone number in several writings,
// and one that is a JSON number.
var canaryTexts = []string{"canari", "99887766", "99 88 77 66", "99.88.77.66", "699887755"}

// canaryAnswers are what the API answers by number: documents of which not all fits their columns, and answers that are no
// document of their number.
func canaryAnswers() map[string]string {
	const contact = `{"nom":"Canari Contact","telephone":"+33 6 99 88 77 66","email":"canari@contact.example","note":"canari"}`
	document := func(numero, more string) string {
		return `{"numero_demande":"` + numero + `","type_demande":{"code":"CHF"},"cree_par":"CANARI1","commentaire_soumission_analyse":"appeler Canari",` + more + `}`
	}
	answers := map[string]string{
		"N1": document("N1", `"informations_client":{"nom":"Canari","prenom":"Canarie","telephone":"06 99 88 77 66","adresse":{"nom_voie":"rue du Canari"},"mobile":699887755,"car":5}`),
		"N2": document("N2", `"informations_client":{"nom":"CANARI","telephone":"0699887766","contacts":[`+contact+`,`+contact+`],"adresse":"rue du Canari","mobile":699887755}`),
		// What finds no column: another kind, a repeated key, keys that can be no column, lists of several kinds.
		"N3": document("N3", `"informations_client":{"nom":{"Canari 1":"Canari"},"nom":["Canari",{"x":"canari"}],"t\u00e9l\u00e9phone":"06.99.88.77.66","car":"x","_nom":"Canari",`+
			`"contacts":[{"nom":"Canari"},5,["canari"]],"telephones":{"06 99 88 77 66":true,"pro":["0699887766",699887755]}}`),
		"N4": document("AUTRE", `"informations_client":{"nom":"Canari"}`),
		"N5": `{"nom":"Canari","telephone":"06 99 88 77 66`,
		"N6": `{"numero_demande":"N6","type_demande":{"code":"Canari !"},"nom":"Canari"}`,
	}
	for i := range 5 { // so that the columns are learned as these have them
		answers[fmt.Sprintf("P%d", i)] = document(fmt.Sprintf("P%d", i), `"informations_client":{"nom":"Canari","telephone":"06 99 88 77 66","contacts":[`+contact+`]}`)
	}
	return answers
}

// canaryPlace is an API that answers with canaries, and the folders of a run.
type canaryPlace struct {
	t                   *testing.T
	folder              string
	list, base, token   string
	out, state, archive string
	told                bytes.Buffer // all that the commands print
}

func newCanaryPlace(t *testing.T) *canaryPlace {
	t.Helper()
	return newCanaryPlaceOf(t, canaryAnswers())
}

// newCanaryPlaceOf is one whose API answers that.
func newCanaryPlaceOf(t *testing.T, answers map[string]string) *canaryPlace {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			_, _ = io.WriteString(w, `{"token_type":"Bearer","expires_in":3600,"access_token":"jeton","scope":"suivi_demande"}`)
			return
		}
		parts := strings.Split(r.URL.Path, "/")
		body, ok := answers[parts[len(parts)-2]]
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"message":"le client Canari, 06 99 88 77 66, est inconnu"}`)
			return
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	folder := t.TempDir()
	p := &canaryPlace{
		t: t, folder: folder, list: filepath.Join(folder, "list.txt"), base: server.URL, token: server.URL + "/token",
		out: filepath.Join(folder, "out"), state: filepath.Join(folder, "state"), archive: filepath.Join(folder, "archive"),
	}
	numbers := "INCONNU\n"
	for number := range answers {
		numbers += number + "\n"
	}
	for name, content := range map[string]string{"list.txt": numbers, "key": strings.Repeat("0123456789abcdef", 4)} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// command is the program itself: the test's binary under its name.
func (p *canaryPlace) command(args ...string) *exec.Cmd {
	p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	command := exec.Command(self, args...)
	command.Args[0] = "omega-export"
	command.Env = append(os.Environ(), "OMEGA_CLIENT_SECRET=s3cret-canary")
	command.Stdout, command.Stderr = &p.told, &p.told
	return command
}

func (p *canaryPlace) runArgs(flags ...string) []string {
	return append([]string{
		"run", "--list", p.list, "--base-url", p.base, "--token-url", p.token, "--client-id", "c", "--code-cdgf", "A04000000X", "--user-login", "moi",
		"--rate", "500", "--out", p.out, "--state", p.state, "--progress", "none", "--log-level", "debug", "--report", filepath.Join(p.folder, "report.json"),
	}, flags...)
}

func (p *canaryPlace) does(args ...string) {
	p.t.Helper()
	if err := p.command(args...).Run(); err != nil {
		p.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, p.told.String())
	}
}

// canaries are the places below a folder where a canary stands, in the files' bytes or in a Parquet file's values.
func canaries(t *testing.T, folder string) []string {
	t.Helper()
	return birds(t, folder, canaryTexts)
}

// birds are those of other values.
func birds(t *testing.T, folder string, texts []string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if hasBird(content, texts) {
			found = append(found, path)
		}
		if filepath.Ext(path) == ".parquet" {
			found = append(found, parquetBirds(t, path, content, texts)...)
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return found
}

func hasCanary(content []byte) bool { return hasBird(content, canaryTexts) }

func hasBird(content []byte, texts []string) bool {
	content = bytes.ToLower(content)
	for _, text := range texts {
		if bytes.Contains(content, []byte(text)) {
			return true
		}
	}
	return false
}

func parquetBirds(t *testing.T, path string, content []byte, texts []string) (found []string) {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	columns := file.Schema().Columns()
	for _, group := range file.RowGroups() {
		rows := group.Rows()
		buffer := make([]parquet.Row, 16)
		for {
			count, err := rows.ReadRows(buffer)
			for _, row := range buffer[:count] {
				for _, value := range row {
					isNumber := value.Kind() == parquet.Int64 && slices.Contains(texts, fmt.Sprint(value.Int64()))
					if isNumber || value.Kind() == parquet.ByteArray && hasBird(value.ByteArray(), texts) {
						found = append(found, path+" "+strings.Join(columns[value.Column()], "."))
					}
				}
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		_ = rows.Close()
	}
	return found
}

// TestNothingPersonalIsLeftWhereItMustNotBe fetches values that stand nowhere else and looks for them in every file that a
// run, a replay and a verification leave, and in all that they print.
func TestNothingPersonalIsLeftWhereItMustNotBe(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, policy := range []string{"drop", "pseudonymise"} {
		for _, sealed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s sealed=%v", policy, sealed), func(t *testing.T) {
				t.Parallel()
				p := newCanaryPlace(t)
				key := filepath.Join(p.folder, "key")
				how := []string{"--personal-default", policy, "--personal-key-file", key, "--archive", p.archive}
				run := how
				if sealed {
					run = append(how[:len(how):len(how)], "--archive-recipient", identity.Recipient().String())
					file := filepath.Join(p.folder, "identity")
					if err := os.WriteFile(file, []byte(identity.String()), 0o600); err != nil {
						t.Fatal(err)
					}
					how = append(how[:len(how):len(how)], "--identity-file", file)
				}
				p.does(p.runArgs(run...)...)
				p.does(p.runArgs(append(run, "--refresh", "all")...)...)
				p.does(append([]string{"verify", "--deep", "--out", p.out}, how...)...)
				p.mustBeClean(sealed)
				p.does(append([]string{"replay", "--relearn", "--grace", "0s", "--progress", "none", "--out", p.out}, how...)...)
				p.does(append([]string{"verify", "--deep", "--out", p.out}, how...)...)
				p.does("schema", "show", "CHF", "--out", p.out)
				p.mustBeClean(sealed)
				if want := "8 rows compared with 8 raw answers: 8 are exactly"; strings.Count(p.told.String(), want) != 2 {
					t.Errorf("told: %s", p.told.String())
				}
			})
		}
	}
}

func (p *canaryPlace) mustBeClean(sealed bool) {
	p.t.Helper()
	for _, folder := range []string{p.out, p.state, filepath.Join(p.folder, "report.json")} {
		if found := canaries(p.t, folder); len(found) > 0 {
			p.t.Errorf("personal values stand in %s", strings.Join(found, "\n"))
		}
	}
	if hasCanary(p.told.Bytes()) {
		p.t.Errorf("personal values are told:\n%s", p.told.String())
	}
	if found := canaries(p.t, p.archive); sealed == (len(found) > 0) {
		p.t.Errorf("in the archive stands %v", found)
	}
}

// TestTheSearchFindsPersonalValues holds the search itself against a run that keeps all.
func TestTheSearchFindsPersonalValues(t *testing.T) {
	p := newCanaryPlace(t)
	p.does(p.runArgs()...)
	found := strings.Join(canaries(t, p.out), "\n")
	for _, want := range []string{" informations_client__nom", " informations_client__mobile", " _champs_inconnus", " corps", " message", " informations_client__contacts.list.element.telephone"} {
		if !strings.Contains(found, want) {
			t.Errorf("nothing is found in%s:\n%s", want, found)
		}
	}
	if found := canaries(t, p.state); len(found) > 0 {
		t.Errorf("published answers are still in the ledger: %v", found)
	}
}

// TestARunThatForgetsItsArchiveIsRefused: else bodies would come to stand where many may read.
func TestARunThatForgetsItsArchiveIsRefused(t *testing.T) {
	p := newCanaryPlace(t)
	p.does(p.runArgs("--archive", p.archive)...)
	err := p.command(p.runArgs("--refresh", "all")...).Run()
	if code := exitOf(t, err); code != exitConfigure || !strings.Contains(p.told.String(), "name it with --archive") {
		t.Errorf("exits %d: %s", code, p.told.String())
	}
}

func exitOf(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	exit, ok := err.(*exec.ExitError)
	if !ok {
		t.Fatal(err)
	}
	return exit.ExitCode()
}

// pointed is what a table's pointer says of its rows.
func pointed(t *testing.T, out, table string) (rows int64) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(out, "_tables", table+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var pointer struct {
		Rows int64 `json:"rows"`
	}
	if err := json.Unmarshal(text, &pointer); err != nil {
		t.Fatal(err)
	}
	return pointer.Rows
}
