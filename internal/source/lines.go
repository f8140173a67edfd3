package source

import (
	"bytes"
	"errors"
	"io"
)

const (
	// maxRecord bounds a line, and a CSV record of several lines, in bytes.
	maxRecord   = 1 << 20
	firstBuffer = 64 << 10
	// prefixBytes is what is kept of a line that is too long: enough for the 80 characters that are shown.
	prefixBytes = 80 * 4
)

var errTooLong = errors.New("it is longer than 1 MiB")

// lines cuts a stream into lines, and joins lines into records for CSV, whose quoted fields may hold newlines. All
// slices that it gives point into its buffer, and are good until its next call.
type lines struct {
	input  io.Reader
	buffer []byte // grows with the longest record, up to a few maxRecord

	// Places in buffer, in this order.
	record  int // where the current record begins
	first   int // where the line after its first line begins
	next    int // where the next line begins
	scanned int // no newline stands between next and here
	end     int // of what was read

	number int64 // of the record's first line, from 1
	joined int64 // lines joined to it
	err    error // what the input ended with; io.EOF where it ended well
}

func newLines(input io.Reader) *lines {
	return &lines{input: input, buffer: make([]byte, firstBuffer)}
}

// line begins a new record with the next line, and gives it without its newline, CRLF included. At the end it gives
// io.EOF; where the input fails, that error, and the line that it broke off in is not given. A line that is too long
// is passed over: it gives errTooLong and the line's beginning.
func (l *lines) line() ([]byte, error) {
	l.number += 1 + l.joined
	l.joined = 0
	l.record = l.next
	line, err := l.scan()
	if errors.Is(err, errTooLong) {
		line = bytes.Clone(l.buffer[l.record:min(l.record+prefixBytes, l.end)])
		l.skip()
	}
	l.first = l.next
	return line, err
}

// join adds the next line to the record and gives the whole record, or errTooLong, or the input's error.
func (l *lines) join() ([]byte, error) {
	record, err := l.scan()
	if err == nil {
		l.joined++
	}
	return record, err
}

// split takes back every join, and gives the record's first line.
func (l *lines) split() []byte {
	l.next, l.scanned, l.joined = l.first, l.first, 0
	return trimNewline(l.buffer[l.record:l.first])
}

// unread takes back the record, so that line gives its first line again.
func (l *lines) unread() {
	l.next, l.scanned, l.joined = l.record, l.record, 0
	l.number--
}

// scan passes over the line that begins at next, and gives the record up to that line's end.
func (l *lines) scan() ([]byte, error) {
	for {
		if i := bytes.IndexByte(l.buffer[l.scanned:l.end], '\n'); i >= 0 {
			return l.take(l.scanned + i + 1)
		}
		l.scanned = l.end
		switch {
		case l.end-l.record > maxRecord+len("\r\n"):
			return nil, errTooLong
		case l.err == io.EOF && l.end > l.next: // a wrapped io.EOF is a failure
			return l.take(l.end)
		case l.err != nil:
			return nil, l.err
		}
		l.fill()
	}
}

func (l *lines) take(end int) ([]byte, error) {
	l.next, l.scanned = end, end
	record := trimNewline(l.buffer[l.record:end])
	if len(record) > maxRecord {
		return nil, errTooLong
	}
	return record, nil
}

func trimNewline(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}

// skip passes over the rest of a line that is too long, without keeping it.
func (l *lines) skip() {
	for l.next == l.record { // its end was not found yet
		if i := bytes.IndexByte(l.buffer[l.scanned:l.end], '\n'); i >= 0 {
			l.next, l.scanned = l.scanned+i+1, l.scanned+i+1
			return
		}
		l.record, l.next, l.scanned = l.end, l.end, l.end
		if l.err != nil {
			return
		}
		l.fill()
	}
}

// fill reads more into the buffer, which it makes room in by dropping what stands before the record, or by growing.
func (l *lines) fill() {
	if l.end == len(l.buffer) {
		l.makeRoom()
	}
	const patience = 100 // reads in a row that give nothing, as in bufio
	for range patience {
		n, err := l.input.Read(l.buffer[l.end:])
		l.end += n
		l.err = err
		if n > 0 || err != nil {
			return
		}
	}
	l.err = io.ErrNoProgress
}

func (l *lines) makeRoom() {
	room := l.buffer
	if l.record < len(l.buffer)/2 {
		room = make([]byte, 2*len(l.buffer))
	}
	copy(room, l.buffer[l.record:l.end])
	l.buffer = room
	l.first -= l.record
	l.next -= l.record
	l.scanned -= l.record
	l.end -= l.record
	l.record = 0
}
