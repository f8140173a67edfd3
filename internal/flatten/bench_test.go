package flatten

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// The benchmarks run over the corpus's documents, as a replay does: all types, one builder each, a record now and then.

const benchmarkRows = 2000 // in a record

type benchmarkCorpus struct {
	bodies   [][]byte
	parsed   []*Document
	origins  []Origin
	builders []*Builder // of each body
	learners []*Learner
	bytes    int64
}

func newBenchmarkCorpus(b testing.TB) *benchmarkCorpus {
	b.Helper()
	c := &benchmarkCorpus{}
	for code, documents := range corpus(b) {
		builder := NewBuilder(learned(b, newTable(b, code), documents...))
		b.Cleanup(builder.Release)
		learner := NewLearner(newTable(b, code))
		for _, body := range documents {
			document := &Document{}
			if err := document.Parse(body); err != nil {
				b.Fatal(err)
			}
			identity, err := document.Identity()
			if err != nil {
				b.Fatal(err)
			}
			c.bodies, c.parsed = append(c.bodies, body), append(c.parsed, document)
			c.builders, c.learners = append(c.builders, builder), append(c.learners, learner)
			c.origins = append(c.origins, Origin{
				Numero: identity.Numero, FetchedAt: time.Unix(1, 0), CodeCDGF: "A04000010", Lot: "20260101T210000Z", SHA256: strings.Repeat("0123456789abcdef", 4),
			})
			c.bytes += int64(len(body))
		}
	}
	return c
}

// run measures each over all documents, which is one turn of the loop.
func (c *benchmarkCorpus) run(b *testing.B, each func(i int) error) {
	b.SetBytes(c.bytes)
	b.ReportAllocs()
	for b.Loop() {
		for i := range c.bodies {
			if err := each(i); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// flush takes a record if it is time.
func (c *benchmarkCorpus) flush(i int) {
	if builder := c.builders[i]; builder.Rows() == benchmarkRows {
		builder.Record().Release()
	}
}

func BenchmarkDecode(b *testing.B) {
	c := newBenchmarkCorpus(b)
	var document Document
	c.run(b, func(i int) error { return document.Parse(c.bodies[i]) })
}

func BenchmarkBuild(b *testing.B) {
	c := newBenchmarkCorpus(b)
	c.run(b, func(i int) error {
		c.flush(i)
		return c.builders[i].AppendDocument(c.origins[i], c.parsed[i])
	})
}

func BenchmarkDecodeBuild(b *testing.B) {
	c := newBenchmarkCorpus(b)
	c.run(b, func(i int) error {
		c.flush(i)
		return c.builders[i].Append(c.origins[i], c.bodies[i])
	})
}

func BenchmarkIdentity(b *testing.B) {
	c := newBenchmarkCorpus(b)
	c.run(b, func(i int) error {
		_, err := c.parsed[i].Identity()
		return err
	})
}

func BenchmarkLearn(b *testing.B) {
	c := newBenchmarkCorpus(b)
	c.run(b, func(i int) error { return c.learners[i].Observe("N1", time.Unix(1, 0), c.bodies[i]) })
}

func BenchmarkYardstickStdlib(b *testing.B) {
	c := newBenchmarkCorpus(b)
	c.run(b, func(i int) error {
		var document map[string]any
		return json.Unmarshal(c.bodies[i], &document)
	})
}
