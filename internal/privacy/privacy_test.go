package privacy

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
)

var marks = []string{"nom", "prenom", "telephone", "adresse", "courriel", "identifiant", "autre"}

func testKey(t testing.TB, seed string) *Key {
	t.Helper()
	key, err := ParseKey([]byte(hex.EncodeToString([]byte(seed + "-0123456789abcdefghijklmnopqrst"))))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func pseudonyms(t testing.TB, seed string) *Policy {
	t.Helper()
	policy, err := NewPolicy(Options{Marks: marks, Default: Pseudonymise, Key: testKey(t, seed)})
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

func code(p *Policy, mark, value string) string {
	return string(p.AppendCode(nil, mark, []byte(value)))
}

func TestTheSameValueHoweverWrittenHasOneCode(t *testing.T) {
	policy := pseudonyms(t, "a")
	for mark, writings := range map[string][]string{
		"telephone": {"06 12 34 56 78", "+33 6 12 34 56 78", "0033612345678", "06.12.34.56.78", "+33 (0)6 12 34 56 78", "612345678", "33612345678", "+330612345678", " 0612345678\u00a0"},
		"courriel":  {"Jean.Dupont@Mail.example", " jean.dupont@mail.example\n"},
		"nom":       {"GARCÍA-LÓPEZ", "Garcia Lopez", "  garci\u0301a   lo\u0301pez ", "Garcia–Lopez"},
		"prenom":    {"Chloé", "CHLOE"},
		"adresse":   {"12, rue de l'Église", "12 RUE DE L EGLISE", "12 rue de l’église"},
	} {
		for _, writing := range writings {
			if got, want := code(policy, mark, writing), code(policy, mark, writings[0]); got != want {
				t.Errorf("%s %q has another code than %q: %q against %q", mark, writing, writings[0], Normalise(mark, writing), Normalise(mark, writings[0]))
			}
		}
	}
}

func TestTwoValuesMarksOrKeysHaveTwoCodes(t *testing.T) {
	policy := pseudonyms(t, "a")
	seen := map[string]string{}
	for _, one := range [][2]string{
		{"nom", "0612345678"},
		{"telephone", "0612345678"},
		{"telephone", "0612345679"},
		{"telephone", "+44612345678"},
		{"telephone", "3631"},
		{"identifiant", "a"},
		{"identifiant", "A"},
		{"autre", "a"},
		{"nom", "..."},
		{"nom", "---"},
		{"nom", "a b"},
		{"nom", "ab"},
		{"nom", ""},
	} {
		got := code(policy, one[0], one[1])
		if other, twice := seen[got]; twice {
			t.Errorf("%v has the code of %s", one, other)
		}
		seen[got] = fmt.Sprint(one)
		if id, ok := KeyOfCode(got); !ok || id != policy.KeyID() || len(got) != len("psn_01234567_")+32 {
			t.Errorf("the code %s is of key %q, %v", got, id, ok)
		}
		if code(pseudonyms(t, "b"), one[0], one[1]) == got {
			t.Errorf("%v has one code under two keys", one)
		}
	}
}

func TestACodeStaysTheSameInAllVersions(t *testing.T) {
	key, err := ParseKey([]byte("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := NewPolicy(Options{Marks: marks, Default: Pseudonymise, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	// Published codes are joined with those of years to come.
	if got, want := code(policy, "telephone", "06 12 34 56 78"), "psn_fe7fdf58_7tqq4ozj7pkgjghrumktj4pjkzneelp6"; got != want {
		t.Errorf("the code is %s, was %s", got, want)
	}
}

func TestAKeyIsReadAsHexadecimalBase64OrBytes(t *testing.T) {
	raw := []byte("0123456789abcdefghijklmnopqrstuvw-\xff")
	for name, text := range map[string]string{
		"hexadecimal": hex.EncodeToString(raw) + "\n", "base64": " " + base64.StdEncoding.EncodeToString(raw), "url": base64.RawURLEncoding.EncodeToString(raw), "raw": string(raw),
	} {
		key, err := ParseKey([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want, err := ParseKey(raw)
		if err != nil {
			t.Fatal(err)
		}
		if key.ID() != want.ID() {
			t.Errorf("%s gives another key", name)
		}
	}
	for name, text := range map[string]string{"empty": "", "short": "0123456789abcdef0123456789abcd", "half": strings.Repeat("0f", 31), "zeros": strings.Repeat("00", 32)} {
		if key, err := ParseKey([]byte(text)); !errors.Is(err, errShortKey) {
			t.Errorf("%s gives %v, %v", name, key, err)
		}
	}
}

func TestAKeyPrintsNothingOfItself(t *testing.T) {
	key := testKey(t, "canary")
	for _, verb := range []string{"%v", "%s", "%+v", "%#v"} {
		if got := fmt.Sprintf(verb, key); strings.Contains(got, "canary") || strings.Contains(got, "63616e617279") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

func TestAPolicyIsWhatTheFlagsSay(t *testing.T) {
	policy, err := NewPolicy(Options{Marks: marks, Default: Drop, ByMark: []string{"nom=keep", "telephone=pseudonymise"}, Key: testKey(t, "a")})
	if err != nil {
		t.Fatal(err)
	}
	if !policy.Keeps("nom") || policy.Keeps("courriel") || policy.Codes("courriel") || !policy.Codes("telephone") || policy.KeepsAll() {
		t.Errorf("the policy is %s", policy.Describe())
	}
	want := "adresse=drop autre=drop courriel=drop identifiant=drop nom=keep prenom=drop telephone=pseudonymise key " + policy.KeyID()
	if got := policy.Describe(); got != want {
		t.Errorf("it is told as %s", got)
	}
	var none *Policy
	if !none.KeepsAll() || !none.Keeps("nom") || none.Codes("nom") || none.KeyID() != "" || none.Describe() != "all kept" {
		t.Error("no policy does not keep all")
	}
	for _, wrong := range []Options{{ByMark: []string{"nom"}}, {ByMark: []string{"tel=drop"}}, {ByMark: []string{"nom=hide"}}, {Default: "hide"}, {Default: Pseudonymise}, {ByMark: []string{"nom=pseudonymise"}}} {
		wrong.Marks = marks
		if _, err := NewPolicy(wrong); err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}

func FuzzNormalise(f *testing.F) {
	f.Add("telephone", "+33 (0)6 12")
	f.Add("nom", "ŒUVRÉ ﬁ ß")
	f.Fuzz(func(t *testing.T, mark, value string) {
		once := Normalise(mark, value)
		if value != "" && once == "" {
			t.Errorf("%q is lost", value)
		}
		if again := Normalise(mark, once); again != once {
			t.Errorf("%s %q becomes %q and then %q", mark, value, once, again)
		}
	})
}

func BenchmarkCode(b *testing.B) {
	policy := pseudonyms(b, "a")
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		buffer = policy.AppendCode(buffer[:0], "telephone", []byte("06 12 34 56 78"))
	}
}
