package simulator

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is a way for a call to go wrong though the caller did nothing wrong.
type Fault string

// The faults. Those named after a status answer it with its body, as if the cause were real.
const (
	Fault400 Fault = "400"
	Fault401 Fault = "401" // the token is refused, once; it stays good
	Fault403 Fault = "403"
	Fault404 Fault = "404"
	Fault429 Fault = "429" // though it came in time: another program of the supplier spends the same quota
	Fault500 Fault = "500" // one of the texts of Annexe A
	Fault502 Fault = "502"
	Fault503 Fault = "503"
	Fault504 Fault = "504"
	// FaultCut closes the connection without an answer.
	FaultCut Fault = "cut"
	// FaultTruncated answers 200 and half of the document, then closes the connection.
	FaultTruncated Fault = "truncated"
	// FaultHTML answers 200 with an HTML page, as a proxy's maintenance page does.
	FaultHTML Fault = "html"
	// FaultTimeout gives no answer for two minutes, then closes the connection.
	FaultTimeout Fault = "timeout"
	// FaultWrongNumber answers 200 with the document of another number.
	FaultWrongNumber Fault = "wrong-number"
	// FaultSlow answers rightly, 5 s later than it would.
	FaultSlow Fault = "slow"
)

const (
	hangs  = 2 * time.Minute
	slowBy = 5 * time.Second
)

// allFaults lists every fault, in the order in which messages name them.
func allFaults() []Fault {
	return []Fault{
		Fault400, Fault401, Fault403, Fault404, Fault429, Fault500, Fault502, Fault503, Fault504,
		FaultCut, FaultTruncated, FaultHTML, FaultTimeout, FaultWrongNumber, FaultSlow,
	}
}

// status is the status that a fault is named after, or 0.
func (f Fault) status() int {
	status, err := strconv.Atoi(string(f))
	if err != nil {
		return 0
	}
	return status
}

// ParseFaults reads shares of the calls such as "500=0.05, cut=0.02". An empty text means no faults. A fault that does not exist or
// that is given twice, a share that is not between 0 and 1, and shares of more than 1 in all are errors that name them.
func ParseFaults(text string) (map[Fault]float64, error) {
	shares := map[Fault]float64{}
	if strings.TrimSpace(text) == "" {
		return shares, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, number, ok := strings.Cut(part, "=")
		if !ok {
			return nil, fmt.Errorf("reading faults %q: %q is not of the form name=share", text, strings.TrimSpace(part))
		}
		fault := Fault(strings.TrimSpace(name))
		if _, twice := shares[fault]; twice {
			return nil, fmt.Errorf("reading faults %q: %q stands twice", text, fault)
		}
		share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil {
			return nil, fmt.Errorf("reading faults %q: the share of %q is no number", text, fault)
		}
		shares[fault] = share
	}
	if err := checkFaults(shares); err != nil {
		return nil, fmt.Errorf("reading faults %q: %w", text, err)
	}
	return shares, nil
}

func checkFaults(shares map[Fault]float64) error {
	known := allFaults()
	sum := 0.0
	for fault, share := range shares {
		if !slices.Contains(known, fault) {
			return fmt.Errorf("fault %q: it is none of %s", fault, faultNames(known))
		}
		if !isShare(share) {
			return fmt.Errorf("fault %q: its share %v is not between 0 and 1", fault, share)
		}
		sum += share
	}
	// 0.1 ten times over is a little more or less than 1.
	if sum > 1+1e-9 {
		return fmt.Errorf("faults: their shares are %.6g in all, which is more than 1", sum)
	}
	return nil
}

func faultNames(faults []Fault) string {
	names := make([]string, len(faults))
	for i, fault := range faults {
		names[i] = string(fault)
	}
	return strings.Join(names, ", ")
}

func isShare(share float64) bool {
	return !math.IsNaN(share) && share >= 0 && share <= 1
}

// faultTable says which fault a draw means.
type faultTable []faultUpTo

type faultUpTo struct {
	fault Fault
	upTo  float64
}

// newFaultTable lays checked shares end to end, in an order of their own: a map has none, and the same seed must give the same faults.
func newFaultTable(shares map[Fault]float64) faultTable {
	var table faultTable
	end := 0.0
	for _, fault := range allFaults() {
		if share := shares[fault]; share > 0 {
			end += share
			table = append(table, faultUpTo{fault, end})
		}
	}
	return table
}

// at is the fault of a draw (0 to 1), or "" for none.
func (t faultTable) at(draw float64) Fault {
	for _, entry := range t {
		if draw < entry.upTo {
			return entry.fault
		}
	}
	return ""
}
