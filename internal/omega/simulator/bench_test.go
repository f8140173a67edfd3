package simulator

import (
	"net/http"
	"testing"
)

// discard is an answer that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header            { return d.header }
func (d discard) Write(data []byte) (int, error) { return len(data), nil }
func (d discard) WriteHeader(int)                {}

// One call, from its arrival to its document. The simulator must never be what limits a rate.
func BenchmarkDocument(b *testing.B) {
	for _, bench := range []struct{ name, numero string }{{"of the corpus", "WD00APSW"}, {"of another number", "WD0004MX"}} {
		b.Run(bench.name, func(b *testing.B) {
			simulator, err := New(Options{Gateway: Gateway{Kind: Unlimited}})
			if err != nil {
				b.Fatal(err)
			}
			request := demandeRequest(goodToken(b, simulator), bench.numero)
			answer := discard{http.Header{}}
			b.SetBytes(int64(simulator.corpus.of(bench.numero).size()))
			b.ReportAllocs()
			for b.Loop() {
				simulator.ServeHTTP(answer, request)
			}
			if given := simulator.Given(bench.numero); given < b.N {
				b.Fatalf("%d documents of %d", given, b.N)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
