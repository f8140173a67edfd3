package simulator

import (
	"fmt"
	"math"
	"testing"
)

func TestDrawsAreEvenAndThoseOfOnePurposeTellNothingOfAnothers(t *testing.T) {
	const draws = 20_000
	var low, both int
	for draw := range uint64(draws) {
		d := dice{7}
		first, second := d.roll(drawFault, draw), d.roll(drawLatency, draw)
		if first < 0 || first >= 1 {
			t.Fatalf("draw %d is %v", draw, first)
		}
		if first < 0.25 {
			low++
			if second < 0.25 {
				both++
			}
		}
	}
	// Four standard deviations of a binomial.
	within(t, "draws under 0.25", low, 0.25, draws)
	within(t, "draws under 0.25 for both", both, 0.25, low)
}

func TestNumbersInARowAreSpreadOverTheDocuments(t *testing.T) {
	const numbers, documents = 20_000, 10
	counts := make([]int, documents)
	for i := range numbers {
		counts[hash(fmt.Sprintf("WD%06d", i))%documents]++
	}
	for i, count := range counts {
		within(t, fmt.Sprintf("document %d", i), count, 1.0/documents, numbers)
	}
}

// Reckoned by another program: a number's document must be the same on all machines and in all versions.
func TestTheHashIsTheOneItAlwaysWas(t *testing.T) {
	if got := hash("WD0004MX"); got != 0xd2e687f471892c04 {
		t.Errorf("got %#x", got)
	}
}

func within(t *testing.T, what string, got int, share float64, of int) {
	t.Helper()
	want, deviation := share*float64(of), math.Sqrt(share*(1-share)*float64(of))
	if math.Abs(float64(got)-want) > 4*deviation {
		t.Errorf("%s: %d of %d, want about %.0f", what, got, of, want)
	}
}
