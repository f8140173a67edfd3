package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"
)

// What is forgotten has values of its own, in a document and in a reject, and its numbers stand in no other answer.
var (
	forgottenTexts   = []string{"serin", "688776655"}
	forgottenNumbers = []string{"MESANGE7", "MESANGE8"}
)

func answersToForget() map[string]string {
	answers := canaryAnswers()
	answers["MESANGE7"] = `{"numero_demande":"MESANGE7","type_demande":{"code":"CHF"},"cree_par":"SERIN1","informations_client":{"nom":"Serin",` +
		`"telephone":"0688776655","mobile":688776655,"car":{"x":"serin"},"contacts":[{"nom":"Serin","telephone":"serin"}]}}`
	answers["MESANGE8"] = `{"numero_demande":"MESANGE8","nom":"Serin`
	return answers
}

// TestNothingIsLeftOfWhatIsForgotten looks for a forgotten person's values, and for the numbers, in every byte and every
// Parquet value that is left, and sees that all others are as they were.
func TestNothingIsLeftOfWhatIsForgotten(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, policy := range []string{"keep", "drop", "pseudonymise"} {
		for _, elsewhere := range []bool{false, true} {
			for _, sealed := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s elsewhere=%v sealed=%v", policy, elsewhere, sealed), func(t *testing.T) {
					t.Parallel()
					forgetsBirds(t, policy, elsewhere, sealed, identity)
				})
			}
		}
	}
}

func forgetsBirds(t *testing.T, policy string, elsewhere, sealed bool, identity *age.X25519Identity) {
	p := newCanaryPlaceOf(t, answersToForget())
	identityFile := filepath.Join(p.folder, "identity")
	if err := os.WriteFile(identityFile, []byte(identity.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var archive []string
	if elsewhere {
		archive = []string{"--archive", p.archive}
	}
	personal := []string{"--personal-default", policy, "--personal-key-file", filepath.Join(p.folder, "key")}
	run := joined(archive, personal, []string{"--metrics-file", filepath.Join(p.folder, "metrics.prom"), "--report-html", filepath.Join(p.folder, "report.html")})
	if sealed {
		run = joined(run, []string{"--archive-recipient", identity.Recipient().String()})
	}
	reading := joined(archive, personal, []string{"--identity-file", identityFile})
	p.does(p.runArgs(run...)...)
	where := p.archive
	if !elsewhere {
		where = p.out
	}
	if found := birds(t, where, forgottenTexts); len(found) == 0 && !sealed {
		t.Fatal("the search finds nothing before")
	}
	p.does(joined([]string{"verify", "--deep", "--out", p.out}, reading)...)
	others := canaries(t, p.out)

	receipt := filepath.Join(p.folder, "recu.json")
	p.does(joined([]string{"forget"}, forgottenNumbers, []string{"--grace", "0s", "--receipt", receipt, "--out", p.out, "--state", p.state}, archive)...)
	p.mustBeForgotten()
	if now := canaries(t, p.out); (len(now) == 0) != (len(others) == 0) {
		t.Errorf("of the others there was %q, and is %q", others, now)
	}
	// Listed again, it does not come back, and every other answer can still be read, by a replay that keeps all.
	p.does(p.runArgs(joined(run, []string{"--refresh", "all"})...)...)
	p.does(joined([]string{"replay", "--out", p.out, "--to", filepath.Join(p.folder, "clear"), "--relearn", "--progress", "none", "--identity-file", identityFile}, archive)...)
	p.does(joined([]string{"verify", "--deep", "--out", p.out}, reading)...)
	p.mustBeForgotten()
	if found := birds(t, filepath.Join(p.folder, "clear"), forgottenTexts); len(found) > 0 {
		t.Errorf("in a replay there is %q", found)
	}
	if found := canaries(t, filepath.Join(p.folder, "clear")); len(found) == 0 {
		t.Error("the other answers cannot be read")
	}
	for _, want := range []string{"9 rows compared with 9 raw answers: 9 are exactly", "8 rows compared with 8 raw answers: 8 are exactly", "answers +36 read"} {
		if !regexp.MustCompile(want).Match(p.told.Bytes()) {
			t.Errorf("it does not say %q: %s", want, p.told.String())
		}
	}
}

// mustBeForgotten sees that of the forgotten nothing is left in what is kept, nor in what was told: there the numbers may
// stand, as in the receipt.
func (p *canaryPlace) mustBeForgotten() {
	p.t.Helper()
	for _, folder := range []string{p.out, p.archive, p.state} {
		if found := birds(p.t, folder, append([]string{"mesange"}, forgottenTexts...)); len(found) > 0 {
			p.t.Errorf("what is forgotten stands in\n%s", strings.Join(found, "\n"))
		}
	}
	for _, name := range []string{"report.json", "report.html", "metrics.prom", "recu.json"} {
		if _, err := os.Stat(filepath.Join(p.folder, name)); err != nil {
			p.t.Error(err)
		}
		if found := birds(p.t, filepath.Join(p.folder, name), forgottenTexts); len(found) > 0 {
			p.t.Errorf("what is forgotten is told in %s", name)
		}
	}
	if hasBird(p.told.Bytes(), forgottenTexts) {
		p.t.Errorf("what is forgotten is told:\n%s", p.told.String())
	}
}

// joined are lists of arguments one after the other, in a list of its own.
func joined(lists ...[]string) (all []string) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}
