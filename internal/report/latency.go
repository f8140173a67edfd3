package report

import (
	"math"
	"time"
)

const (
	// perDoubling buckets lie between a latency and its double, so that a quantile is off by a fifth at most.
	perDoubling = 4
	fastest     = time.Millisecond // the end of the first bucket
	doublings   = 17               // the last bucket but one ends at 131 s; the last has no end
	buckets     = doublings*perDoubling + 2
)

// Latency is how long answers took, from the request's leaving to the answer's last byte.
type Latency struct {
	Answers int64    `json:"answers"`
	P50     float64  `json:"p50_seconds"` // half of the answers took at most this long; to within a fifth
	P90     float64  `json:"p90_seconds"`
	P99     float64  `json:"p99_seconds"`
	Max     float64  `json:"max_seconds"` // exact
	Buckets []Bucket `json:"buckets"`     // from the first to the last that has answers
}

// Bucket counts the answers that took at most UpTo, and longer than the bucket before. Each ends 19 % after that one.
type Bucket struct {
	UpTo    float64 `json:"up_to_seconds"`
	Answers int64   `json:"answers"`
}

// latencies counts answers in fixed buckets.
type latencies struct {
	counts  [buckets]int64
	answers int64
	max     time.Duration
}

func (l *latencies) add(took time.Duration) {
	l.counts[bucketOf(took)]++
	l.answers++
	l.max = max(l.max, took)
}

func bucketOf(took time.Duration) int {
	if took <= fastest {
		return 0
	}
	return min(int(math.Ceil(perDoubling*math.Log2(float64(took)/float64(fastest)))), buckets-1)
}

// upTo is a bucket's end, in seconds. That of the last, which has none, is the longest latency.
func (l *latencies) upTo(bucket int) float64 {
	if bucket == buckets-1 {
		return l.max.Seconds()
	}
	return tidy(fastest.Seconds() * math.Exp2(float64(bucket)/perDoubling))
}

// quantile is the end of the bucket in which that share of the answers is reached, and never more than the longest.
func (l *latencies) quantile(share float64) float64 {
	wanted, reached := int64(math.Ceil(share*float64(l.answers))), int64(0)
	for bucket, count := range l.counts {
		if reached += count; count > 0 && reached >= wanted {
			return min(l.upTo(bucket), l.max.Seconds())
		}
	}
	return 0
}

func (l *latencies) snapshot() Latency {
	taken := Latency{Answers: l.answers, P50: l.quantile(0.5), P90: l.quantile(0.9), P99: l.quantile(0.99), Max: l.max.Seconds(), Buckets: []Bucket{}}
	first, last := buckets, -1
	for bucket, count := range l.counts {
		if count > 0 {
			first, last = min(first, bucket), bucket
		}
	}
	for bucket := first; bucket <= last; bucket++ {
		taken.Buckets = append(taken.Buckets, Bucket{UpTo: l.upTo(bucket), Answers: l.counts[bucket]})
	}
	return taken
}

// tidy rounds to hundredths of a millisecond, which keeps all buckets apart.
func tidy(seconds float64) float64 { return math.Round(1e5*seconds) / 1e5 }
