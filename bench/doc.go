// Package bench holds other JSON parsers against the program's own, by the same work: a raw answer goes into the Arrow
// builders of its type's table. It is a module of its own, so that none of them is linked into the program.
//
//	cd bench && go test -cpu 1 -bench . -benchmem
//
// BenchmarkParse is parsing alone, BenchmarkIntoBuilders the whole way, both over the corpus of testdata. The tests
// show that each adapter makes the very records that flatten makes, so that the comparison is fair, and write down in
// testdata/laisse-passer.txt what each parser makes of input that is hostile or wrong (-update writes it anew).
//
// Each parser is used in the fastest way that its documentation gives and that keeps a number's text where that is
// possible. encoding/json decodes into a map with UseNumber. jsontext reads from a bytes.Buffer, with values as raw
// bytes; it is measured as it comes and without its check for keys that come twice. simdjson-go reuses its tape,
// leaves the strings in the body, and its tape is walked with AdvanceInto; it parses one document a call, since a
// wrong one among many would spoil the others. jx pulls tokens from a byte slice. fastjson reuses its parser.
//
// The foreign parsers share one tree of columns with Arrow's own builders, which keep their room from record to record;
// flatten fills Arrow's layout itself. The difference between the two benchmarks is what each side spends on that. And
// the adapters do less than flatten, so their figures are a ceiling: they do not keep what finds no column, nor take
// back a list of which an element does not fit, nor learn of drift; they only count the values that they could not
// place.
package bench
