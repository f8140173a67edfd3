package sink

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// zstdWindow is no smaller than a page, and keeps an encoder's memory small.
const zstdWindow = 512 << 10

// codec compresses the pages of an output's files, as many at once as there are processors. The library's own asks for
// the memory of an 8 MiB window, and the one that it shares keeps encoders for the life of the process. One a file would
// be worse: a replay has a file open for each table, and encoders that are used in turn find nothing of theirs in the
// processor's caches.
type codec struct {
	encoder *zstd.Encoder // takes memory from its first use on
	decoder func() (*zstd.Decoder, error)
}

func newCodec() (*codec, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithWindowSize(zstdWindow),
		zstd.WithZeroFrames(true), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, fmt.Errorf("making a zstd encoder: %w", err)
	}
	decoder := func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithDecoderLowmem(true))
	}
	return &codec{encoder: encoder, decoder: sync.OnceValues(decoder)}, nil
}

func (*codec) String() string { return "ZSTD" }

func (*codec) CompressionCodec() format.CompressionCodec { return format.Zstd }

func (c *codec) Encode(to, from []byte) ([]byte, error) {
	return c.encoder.EncodeAll(from, to[:0]), nil
}

// Decode serves a Bloom filter, for which the library reads the pages of a row group again when it ends it.
func (c *codec) Decode(to, from []byte) ([]byte, error) {
	decoder, err := c.decoder()
	if err != nil {
		return nil, fmt.Errorf("making a zstd decoder: %w", err)
	}
	return decoder.DecodeAll(from, to[:0])
}
