package sink

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"io"
)

// digest is what is kept of a file's bytes. CRC32C is what buckets check.
type digest struct {
	Bytes  int64
	SHA256 string // hexadecimal
	CRC32C uint32
}

// digester sums what passes through it.
type digester struct {
	to    io.Writer
	sha   hash.Hash
	crc   hash.Hash32
	bytes int64
}

func newDigester(to io.Writer) *digester {
	return &digester{to: to, sha: sha256.New(), crc: crc32.New(crc32.MakeTable(crc32.Castagnoli))}
}

func (d *digester) Write(b []byte) (int, error) {
	written, err := d.to.Write(b)
	d.sha.Write(b[:written])
	d.crc.Write(b[:written])
	d.bytes += int64(written)
	return written, err
}

func (d *digester) sum() digest {
	return digest{Bytes: d.bytes, SHA256: hex.EncodeToString(d.sha.Sum(nil)), CRC32C: d.crc.Sum32()}
}

func digestOf(content []byte) digest {
	d := newDigester(io.Discard)
	_, _ = d.Write(content) // neither a hash nor Discard fails
	return d.sum()
}

func digestFrom(from io.Reader) (digest, error) {
	d := newDigester(io.Discard)
	_, err := io.Copy(d, from)
	return d.sum(), err
}
