package omega

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

var errTooLarge = errors.New("the body is too long")

// readBody reads an answer's body, at most limit bytes of it, and decompresses it. An error (errTooLarge, or the cause
// of a body cut short) comes with what could be read.
func readBody(response *http.Response, limit int64) ([]byte, error) {
	if response.StatusCode < http.StatusOK {
		return nil, nil // 101: what follows is no body, and may never end
	}
	sent := &bounded{from: response.Body, left: limit}
	encoding := strings.TrimSpace(response.Header.Get("Content-Encoding"))
	if !strings.EqualFold(encoding, "gzip") && !strings.EqualFold(encoding, "x-gzip") {
		return io.ReadAll(sent)
	}
	buffered := bufio.NewReader(sent)
	if magic, _ := buffered.Peek(2); string(magic) != "\x1f\x8b" {
		return io.ReadAll(buffered) // it says gzip and is not: an empty body, or a page of something in between
	}
	unzipped, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, fmt.Errorf("decompressing: %w", noEOF(err))
	}
	body, err := io.ReadAll(&bounded{from: unzipped, left: limit})
	if err != nil {
		return body, fmt.Errorf("decompressing: %w", err)
	}
	return body, nil
}

// noEOF is err, as it is where the end of the input comes too early.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// bounded reads at most left bytes; where there are more, errTooLarge follows them.
type bounded struct {
	from io.Reader
	left int64
}

func (b *bounded) Read(into []byte) (int, error) {
	if b.left == 0 {
		var more [1]byte
		count, err := b.from.Read(more[:])
		if count > 0 {
			return 0, errTooLarge
		}
		return 0, err
	}
	if int64(len(into)) > b.left {
		into = into[:b.left]
	}
	count, err := b.from.Read(into)
	b.left -= int64(count)
	return count, err
}
