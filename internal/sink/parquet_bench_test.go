package sink

import (
	"io"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

const benchRows = 100_000

// BenchmarkWrite writes 100,000 rows of 60 columns in records of 20,000, as the pipeline does.
func BenchmarkWrite(b *testing.B) {
	schema, record := wide(benchRows)
	layout, err := newLayout(schema)
	if err != nil {
		b.Fatal(err)
	}
	codec := aCodec(b)
	b.ReportAllocs()
	for b.Loop() {
		to := newDigester(io.Discard)
		writer := newParquetWriter(to, layout, codec)
		inRecords(b, record, writer.write)
		if _, err := writer.close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(to.bytes)/(1<<20), "MiB/file")
	}
	b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkWriteYardstick does the same with Arrow's own writer.
func BenchmarkWriteYardstick(b *testing.B) {
	schema, record := wide(benchRows)
	b.ReportAllocs()
	for b.Loop() {
		to := newDigester(io.Discard)
		properties := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd))
		writer, err := pqarrow.NewFileWriter(schema, to, properties, pqarrow.DefaultWriterProps())
		if err != nil {
			b.Fatal(err)
		}
		inRecords(b, record, writer.Write)
		if err := writer.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(to.bytes)/(1<<20), "MiB/file")
	}
	b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

func inRecords(b *testing.B, record arrow.Record, write func(arrow.Record) error) {
	for from := int64(0); from < record.NumRows(); from += 20_000 {
		if err := write(record.NewSlice(from, min(record.NumRows(), from+20_000))); err != nil {
			b.Fatal(err)
		}
	}
}
