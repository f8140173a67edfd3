package simulator

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the corpus
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

//go:embed corpus/demandes.ndjson.gz
var embeddedCorpus string

const (
	numeroKey = "numero_demande"
	// maxNumero is how many characters a number has at most. The guide gives no limit; its example has 8.
	maxNumero = 64
)

// corpus is the documents to answer with. It never changes once loaded, so all calls read it at once.
type corpus struct {
	documents []document
	byNumero  map[string]int
}

// document is a corpus line, cut where its number stands so that another can be put there without decoding JSON.
type document struct {
	numero string
	whole  []byte
	before []byte // up to the number's opening quote, with it
	after  []byte // from the number's closing quote on
}

// piece is a document as it is answered: the corpus's, under that number.
type piece struct {
	document *document
	numero   string
}

// size is the answer's length in bytes.
func (p piece) size() int {
	if p.numero == p.document.numero {
		return len(p.document.whole)
	}
	return len(p.document.before) + len(p.numero) + len(p.document.after)
}

// writeTo writes the answer. A document under its own number is the corpus line as it stands, whatever way its number
// is escaped there.
func (p piece) writeTo(w io.Writer) error {
	if p.numero == p.document.numero {
		_, err := w.Write(p.document.whole)
		return err
	}
	if _, err := w.Write(p.document.before); err != nil {
		return err
	}
	if _, err := io.WriteString(w, p.numero); err != nil {
		return err
	}
	_, err := w.Write(p.document.after)
	return err
}

// loadCorpus reads NDJSON, or the embedded corpus if it is nil. Its errors name the line and never quote it.
func loadCorpus(ndjson []byte) (*corpus, error) {
	if ndjson == nil {
		var err error
		if ndjson, err = unpackEmbedded(); err != nil {
			return nil, err
		}
	}
	c := &corpus{byNumero: map[string]int{}}
	line := 0
	for text := range bytes.Lines(ndjson) {
		line++
		text = bytes.TrimSpace(text)
		if len(text) == 0 {
			continue
		}
		read, err := newDocument(text)
		if err != nil {
			return nil, fmt.Errorf("corpus line %d: %w", line, err)
		}
		if first, twice := c.byNumero[read.numero]; twice {
			return nil, fmt.Errorf("corpus line %d: its number is also that of document %d", line, first+1)
		}
		c.byNumero[read.numero] = len(c.documents)
		c.documents = append(c.documents, read)
	}
	if len(c.documents) == 0 {
		return nil, fmt.Errorf("corpus: it holds no document")
	}
	return c, nil
}

func unpackEmbedded() ([]byte, error) {
	unzipped, err := gzip.NewReader(strings.NewReader(embeddedCorpus))
	if err != nil {
		return nil, fmt.Errorf("opening the embedded corpus: %w", err)
	}
	ndjson, err := io.ReadAll(unzipped)
	if err != nil {
		return nil, fmt.Errorf("reading the embedded corpus: %w", err)
	}
	return ndjson, nil
}

// newDocument finds the number at the document's root; the same key deeper down is another thing. It keeps text.
func newDocument(text []byte) (document, error) {
	if !json.Valid(text) {
		return document{}, fmt.Errorf("it is no JSON")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return document{}, fmt.Errorf("it is no JSON object")
	}
	var skipped json.RawMessage
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return document{}, fmt.Errorf("reading its keys: %w", err)
		}
		keyEnd := int(decoder.InputOffset())
		if err := decoder.Decode(&skipped); err != nil {
			return document{}, fmt.Errorf("reading its values: %w", err)
		}
		if key == numeroKey {
			return cutAtNumero(text, keyEnd, int(decoder.InputOffset()))
		}
	}
	return document{}, fmt.Errorf("it has no %s at its root", numeroKey)
}

// cutAtNumero cuts text at the string that ends at valueEnd, the first after keyEnd.
func cutAtNumero(text []byte, keyEnd, valueEnd int) (document, error) {
	var numero string
	value := bytes.TrimLeft(text[keyEnd:valueEnd], ": \t\r\n")
	// A null would leave numero empty without an error.
	if err := json.Unmarshal(value, &numero); err != nil || !isNumero(numero) {
		return document{}, fmt.Errorf("its %s is not 1 to %d letters, digits, '-' or '_'", numeroKey, maxNumero)
	}
	opening := valueEnd - len(value)
	return document{numero: numero, whole: text, before: text[:opening+1], after: text[valueEnd-1:]}, nil
}

// isNumero says whether a demande can have that number. All its characters stand for themselves in a JSON string.
func isNumero(text string) bool {
	if len(text) == 0 || len(text) > maxNumero {
		return false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// of is the document of that number: its own if the corpus has one, else always the same one.
func (c *corpus) of(numero string) piece {
	return piece{&c.documents[c.index(numero)], numero}
}

// notOf is a document of another number.
func (c *corpus) notOf(numero string) piece {
	other := &c.documents[(c.index(numero)+1)%len(c.documents)]
	if other.numero == numero {
		return piece{other, numero + "X"}
	}
	return piece{other, other.numero}
}

func (c *corpus) index(numero string) int {
	if i, ok := c.byNumero[numero]; ok {
		return i
	}
	return int(hash(numero) % uint64(len(c.documents)))
}

func (c *corpus) numbers() []string {
	numbers := make([]string, len(c.documents))
	for i := range c.documents {
		numbers[i] = c.documents[i].numero
	}
	return numbers
}
