package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	headBytes = 16 // enough to tell every format that has a magic
	headRoom  = 64 << 10
	// zstdMemory is what the zstd command line too allows a list to need.
	zstdMemory = 128 << 20
)

// readStream sees what the list is and reads it as that.
func (l *list) readStream(ctx context.Context, opened stream) error {
	stored := bufio.NewReaderSize(&watched{ctx: ctx, input: opened}, headRoom)
	plain, closePlain, err := decompressed(stored)
	if err != nil {
		return l.fail(0, err)
	}
	defer closePlain()
	head, _ := plain.Peek(headBytes) // what ends it early, ends the reading below
	if isParquet(head) {
		if opened.file != nil && plain == stored {
			return l.readParquetFile(ctx, opened.file)
		}
		return l.spillParquet(ctx, plain)
	}
	if err := foreign(head); err != nil {
		return l.fail(0, err)
	}
	if bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")) {
		_, _ = plain.Discard(3) // they are in the buffer
	}
	return l.readLines(ctx, newLines(plain))
}

// decompressed gives what is compressed in stored, or stored itself.
func decompressed(stored *bufio.Reader) (plain *bufio.Reader, closePlain func(), err error) {
	head, _ := stored.Peek(headBytes)
	switch {
	case isGzip(head):
		reader, err := gzip.NewReader(stored) // of all members, one after the other
		if err != nil {
			return nil, nil, explained(err)
		}
		return bufio.NewReaderSize(reader, headRoom), func() { _ = reader.Close() }, nil
	case isZstd(head):
		reader, err := zstd.NewReader(stored, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdMemory))
		if err != nil {
			return nil, nil, explained(err)
		}
		return bufio.NewReaderSize(reader, headRoom), reader.Close, nil
	}
	return stored, func() {}, nil
}

func isGzip(head []byte) bool { return bytes.HasPrefix(head, []byte("\x1F\x8B")) }

// isZstd sees a frame, also the skippable one that some writers put first.
func isZstd(head []byte) bool {
	return bytes.HasPrefix(head, []byte("\x28\xB5\x2F\xFD")) ||
		len(head) >= 4 && head[0]&0xF0 == 0x50 && bytes.Equal(head[1:4], []byte("\x2A\x4D\x18"))
}

// isParquet looks beyond the magic, since a number of a text list may begin with PAR1: what follows it in a Parquet
// file, a Thrift structure or padding, holds control characters that no text has.
func isParquet(head []byte) bool {
	after, found := bytes.CutPrefix(head, []byte(parquetMagic))
	return found && bytes.ContainsFunc(after[:min(4, len(after))], func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\r' && r != '\n'
	})
}

// foreign says what to do with a file that is certainly no list as it is.
func foreign(head []byte) error {
	for _, kind := range []struct{ magic, advice string }{
		{"\xFF\xFE", "it is UTF-16, convert it to UTF-8"},
		{"\xFE\xFF", "it is UTF-16, convert it to UTF-8"},
		{"\x1F\x8B", "it is compressed twice, decompress it once"},
		{"\x28\xB5\x2F\xFD", "it is compressed twice, decompress it once"},
		{"PK\x03\x04", "it is a zip archive or an Excel workbook, export it as CSV in UTF-8"},
		{"\xD0\xCF\x11\xE0", "it is an Excel workbook, export it as CSV in UTF-8"},
		{"\xFD7zXZ\x00", "it is compressed by xz, compress it by gzip or zstd"},
		{"BZh91AY&SY", "it is compressed by bzip2, compress it by gzip or zstd"},
		{"ARROW1\x00\x00", "it is an Arrow file, write it as Parquet"},
		{"Obj\x01", "it is an Avro file, write it as Parquet"},
	} {
		if bytes.HasPrefix(head, []byte(kind.magic)) {
			return errors.New(kind.advice)
		}
	}
	return nil
}

// readLines sees from the first line that says something which of the formats made of lines the list is.
func (l *list) readLines(ctx context.Context, in *lines) error {
	for {
		line, err := in.line()
		if errors.Is(err, errTooLong) {
			if err := l.bad(ctx, in.number, line, errTooLong.Error()); err != nil {
				return err
			}
			continue
		}
		if err == io.EOF { // a wrapped io.EOF is a failure
			return nil
		}
		if err != nil {
			return l.fail(in.number, explained(err))
		}
		said := bytes.TrimSpace(withoutComment(line))
		if len(said) == 0 {
			continue
		}
		in.unread()
		switch {
		case said[0] == '{':
			return l.readNDJSON(ctx, in)
		case isJSONArray(said):
			return l.fail(in.number+1, errors.New("it is a JSON array, write one object a line, as jq -c '.[]' does"))
		case bytes.ContainsAny(said, ",;\t"), isTitle(said):
			return l.readCSV(ctx, in)
		}
		return l.readText(ctx, in)
	}
}

func isJSONArray(said []byte) bool {
	inside, found := bytes.CutPrefix(said, []byte("["))
	inside = bytes.TrimSpace(inside)
	return found && (len(inside) == 0 || inside[0] == '{' || inside[0] == '"')
}

// isTitle sees the header of a list whose one column is the number.
func isTitle(said []byte) bool {
	return strings.EqualFold(strings.TrimSpace(strings.Trim(string(said), `"`)), numeroColumn)
}
