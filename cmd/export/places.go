package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"omega-export/internal/sink"
)

// bucketScheme begins the address of a place in a bucket.
const bucketScheme = "gs://"

// isBucket says whether a place is in a bucket, and no folder.
func isBucket(place string) bool { return strings.HasPrefix(place, bucketScheme) }

// mustExist refuses an output that is not there: reading it must not make it. Of a bucket the opening tells.
func mustExist(flag, place string) error {
	if isBucket(place) {
		return nil
	}
	if info, err := os.Stat(place); err != nil || !info.IsDir() {
		return fmt.Errorf("%w: %s %s: no such folder", errNoOutput, flag, place)
	}
	return nil
}

// existingOutput is the output at a place, or nil if there is none: showing what is there creates nothing.
func existingOutput(ctx context.Context, place string) (*sink.Output, error) {
	if _, err := os.Stat(place); !isBucket(place) && os.IsNotExist(err) {
		return nil, nil
	}
	return sink.Open(ctx, place)
}

// samePlace says whether two names are of one output.
func samePlace(a, b string) bool {
	if isBucket(a) || isBucket(b) {
		return strings.TrimRight(a, "/") == strings.TrimRight(b, "/")
	}
	return sameFolder(a, b)
}

func sameFolder(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// within is the name of a file of an output.
func within(output string, names ...string) string {
	if isBucket(output) {
		return strings.TrimRight(output, "/") + "/" + strings.Join(names, "/")
	}
	return filepath.Join(append([]string{output}, names...)...)
}
