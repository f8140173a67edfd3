package simulator

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"
)

// The texts of Annexe A that a consultation can meet.
const (
	textMissingParameter = "Paramètre de requête manquant"
	textIncoherent       = "Paramètres de requête incohérents"
	textForbidden        = "L'utilisateur n'a pas accès à cette ressource"
	textNotFound         = "La ressource demandée est introuvable"
	textVerb             = "Le verbe http utilisé n'est pas pris en charge"
)

// The texts of the API management (§1.4), which the guide does not give.
const (
	textToken = "Jeton d'authentification absent, inconnu ou expiré"
	textQuota = "Quota d'appels dépassé"
)

// serverErrorTexts are those of Annexe A for a 500.
func serverErrorTexts() []string {
	return []string{
		"Erreur interne du serveur",
		"Une erreur de la base de données",
		"Une erreur est survenue lors de la création d'une tâche",
		"Une erreur est survenue lors de l'envoi du mail",
	}
}

const htmlPage = `<!DOCTYPE html>
<html lang="fr"><head><title>Maintenance</title></head>
<body><h1>Maintenance</h1><p>Service momentanément indisponible.</p></body></html>
`

// errorBody is an error's JSON. Annexe A gives a code and a text for each error, and not the names under which they come.
type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func writeError(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, errorBody{strconv.Itoa(status), text})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	// A client that has gone is no concern of the answer's.
	_ = encoder.Encode(body)
}

// writeHTML answers a page such as the proxies before an API give, where a client expects JSON.
func writeHTML(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, htmlPage)
}

// writeRefusal answers a call that came too early.
func writeRefusal(w http.ResponseWriter, retryAfter bool, wait time.Duration) {
	if retryAfter {
		w.Header().Set("Retry-After", strconv.Itoa(wholeSeconds(wait)))
	}
	writeError(w, http.StatusTooManyRequests, textQuota)
}

// wholeSeconds is wait rounded up: Retry-After knows nothing finer (RFC 9110, 10.2.3), and rounded down it would lie.
func wholeSeconds(wait time.Duration) int {
	return max(1, int(math.Ceil(wait.Seconds())))
}

func writeUnauthorized(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	writeError(w, http.StatusUnauthorized, textToken)
}

// writeDocument answers a document. Its length is given, as it is longer than what net/http measures by itself.
func writeDocument(w http.ResponseWriter, p piece) error {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(p.size()))
	w.WriteHeader(http.StatusOK)
	return p.writeTo(w)
}

// writeHalf answers half of a document under the length of all of it. Flushed, so that the half really goes out.
func writeHalf(w http.ResponseWriter, p piece) error {
	if err := writeDocument(&halfWriter{ResponseWriter: w, left: p.size() / 2}, p); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}

// halfWriter lets that many bytes through and swallows the rest.
type halfWriter struct {
	http.ResponseWriter
	left int
}

func (h *halfWriter) Write(data []byte) (int, error) {
	let := data[:min(len(data), h.left)]
	h.left -= len(let)
	if _, err := h.ResponseWriter.Write(let); err != nil {
		return 0, err
	}
	return len(data), nil
}
