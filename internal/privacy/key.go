package privacy

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
)

const (
	// minKeyBytes is the shortest key: as long as the hash's own output.
	minKeyBytes = 32
	// codeBytes is how much of the HMAC a code has: two of 2^64 values are not expected to share one.
	codeBytes = 20
	// idLabel is hashed before the key for its id, so that the id is no hash that anything else uses.
	idLabel = "omega-export key id v1\x00"
)

// codePrefix begins every code, so that it is not taken for a value.
const codePrefix = "psn_"

// Key is a secret under which codes are made. It never prints itself.
type Key struct {
	id   string
	macs sync.Pool // of hash.Hash under the key, to be reset
}

// errShortKey says what a key must be.
var errShortKey = errors.New("a key is 32 bytes at least, as hexadecimal, base64 or raw bytes: make one with openssl rand -hex 32")

// ParseKey reads a key as a file holds it: hexadecimal or base64 of at least 32 bytes, with spaces and line ends around, or
// else the bytes themselves. The error tells nothing of them.
func ParseKey(text []byte) (*Key, error) {
	secret := decodeKey(text)
	if len(secret) < minKeyBytes {
		return nil, errShortKey
	}
	if bytes.Count(secret, secret[:1]) == len(secret) {
		return nil, fmt.Errorf("the key is one byte again and again; %w", errShortKey)
	}
	id := sha256.Sum256(append([]byte(idLabel), secret...))
	k := &Key{id: hex.EncodeToString(id[:4])}
	k.macs.New = func() any { return hmac.New(sha256.New, secret) }
	return k, nil
}

func decodeKey(text []byte) []byte {
	trimmed := string(bytes.TrimSpace(text))
	if key, err := hex.DecodeString(trimmed); err == nil {
		return key
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if key, err := encoding.DecodeString(trimmed); err == nil {
			return key
		}
	}
	return text
}

// ID is the key's name: 8 hexadecimal digits that say which key it is and nothing of what it is.
func (k *Key) ID() string { return k.id }

// String is the key's id, lest it be printed.
func (k *Key) String() string { return "key " + k.id }

// GoString is String.
func (k *Key) GoString() string { return k.String() }

var codeAlphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// appendCode appends psn_<id>_<32 characters>. The mark is hashed with its length before the value, so that no mark and
// value together read as another pair.
func (k *Key) appendCode(dst []byte, mark, value string) []byte {
	mac := k.macs.Get().(hash.Hash)
	mac.Reset()
	mac.Write([]byte{byte(len(mark))})
	mac.Write([]byte(mark))
	mac.Write([]byte(value))
	var sum [sha256.Size]byte
	mac.Sum(sum[:0])
	k.macs.Put(mac)
	dst = append(append(append(dst, codePrefix...), k.id...), '_')
	return codeAlphabet.AppendEncode(dst, sum[:codeBytes])
}

// KeyOfCode is the id of the key that a code was made under, and whether the text is a code.
func KeyOfCode(code string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(code, codePrefix)
	id, sum, parted := strings.Cut(rest, "_")
	return id, ok && parted && len(id) == 8 && len(sum) == 32
}
