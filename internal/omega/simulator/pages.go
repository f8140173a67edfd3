package simulator

import (
	_ "embed" // the help
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// allows answers 405 to any other verb, and says whether it did not have to.
func allows(w http.ResponseWriter, r *http.Request, verb string) bool {
	if r.Method == verb {
		return true
	}
	w.Header().Set("Allow", verb)
	writeError(w, http.StatusMethodNotAllowed, textVerb)
	return false
}

func (s *Simulator) serveStats(w http.ResponseWriter, r *http.Request) {
	if !allows(w, r, http.MethodGet) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(s.Stats())
}

func (s *Simulator) serveReset(w http.ResponseWriter, r *http.Request) {
	if !allows(w, r, http.MethodPost) {
		return
	}
	s.ResetStats()
	w.WriteHeader(http.StatusNoContent)
}

//go:embed help.txt
var help string

// serveHelp answers the addresses under the name by which the caller knows them.
func (s *Simulator) serveHelp(w http.ResponseWriter, r *http.Request) {
	if !allows(w, r, http.MethodGet) {
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	// The host is the caller's own word: plain text, and no sniffing, keeps it from being more than that.
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, strings.NewReplacer(
		"{origin}", "http://"+r.Host,
		"{token}", TokenPath,
		"{base}", BasePath,
		"{first}", s.corpus.documents[0].numero,
	).Replace(help))
}
