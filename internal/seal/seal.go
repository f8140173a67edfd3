// Package seal encrypts the bodies of answers to public keys, so that the host which keeps them cannot read them, and
// decrypts them for who has a private key.
//
// A sealed body is an age file (age-encryption.org/v1, X25519 or its post-quantum kin) around one zstd frame of the body: what
// age -d -i identity | zstd -d reads. Each has a file key of its own, so that the same body sealed twice gives two texts, and one that
// is given away opens no other. It promises that no error holds anything of a key or of a body.
//
// It knows nothing of answers, of files, or of where the keys come from.
package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// maxBody is the largest body that is decompressed, in bytes: the ledger takes no larger one.
const maxBody = 1 << 30

// ErrNoIdentity says that a body was sealed for others than whose identity is there.
var ErrNoIdentity = errors.New("it is encrypted for other recipients than those of the identity file")

// Sealer encrypts to some recipients. Its methods may be called from several goroutines.
type Sealer struct {
	recipients []age.Recipient
	packer     *zstd.Encoder
}

// NewSealer makes a sealer for recipients as age writes them, age1…; at least one. An error tells which is wrong by its
// number, counted from 1, and never what it is: it might be a private key by mistake.
func NewSealer(recipients []string) (*Sealer, error) {
	if len(recipients) == 0 {
		return nil, errors.New("no recipient is given")
	}
	s := &Sealer{}
	for i, text := range recipients {
		parsed, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil || len(parsed) != 1 {
			return nil, fmt.Errorf("recipient %d of %d is no public key as age-keygen prints it, age1…", i+1, len(recipients))
		}
		s.recipients = append(s.recipients, parsed[0])
	}
	var err error
	if s.packer, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
		return nil, fmt.Errorf("preparing the compression: %w", err)
	}
	// Recipients of two kinds that do not go together are told now, not when the first answer is kept.
	if _, err := s.Seal(nil); err != nil {
		return nil, err
	}
	return s, nil
}

// Seal encrypts a body.
func (s *Sealer) Seal(body []byte) ([]byte, error) {
	var sealed bytes.Buffer
	to, err := age.Encrypt(&sealed, s.recipients...)
	if err == nil {
		_, err = to.Write(s.packer.EncodeAll(body, nil))
	}
	if err == nil {
		err = to.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("encrypting: %w", err)
	}
	return sealed.Bytes(), nil
}

// Recipients are those of a recipients file: one a line, # begins a comment.
func Recipients(text string) []string {
	var recipients []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			recipients = append(recipients, line)
		}
	}
	return recipients
}

// Opener decrypts for some identities. Its methods may be called from several goroutines.
type Opener struct {
	identities []age.Identity
	unpacker   *zstd.Decoder
}

// NewOpener reads an identity file as age-keygen writes it.
func NewOpener(identityFile []byte) (*Opener, error) {
	identities, err := age.ParseIdentities(bytes.NewReader(identityFile))
	if err != nil {
		return nil, errors.New("it is no identity file as age-keygen writes it: a line AGE-SECRET-KEY-1…")
	}
	unpacker, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBody))
	if err != nil {
		return nil, fmt.Errorf("preparing the decompression: %w", err)
	}
	return &Opener{identities: identities, unpacker: unpacker}, nil
}

// Open decrypts a body. It fails with ErrNoIdentity, or because it is damaged.
func (o *Opener) Open(sealed []byte) ([]byte, error) {
	from, err := age.Decrypt(bytes.NewReader(sealed), o.identities...)
	var others *age.NoIdentityMatchError
	if errors.As(err, &others) {
		return nil, ErrNoIdentity
	}
	if err != nil {
		return nil, fmt.Errorf("decrypting: %w", err)
	}
	packed, err := io.ReadAll(from)
	if err != nil {
		return nil, fmt.Errorf("decrypting: %w", err)
	}
	body, err := o.unpacker.DecodeAll(packed, []byte{})
	if err != nil {
		return nil, fmt.Errorf("decompressing what was decrypted: %w", err)
	}
	return body, nil
}
