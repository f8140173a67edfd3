package seal

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"filippo.io/age"
)

func identity(t testing.TB) *age.X25519Identity {
	t.Helper()
	made, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func opener(t testing.TB, of *age.X25519Identity) *Opener {
	t.Helper()
	made, err := NewOpener([]byte("# a comment\n" + of.String() + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestEachRecipientOpensWhatWasSealedAndNobodyElse(t *testing.T) {
	one, two, other := identity(t), identity(t), identity(t)
	sealer, err := NewSealer(Recipients("# ours\n" + one.Recipient().String() + "\n\n " + two.Recipient().String() + " \r\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range [][]byte{{}, []byte(`{"nom":"canari"}`), bytes.Repeat([]byte{0xff, 0}, 1<<16)} {
		sealed, err := sealer.Seal(body)
		if err != nil {
			t.Fatal(err)
		}
		again, err := sealer.Seal(body)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(sealed, []byte("canari")) || bytes.Equal(sealed, again) {
			t.Error("the body stands there, or is sealed alike twice")
		}
		for _, of := range []*age.X25519Identity{one, two} {
			if opened, err := opener(t, of).Open(sealed); err != nil || opened == nil || !bytes.Equal(opened, body) {
				t.Errorf("opened %d bytes of %d: %v", len(opened), len(body), err)
			}
		}
		if _, err := opener(t, other).Open(sealed); !errors.Is(err, ErrNoIdentity) {
			t.Errorf("another opens it: %v", err)
		}
		sealed[len(sealed)-1] ^= 1
		if _, err := opener(t, one).Open(sealed); err == nil {
			t.Error("a damaged one is opened")
		}
	}
}

func TestAWrongKeyIsToldWithoutTellingIt(t *testing.T) {
	secret := identity(t).String()
	for name, recipients := range map[string][]string{"none": nil, "private": {identity(t).Recipient().String(), secret}, "text": {"age1nothing"}, "two": {"# x"}} {
		if _, err := NewSealer(recipients); err == nil || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "nothing") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewOpener([]byte(secret[:40])); err == nil || strings.Contains(err.Error(), secret[:20]) {
		t.Errorf("half an identity: %v", err)
	}
}

func BenchmarkSeal(b *testing.B) {
	sealer, err := NewSealer([]string{identity(b).Recipient().String()})
	if err != nil {
		b.Fatal(err)
	}
	body := bytes.Repeat([]byte(`{"nom":"canari"}`), 125)
	for b.Loop() {
		if _, err := sealer.Seal(body); err != nil {
			b.Fatal(err)
		}
	}
}
