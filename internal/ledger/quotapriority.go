package ledger

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// presenceSuffix comes before the priority in the names of the files that show who is there.
const presenceSuffix = ".p"

// giveWay waits until the higher priorities have been gone for the grace.
func (q *Quota) giveWay(ctx context.Context) error {
	for {
		path, err := q.higher()
		if err != nil {
			return err
		}
		if path == "" {
			q.mu.Lock()
			wait := grace - time.Since(q.seen)
			q.mu.Unlock()
			if wait <= 0 {
				return nil
			}
			if err := sleep(ctx, wait); err != nil {
				return err
			}
			continue
		}
		// Granted once nobody is there; given back at once, since nobody could come while it is held.
		gone, err := lockWait(ctx, path, exclusive)
		if err != nil {
			return err
		}
		if err := gone.Close(); err != nil {
			return err
		}
		q.mu.Lock()
		q.seen = time.Now()
		q.mu.Unlock()
	}
}

// higher is the presence file of a higher priority at which a process waits or is inside; "" if none is.
func (q *Quota) higher() (path string, err error) {
	paths, err := filepath.Glob(escapeGlob(q.base) + presenceSuffix + "*")
	if err != nil {
		return "", err
	}
	for _, path := range paths {
		priority, err := strconv.Atoi(path[len(q.base)+len(presenceSuffix):])
		if err != nil || priority <= q.priority {
			continue
		}
		file, err := lockNow(path, exclusive)
		if errors.Is(err, errHeld) {
			q.mu.Lock()
			q.seen = time.Now()
			q.mu.Unlock()
			return path, nil
		}
		if err != nil {
			return "", err
		}
		if err := file.Close(); err != nil {
			return "", err
		}
	}
	return "", nil
}

// escapeGlob is a pattern that matches the path alone.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
