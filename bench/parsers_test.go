package bench

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/minio/simdjson-go"

	"omega-export/internal/flatten"
	"omega-export/schemas"
)

// parser is one JSON parser and its adapters. It is for one goroutine.
type parser struct {
	name string
	// parse reads a document and does nothing with it. A parser that makes no tree gives out each token.
	parse func(body []byte) error
	// walk is nil for the program's own.
	walk walk
	// read gives the members of the root object as the parser makes them out: key:value, a text quoted, a number as
	// exactly as the parser can tell it, {…} for an object.
	read func(body []byte) ([]string, error)
}

func parsers(t testing.TB) []parser {
	t.Helper()
	all := []parser{encodingJSON(), jsontextParser("jsontext", false), jsontextParser("jsontext-twice", true)}
	if simdjson.SupportedCPU() {
		all = append(all, simdjsonParser())
	} else {
		t.Log("simdjson-go is left out: it needs AVX2 and CLMUL")
	}
	return append(all, jxParser(), fastjsonParser(), ours())
}

// rows is what makes rows of documents.
type rows interface {
	Append(origin flatten.Origin, body []byte) error
	Record() arrow.Record
	Release()
}

func (p parser) into(table *flatten.Table) rows {
	if p.walk == nil {
		return flatten.NewBuilder(table)
	}
	return foreign{newColumns(table), p.walk}
}

// kind is the corpus's documents of one type, with the table that has a column for each of their values.
type kind struct {
	table     *flatten.Table
	documents [][]byte
	origins   []flatten.Origin
}

func corpus(t testing.TB) (kinds []kind, size int64) {
	t.Helper()
	file, err := os.ReadFile("../testdata/demandes.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	set, err := schemas.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	byType := map[string]*kind{}
	var identifier flatten.Identifier
	for line := range bytes.Lines(file) {
		line = bytes.TrimSpace(line)
		identity, err := identifier.Identify(line)
		if err != nil {
			t.Fatal(err)
		}
		of := byType[identity.Type]
		if of == nil {
			of = &kind{}
			byType[identity.Type] = of
		}
		of.documents = append(of.documents, line)
		of.origins = append(of.origins, flatten.Origin{Numero: identity.Numero, FetchedAt: time.Unix(1, 0), CodeCDGF: "A04000010", Lot: "L", SHA256: "00"})
		size += int64(len(line))
	}
	for _, code := range slices.Sorted(maps.Keys(byType)) {
		of := byType[code]
		table, err := flatten.NewTable(code, set)
		if err != nil {
			t.Fatal(err)
		}
		learner := flatten.NewLearner(table)
		for i, document := range of.documents {
			if err := learner.Observe(of.origins[i].Numero, of.origins[i].FetchedAt, document); err != nil {
				t.Fatal(err)
			}
		}
		of.table, _ = learner.Evolve()
		kinds = append(kinds, *of)
	}
	return kinds, size
}

func (k kind) appendTo(t testing.TB, to rows) {
	for i, document := range k.documents {
		if err := to.Append(k.origins[i], document); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEachAdapterMakesTheRecordsThatFlattenMakes(t *testing.T) {
	kinds, _ := corpus(t)
	for _, p := range parsers(t) {
		if p.walk == nil {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			for _, k := range kinds {
				own, other := flatten.NewBuilder(k.table), foreign{newColumns(k.table), p.walk}
				k.appendTo(t, own)
				k.appendTo(t, other)
				want, got := own.Record(), other.Record()
				for i, field := range want.Schema().Fields() {
					if !array.Equal(want.Column(i), got.Column(i)) {
						t.Errorf("%s: column %s differs: %v, want %v", k.table.Type, field.Name, got.Column(i), want.Column(i))
					}
				}
				if want.NumRows() != got.NumRows() || other.lost != 0 {
					t.Errorf("%s: %d rows of %d, %d values lost", k.table.Type, got.NumRows(), want.NumRows(), other.lost)
				}
				want.Release()
				got.Release()
				own.Release()
				other.Release()
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	kinds, size := corpus(b)
	for _, p := range parsers(b) {
		b.Run(p.name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				for _, k := range kinds {
					for _, document := range k.documents {
						if err := p.parse(document); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
		})
	}
}

// BenchmarkIntoBuilders goes over each type's documents fifty times between records: about a thousand rows, so that
// what a record costs is spread as in real row groups.
func BenchmarkIntoBuilders(b *testing.B) {
	const passes = 50
	kinds, size := corpus(b)
	documents := 0
	for _, k := range kinds {
		documents += len(k.documents)
	}
	for _, p := range parsers(b) {
		b.Run(p.name, func(b *testing.B) {
			to := make([]rows, len(kinds))
			for i, k := range kinds {
				to[i] = p.into(k.table)
				defer to[i].Release()
			}
			b.SetBytes(size * passes)
			b.ReportAllocs()
			for b.Loop() {
				for i, k := range kinds {
					for range passes {
						k.appendTo(b, to[i])
					}
					to[i].Record().Release()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*documents*passes), "ns/document")
		})
	}
}
