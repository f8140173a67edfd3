package simulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestParseFaultsReadsShares(t *testing.T) {
	for _, test := range []struct {
		text string
		want map[Fault]float64
	}{
		{"", map[Fault]float64{}},
		{"  ", map[Fault]float64{}},
		{"500=0.05,cut=0.02", map[Fault]float64{Fault500: 0.05, FaultCut: 0.02}},
		{" wrong-number = 1 ", map[Fault]float64{FaultWrongNumber: 1}},
		{"html=0", map[Fault]float64{FaultHTML: 0}},
	} {
		got, err := ParseFaults(test.text)
		if err != nil || !maps.Equal(got, test.want) {
			t.Errorf("%q: got %v, %v, want %v", test.text, got, err, test.want)
		}
	}
}

func TestABadFaultIsAnErrorThatNamesIt(t *testing.T) {
	for _, test := range []struct{ text, names string }{
		{"500", `"500" is not of the form`},
		{"500=0.1,", `"" is not of the form`},
		{"501=0.1", `fault "501"`},
		{"cut=a", `share of "cut" is no number`},
		{"cut=-0.1", `fault "cut": its share -0.1`},
		{"cut=1.1", `fault "cut": its share 1.1`},
		{"cut=NaN", `fault "cut": its share NaN`},
		{"cut=0.1,cut=0.1", `"cut" stands twice`},
		{"cut=0.6,html=0.6", "1.2 in all"},
	} {
		_, err := ParseFaults(test.text)
		if err == nil || !strings.Contains(err.Error(), test.names) {
			t.Errorf("%q: got %v, want an error that names %q", test.text, err, test.names)
		}
	}
}

func TestEveryFaultCanBeParsed(t *testing.T) {
	for _, fault := range allFaults() {
		if _, err := ParseFaults(string(fault) + "=0.5"); err != nil {
			t.Error(err)
		}
	}
}

func TestFaultsComeAsOftenAsTheirShares(t *testing.T) {
	shares := map[Fault]float64{Fault500: 0.1, FaultCut: 0.25, FaultSlow: 0}
	table := newFaultTable(shares)
	const draws = 20_000
	counts := map[Fault]int{}
	for draw := range uint64(draws) {
		counts[table.at(dice{3}.roll(drawFault, draw))]++
	}
	within(t, "500", counts[Fault500], 0.1, draws)
	within(t, "cut", counts[FaultCut], 0.25, draws)
	within(t, "none", counts[""], 0.65, draws)
	if counts[FaultSlow] > 0 {
		t.Error("a fault of share 0 came")
	}
}

func TestSharesOfOneInAllLeaveNoCallWithoutFault(t *testing.T) {
	shares := map[Fault]float64{}
	for _, fault := range allFaults()[:10] {
		shares[fault] = 0.1
	}
	if err := checkFaults(shares); err != nil {
		t.Fatal(err)
	}
	table := newFaultTable(shares)
	for draw := range uint64(10_000) {
		if table.at(dice{}.roll(drawFault, draw)) == "" {
			t.Fatalf("draw %d has no fault", draw)
		}
	}
}

func TestTheSameSeedAndOrderGiveTheSameFaults(t *testing.T) {
	faults := map[Fault]float64{Fault500: 0.2, Fault404: 0.2, FaultCut: 0.1, FaultHTML: 0.1}
	answers := func(seed uint64) []string {
		simulator := newSimulator(t, Options{Faults: faults, Seed: seed})
		token := goodToken(t, simulator)
		var all []string
		for i := range 100 {
			answer := ask(simulator, token, fmt.Sprintf("WD%06d", i))
			all = append(all, fmt.Sprint(answer.Code, answer.Body))
		}
		return all
	}
	if !slices.Equal(answers(1), answers(1)) {
		t.Error("the same seed gave other answers")
	}
	if slices.Equal(answers(1), answers(2)) {
		t.Error("another seed gave the same answers")
	}
}

func FuzzParseFaults(f *testing.F) {
	for _, text := range []string{"", "500=0.05,cut=0.02", "slow = 1", "cut=NaN", "cut=1e-3,", "=", "html=0x1p-2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		shares, err := ParseFaults(text)
		if err != nil {
			return
		}
		if err := checkFaults(shares); err != nil {
			t.Fatalf("%q was accepted: %v", text, err)
		}
		var parts []string
		for fault, share := range shares {
			parts = append(parts, fmt.Sprintf("%s=%v", fault, share))
		}
		again, err := ParseFaults(strings.Join(parts, ","))
		if err != nil || !maps.Equal(again, shares) {
			t.Fatalf("%q: read %v, written and read again %v, %v", text, shares, again, err)
		}
	})
}
