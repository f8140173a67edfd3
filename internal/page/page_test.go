package page

import (
	"bytes"
	"os"
	"testing"
	"time"

	"omega-export/internal/pipeline"
)

func drawn(t *testing.T, run pipeline.Report) string {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := Write(&text, run, Options{Zone: zone, Meaning: "the output or the state cannot be written", Advice: "free space, then run again."}); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// TestNightsAreWritten writes the two nights where OMEGA_PAGE_NIGHTS says, for a browser.
func TestNightsAreWritten(t *testing.T) {
	folder := os.Getenv("OMEGA_PAGE_NIGHTS")
	if folder == "" {
		t.Skip("OMEGA_PAGE_NIGHTS is not set")
	}
	for name, run := range map[string]pipeline.Report{"good": goodNight(), "bad": badNight()} {
		if err := os.WriteFile(folder+"/"+name+".html", []byte(drawn(t, run)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
