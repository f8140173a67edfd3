package sink

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestAFileThatNoPublicationCameToNameIsRemovedAfterADay(t *testing.T) {
	t.Parallel()
	half := halfPublished(t)
	root := half.URI()
	if err := publish(half, secondLot); err != nil {
		t.Fatal(err)
	}
	dataOf := func(lot string) (files int) {
		for name := range tree(t, root) {
			if strings.HasSuffix(name, lot+".parquet") {
				files++
			}
		}
		return files
	}
	left, named := dataOf(firstLot), dataOf(secondLot)
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{23 * time.Hour, left}, {25 * time.Hour, 0}} {
		out, err := open(context.Background(), root, hastyDisk{}, func() time.Time { return time.Now().Add(c.after) })
		if err != nil {
			t.Fatal(err)
		}
		if got := dataOf(firstLot); got != c.want || left == 0 {
			t.Errorf("after %v %d of %d files are left, want %d", c.after, got, left, c.want)
		}
		if got := dataOf(secondLot); got != named || named == 0 {
			t.Errorf("after %v the published lot has %d of %d files", c.after, got, named)
		}
		if c.want == 0 {
			if err := publish(out, firstLot); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := dataOf(firstLot); got != left {
		t.Errorf("published at last, the lot has %d of %d files", got, left)
	}
}
