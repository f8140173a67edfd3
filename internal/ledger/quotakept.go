package ledger

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"
)

// kept is what the processes of a quota leave one another.
type kept struct {
	lastWrite time.Time
	margin    time.Duration
	resume    time.Time // no call before; zero: none is forbidden
}

const (
	// keptLength is the length of what is kept: short enough for one page, and always the same.
	keptLength = 100
	keptFormat = "omega-quota 1 %019d %019d %019d"
	// clockSlack is how far in the future a last write may be: beyond it the clock was wrong then, or is now.
	clockSlack = time.Minute
)

var errGarbage = errors.New("it is not what a gate keeps")

// encode is a line of fixed length, with a checksum.
func (k kept) encode() []byte {
	text := fmt.Appendf(nil, keptFormat, nanos(k.lastWrite), max(k.margin, 0), nanos(k.resume))
	text = fmt.Appendf(text, " %08x", crc32.ChecksumIEEE(text))
	return fmt.Appendf(nil, "%-*s\n", keptLength-1, text)
}

// nanos is 0 for the zero time, and for one that 19 digits do not hold.
func nanos(t time.Time) int64 {
	if t.Before(time.Unix(0, 0)) || t.After(time.Unix(0, 1<<63-1)) {
		return 0
	}
	return t.UnixNano()
}

func decodeKept(line []byte) (k kept, err error) {
	var lastWrite, margin, resume int64
	if _, err := fmt.Sscanf(string(line), keptFormat, &lastWrite, &margin, &resume); err != nil {
		return kept{}, errGarbage
	}
	k = kept{margin: time.Duration(margin)}
	if lastWrite > 0 {
		k.lastWrite = time.Unix(0, lastWrite)
	}
	if resume > 0 {
		k.resume = time.Unix(0, resume)
	}
	if string(k.encode()) != string(line) {
		return kept{}, errGarbage
	}
	return k, nil
}

// readKept is what a gate's file keeps, as it is to be taken now.
func readKept(file *os.File, now time.Time) (kept, error) {
	line := make([]byte, keptLength)
	length, err := file.ReadAt(line, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return kept{}, err
	}
	now = now.Round(0) // of the wall clock only, as all that is kept
	k, err := decodeKept(line[:length])
	switch {
	case err != nil, k.lastWrite.IsZero():
		return kept{lastWrite: now, margin: k.margin, resume: k.resume}, nil
	case k.lastWrite.After(now.Add(clockSlack)):
		// Whatever was to be waited for then was by the same wrong clock.
		return kept{lastWrite: now, margin: k.margin}, nil
	}
	return k, nil
}

// newestKept is what was kept last by any quota of the folder; the zero value if none was.
func newestKept(dir string) (newest kept, err error) {
	paths, err := filepath.Glob(filepath.Join(escapeGlob(dir), quotaPrefix+"*"+gateSuffix))
	if err != nil {
		return kept{}, err
	}
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err != nil {
			return kept{}, err
		}
		if k, err := decodeKept(line); err == nil && k.lastWrite.After(newest.lastWrite) {
			newest = k
		}
	}
	return newest, nil
}
