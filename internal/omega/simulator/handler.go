package simulator

import (
	"net/http"
	"strings"
)

const (
	demandesPath = BasePath + "/demande/v1/demandes/"
	demandeEnd   = "/externe"
)

// ServeHTTP serves the API's addresses and the simulator's own. To close a connection without an answer it panics with
// http.ErrAbortHandler, as net/http asks for.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if numero, ok := demandeOf(r.URL.Path); ok {
		s.serveDemande(w, r, numero)
		return
	}
	switch r.URL.Path {
	case TokenPath:
		s.serveToken(w, r)
	case "/stats":
		s.serveStats(w, r)
	case "/stats/reset":
		s.serveReset(w, r)
	case "/":
		s.serveHelp(w, r)
	default:
		writeError(w, http.StatusNotFound, textNotFound)
	}
}

// demandeOf is the number in the address of a demande (§2.2.1).
func demandeOf(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, demandesPath)
	if !ok {
		return "", false
	}
	numero, ok := strings.CutSuffix(rest, demandeEnd)
	return numero, ok && numero != "" && !strings.Contains(numero, "/")
}
