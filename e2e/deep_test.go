package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDeepVerifyOfRealNights runs two nights of which the second brings a column, and documents of which not all fits.
func TestDeepVerifyOfRealNights(t *testing.T) {
	t.Parallel()
	first := nightOf(t, nil,
		`{"numero_demande":"N1","type_demande":{"code":"CHF"},"bloc":{"compte":7,"liste":[1,2]}}`,
		`{"numero_demande":"N2","type_demande":{"code":"CHF"},"bloc":{"compte":"texte","liste":[]}}`)
	second := nightOf(t, first,
		`{"numero_demande":"N1","type_demande":{"code":"CHF"},"bloc":{"compte":7.5,"ville":"Lyon"}}`,
		`{"numero_demande":"N2","type_demande":{"code":"CHF"},"bloc":{"compte":"texte","liste":[]}}`)
	third := nightOf(t, second, `{"numero_demande":"N1","type_demande":{"code":"CHF"},"bloc":{"compte":9,"ville":"Brest"}}`)
	deep := func(code int) string {
		t.Helper()
		text, err := exec.Command(binary, "verify", "--deep", "--out", third.out).CombinedOutput()
		if got := exitOf(t, err); got != code {
			t.Fatalf("verify --deep exits %d, want %d:\n%s", got, code, text)
		}
		return string(text)
	}
	want := "4 rows compared with 4 raw answers: 4 are exactly what their answer gives"
	if text := deep(0); !strings.Contains(text, want) {
		t.Errorf("told: %s", text)
	}
	does(t, "compact", "--grace", "0s", "--out", third.out)
	if text := deep(0); !strings.Contains(text, want) {
		t.Errorf("told: %s", text)
	}
	does(t, "replay", "--grace", "0s", "--progress", "none", "--out", third.out)
	deep(0)
	files, err := filepath.Glob(filepath.Join(third.out, "reponses", "*", "*.parquet"))
	if err != nil || len(files) == 0 {
		t.Fatalf("archive files %q: %v", files, err)
	}
	if err := os.Truncate(files[0], 100); err != nil {
		t.Fatal(err)
	}
	if text := deep(65); !strings.Contains(text, "not compared") {
		t.Errorf("told: %s", text)
	}
}
