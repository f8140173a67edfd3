package source

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// BenchmarkRead reads lists of a million numbers from files.
func BenchmarkRead(b *testing.B) {
	const numbers = 1_000_000
	each := func(format string) string {
		var list strings.Builder
		for i := range numbers {
			fmt.Fprintf(&list, format, i)
		}
		return list.String()
	}
	text := each("WD%06d\n")
	rows := make([]parquetRow, numbers)
	code := "A04000000X"
	for i := range rows {
		rows[i] = parquetRow{Autre: "x", Code: &code, N: fmt.Sprintf("WD%06d", i)}
	}
	for _, list := range []struct{ name, content string }{
		{"text", text},
		{"text.gz", gzipped(b, text)},
		{"text.zst", zstded(b, text)},
		{"csv", "numero_demande;code_cdgf;note\n" + each("WD%06d;A04000000X;a note\n")},
		{"csv-quoted", `"note","code_cdgf","numero_demande"` + "\n" + each(`"a ""note"", quoted","A04000000X","WD%06d"`+"\n")},
		{"ndjson", each(`{"numero_demande":"WD%06d","code_cdgf":"A04000000X"}` + "\n")},
		{"parquet", asParquet(b, rows, parquet.MaxRowsPerRowGroup(200_000))},
	} {
		b.Run(list.name, func(b *testing.B) {
			path := write(b, "list", list.content)
			b.SetBytes(int64(len(list.content)))
			b.ReportAllocs()
			for b.Loop() {
				summary, err := Read(b.Context(), []string{path}, Options{}, ignore)
				if err != nil || summary.Entries != numbers {
					b.Fatalf("%+v, %v", summary, err)
				}
			}
		})
	}
}
