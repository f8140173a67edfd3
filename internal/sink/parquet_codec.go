package sink

import (
	"fmt"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// zstdWindow is no smaller than a page, and keeps an encoder's memory small.
const zstdWindow = 512 << 10

// codec compresses the pages of one file. The library's own asks for the memory of an 8 MiB window, and the one that it
// shares keeps encoders for the life of the process.
type codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder // nil until it is needed
}

func newCodec() (*codec, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstdWindow),
		zstd.WithZeroFrames(true), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, fmt.Errorf("making a zstd encoder: %w", err)
	}
	return &codec{encoder: encoder}, nil
}

func (*codec) String() string { return "ZSTD" }

func (*codec) CompressionCodec() format.CompressionCodec { return format.Zstd }

func (c *codec) Encode(to, from []byte) ([]byte, error) {
	return c.encoder.EncodeAll(from, to[:0]), nil
}

// Decode serves a Bloom filter, for which the library reads the pages of a row group again when it ends it.
func (c *codec) Decode(to, from []byte) ([]byte, error) {
	if c.decoder == nil {
		decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, fmt.Errorf("making a zstd decoder: %w", err)
		}
		c.decoder = decoder
	}
	return c.decoder.DecodeAll(from, to[:0])
}
