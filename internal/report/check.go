package report

import (
	"errors"
	"fmt"
)

const (
	mostCalls   = 1e12 // far more than any run makes
	longestBin  = 1e7  // seconds; MaxBins of them are a century
	mostSeconds = 1e10
)

// Check says what in notes that were read from a file no Recorder can have noted, so that whoever draws them need not care.
func (n *Notes) Check() error {
	line := n.Timeline
	switch {
	case len(line.Bins) > MaxBins:
		return fmt.Errorf("its time line has more than %d bins", MaxBins)
	case len(line.Bins) > 0 && (line.BinSeconds < 1 || line.BinSeconds > longestBin):
		return fmt.Errorf("its time line has bins of %d seconds", line.BinSeconds)
	case len(n.Latency.Buckets) > buckets:
		return fmt.Errorf("its latencies have more than %d buckets", buckets)
	}
	for i, bin := range line.Bins {
		parts := []int64{bin.Documents, bin.Rejects, bin.Refused, bin.Failed}
		sum, possible := int64(0), bin.Unchanged >= 0 && bin.Unchanged <= bin.Documents && bin.Slots >= 0 && bin.Slots <= mostCalls
		for _, part := range parts {
			possible = possible && part >= 0 && part <= mostCalls
			sum += part
		}
		if !possible || sum != bin.Calls {
			return fmt.Errorf("bin %d of its time line does not add up", i)
		}
	}
	for i, bucket := range n.Latency.Buckets {
		if bucket.Answers < 0 || bucket.Answers > mostCalls || !(bucket.UpTo >= 0 && bucket.UpTo <= mostSeconds) {
			return fmt.Errorf("bucket %d of its latencies is impossible", i)
		}
	}
	if !(n.Quota.Slots >= 0 && n.Quota.Slots <= mostCalls && n.Quota.Share >= 0 && n.Quota.Share <= 1) {
		return errors.New("its share of the quota is impossible")
	}
	return nil
}
