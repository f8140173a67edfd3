package sink

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

func encode(t testing.TB, schema *arrow.Schema, records ...arrow.Record) []byte {
	t.Helper()
	return encodeIn(t, groupSize{rows: groupRows, bytes: groupBytes}, schema, records...)
}

func encodeIn(t testing.TB, limit groupSize, schema *arrow.Schema, records ...arrow.Record) []byte {
	t.Helper()
	layout, err := newLayout(schema)
	if err != nil {
		t.Fatal(err)
	}
	var buffer bytes.Buffer
	writer := newParquetWriter(&buffer, layout, aCodec(t))
	writer.limit = limit
	for _, record := range records {
		if err := writer.write(record); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := writer.close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func aCodec(t testing.TB) *codec {
	t.Helper()
	codec, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

// decode reads with Arrow's own reader.
func decode(t testing.TB, content []byte) arrow.Table {
	t.Helper()
	reader, err := file.NewParquetReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	arrows, err := pqarrow.NewFileReader(reader, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := arrows.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// sameBack sees that the records come back as they went in, in the same columns in the same order.
func sameBack(t testing.TB, schema *arrow.Schema, records ...arrow.Record) {
	t.Helper()
	sameBackIn(t, groupSize{rows: groupRows, bytes: groupBytes}, schema, records...)
}

func sameBackIn(t testing.TB, limit groupSize, schema *arrow.Schema, records ...arrow.Record) {
	t.Helper()
	table := decode(t, encodeIn(t, limit, schema, records...))
	if got, want := strings.Join(schemaLines(table.Schema()), "\n"), strings.Join(schemaLines(schema), "\n"); got != want {
		t.Fatalf("schema came back as\n%s\nwant\n%s", got, want)
	}
	for i, want := range concat(t, records) {
		got, err := array.Concatenate(table.Column(i).Data().Chunks(), memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		if !array.Equal(got, want) {
			t.Fatalf("column %s (%v) came back as\n%v\nwant\n%v", schema.Field(i).Name, schema.Field(i).Type, got, want)
		}
	}
}

func TestEveryTypeComesBack(t *testing.T) {
	for seed := range uint64(120) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			d := seeded(seed)
			schema := arrow.NewSchema(d.fields(4), nil)
			var records []arrow.Record
			for range 1 + d(3) {
				records = append(records, d.record(schema, 1+d(40)))
			}
			// Small row groups, so that most files have several.
			sameBackIn(t, groupSize{rows: groupStep, bytes: groupBytes}, schema, records...)
		})
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("\x02\x01\x01\x03\x07\x05\x02 a list of structs, then rows"))
	f.Add([]byte{3, 2, 1, 1, 2, 2, 1, 1, 2, 0, 7, 37, 1, 4, 4, 1, 1, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, from []byte) {
		d := read(from)
		schema := arrow.NewSchema(d.fields(5), nil)
		records := []arrow.Record{d.record(schema, 1+d(20)), d.record(schema, 1+d(20))}
		sameBack(t, schema, records...)
	})
}

func TestSlicesOfRecordsComeBack(t *testing.T) {
	d := seeded(7)
	schema := arrow.NewSchema(d.fields(4), nil)
	record := d.record(schema, 200)
	sameBack(t, schema, record.NewSlice(13, 64), record.NewSlice(64, 65), record.NewSlice(65, 200))
}

// fromJSON is the easiest to read way to write nested rows down.
func fromJSON(t *testing.T, schema *arrow.Schema, rows string) arrow.Record {
	t.Helper()
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func TestEmptyListsAndNullsStayApart(t *testing.T) {
	element := arrow.StructOf(nullable("b", arrow.BinaryTypes.String),
		nullable("a", arrow.ListOfField(nullable("element", arrow.PrimitiveTypes.Int64))))
	schema := arrow.NewSchema([]arrow.Field{nullable("l", arrow.ListOfField(nullable("element", element)))}, nil)
	record := fromJSON(t, schema, `[
		{"l": null}, {"l": []}, {"l": [null]}, {"l": [{}]}, {"l": [{"a": []}]}, {"l": [{"a": [null]}]},
		{"l": [{"a": [1, null, 2]}, null, {"b": ""}, {"b": "x", "a": [3]}]}, {"l": []}
	]`)
	sameBack(t, schema, record)
}

func TestMinusZeroKeepsItsSign(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{nullable("v", arrow.PrimitiveTypes.Float64)}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	builder.Field(0).(*array.Float64Builder).AppendValues([]float64{math.Copysign(0, -1), 0}, nil)
	table := decode(t, encode(t, schema, builder.NewRecord()))
	values := table.Column(0).Data().Chunk(0).(*array.Float64).Float64Values()
	if !math.Signbit(values[0]) || math.Signbit(values[1]) {
		t.Fatalf("-0.0 and 0.0 came back as %v", values)
	}
}

// wide is a schema as the typed tables have.
func wide(rows int) (*arrow.Schema, arrow.Record) {
	d := seeded(1)
	fields := []arrow.Field{nullable("numero", arrow.BinaryTypes.String), nullable("sha", arrow.BinaryTypes.String)}
	kinds := []arrow.DataType{
		arrow.BinaryTypes.String, arrow.BinaryTypes.String, arrow.BinaryTypes.String, arrow.PrimitiveTypes.Date32,
		arrow.FixedWidthTypes.Timestamp_us, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Float64, arrow.FixedWidthTypes.Boolean,
	}
	for i := len(fields); i < 58; i++ {
		fields = append(fields, nullable(fmt.Sprintf("c%d", i), kinds[i%len(kinds)]))
	}
	step := arrow.StructOf(nullable("code", arrow.BinaryTypes.String), nullable("date", arrow.PrimitiveTypes.Date32))
	fields = append(fields, nullable("etapes", arrow.ListOfField(nullable("element", step))),
		nullable("codes", arrow.ListOfField(nullable("element", arrow.BinaryTypes.String))))
	schema := arrow.NewSchema(fields, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for row := range rows {
		builder.Field(0).(*array.StringBuilder).Append(fmt.Sprintf("D%09d", row))
		builder.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("%032x%032x", d(1<<30), d(1<<30)))
		for i := 2; i < len(fields); i++ {
			if to, ok := builder.Field(i).(*array.StringBuilder); ok && d(4) > 0 {
				to.Append(fmt.Sprintf("valeur %d de la colonne %d", d(1+i*i), i))
				continue
			}
			d.append(builder.Field(i))
		}
	}
	return schema, builder.NewRecord()
}

func TestBytesFollowFromTheRowsAlone(t *testing.T) {
	// Enough rows for several pages and row groups, and for dictionaries that grow too large.
	schema, record := wide(5_000)
	limit := groupSize{rows: groupRows, bytes: 4 << 20}
	whole := encodeIn(t, limit, schema, record)
	d := seeded(3)
	for range 2 {
		var parts []arrow.Record
		for from := int64(0); from < record.NumRows(); {
			to := min(record.NumRows(), from+1+int64(d(700)))
			parts = append(parts, record.NewSlice(from, to))
			from = to
		}
		if !bytes.Equal(encodeIn(t, limit, schema, parts...), whole) {
			t.Fatalf("the same rows in %d records gave another file", len(parts))
		}
	}
}

func TestRowGroupsEndAtTheirRows(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		nullable("v", arrow.PrimitiveTypes.Int64), nullable("s", arrow.BinaryTypes.String),
	}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	var records []arrow.Record
	limit := groupSize{rows: 128, bytes: groupBytes}
	for row := range 300 {
		builder.Field(0).(*array.Int64Builder).Append(int64(row))
		builder.Field(1).(*array.StringBuilder).Append("x")
		if row%100 == 99 {
			records = append(records, builder.NewRecord())
		}
	}
	expectGroups(t, encodeIn(t, limit, schema, records...), 128, 128, 44)
	sameBackIn(t, limit, schema, records...)
}

func TestRowGroupsEndAtTheirBytes(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{nullable("corps", arrow.BinaryTypes.Binary)}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	body := bytes.Repeat([]byte("{}"), 2<<10)
	for range 200 {
		builder.Field(0).(*array.BinaryBuilder).Append(body)
	}
	record := builder.NewRecord()
	// At 4 KiB a row, 100 rows go past the limit; the group ends with the step that they are in.
	limit := groupSize{rows: groupRows, bytes: 400 << 10}
	expectGroups(t, encodeIn(t, limit, schema, record, record.NewSlice(0, 10)), 128, 82)
}

func expectGroups(t *testing.T, content []byte, rows ...int64) {
	t.Helper()
	reader, err := file.NewParquetReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	for i := range reader.NumRowGroups() {
		got = append(got, reader.RowGroup(i).NumRows())
	}
	if fmt.Sprint(got) != fmt.Sprint(rows) {
		t.Fatalf("row groups of %v rows, want %v", got, rows)
	}
}

func TestTheFileSaysWhatItIs(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		nullable("z_text", arrow.BinaryTypes.String), nullable("corps", arrow.BinaryTypes.Binary),
		nullable("day", arrow.PrimitiveTypes.Date32), nullable("at", arrow.FixedWidthTypes.Timestamp_us),
		nullable("d9", &arrow.Decimal128Type{Precision: 9, Scale: 2}), nullable("d18", &arrow.Decimal128Type{Precision: 18, Scale: 2}),
		nullable("d38", &arrow.Decimal128Type{Precision: 38, Scale: 2}),
		nullable("l", arrow.ListOfField(nullable("element", arrow.BinaryTypes.String))),
	}, nil)
	reader, err := file.NewParquetReader(bytes.NewReader(encode(t, schema, seeded(1).record(schema, 10))))
	if err != nil {
		t.Fatal(err)
	}
	if by := reader.MetaData().GetCreatedBy(); by != "omega-export" {
		t.Errorf("created by %q", by)
	}
	var got []string
	for i := range reader.MetaData().Schema.NumColumns() {
		column := reader.MetaData().Schema.Column(i)
		got = append(got, fmt.Sprintf("%s %s %s", column.Path(), column.PhysicalType(), column.LogicalType()))
	}
	want := []string{
		"z_text BYTE_ARRAY String", "corps BYTE_ARRAY None", "day INT32 Date",
		"at INT64 Timestamp(isAdjustedToUTC=true, timeUnit=microseconds, is_from_converted_type=false, force_set_converted_type=false)",
		"d9 INT32 Decimal(precision=9, scale=2)", "d18 INT64 Decimal(precision=18, scale=2)",
		"d38 FIXED_LEN_BYTE_ARRAY Decimal(precision=38, scale=2)", "l.list.element BYTE_ARRAY String",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("columns are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestChunksHaveBounds(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		nullable("s", arrow.BinaryTypes.String), nullable("i", arrow.PrimitiveTypes.Int64),
		nullable("d", &arrow.Decimal128Type{Precision: 12, Scale: 2}),
	}, nil)
	record := fromJSON(t, schema, `[{"s": "b", "i": 3, "d": "-1.00"}, {"s": "a", "i": -4, "d": "2.50"}, {}]`)
	reader, err := file.NewParquetReader(bytes.NewReader(encode(t, schema, record)))
	if err != nil {
		t.Fatal(err)
	}
	want := [][2]string{
		{"a", "b"},
		{"\xfc\xff\xff\xff\xff\xff\xff\xff", "\x03\x00\x00\x00\x00\x00\x00\x00"},
		{"\x9c\xff\xff\xff\xff\xff\xff\xff", "\xfa\x00\x00\x00\x00\x00\x00\x00"},
	}
	for i, bounds := range want {
		chunk, err := reader.MetaData().RowGroup(0).ColumnChunk(i)
		if err != nil {
			t.Fatal(err)
		}
		statistics, err := chunk.Statistics()
		if err != nil {
			t.Fatal(err)
		}
		got := [2]string{string(statistics.EncodeMin()), string(statistics.EncodeMax())}
		if got != bounds || statistics.NullCount() != 1 {
			t.Errorf("column %d has bounds %q and %d NULLs, want %q and 1", i, got, statistics.NullCount(), bounds)
		}
	}
}

func TestNoBoundsWhereTheyWouldBeWrong(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{nullable("d", &arrow.Decimal128Type{Precision: 30, Scale: 0})}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	builder.Field(0).(*array.Decimal128Builder).AppendValues([]decimal128.Num{decimal128.FromI64(-5), decimal128.FromI64(7)}, nil)
	reader, err := file.NewParquetReader(bytes.NewReader(encode(t, schema, builder.NewRecord())))
	if err != nil {
		t.Fatal(err)
	}
	chunk, err := reader.MetaData().RowGroup(0).ColumnChunk(0)
	if err != nil {
		t.Fatal(err)
	}
	if statistics, err := chunk.Statistics(); err == nil && statistics != nil && statistics.HasMinMax() {
		t.Fatal("the chunk has bounds, which order bytes as unsigned")
	}
}

func TestWhatCannotBeWrittenIsRefused(t *testing.T) {
	text := arrow.BinaryTypes.String
	tests := map[string]*arrow.Schema{
		"no schema":        nil,
		"no column":        arrow.NewSchema(nil, nil),
		"unsigned":         arrow.NewSchema([]arrow.Field{nullable("a", arrow.PrimitiveTypes.Uint64)}, nil),
		"stamp in seconds": arrow.NewSchema([]arrow.Field{nullable("a", arrow.FixedWidthTypes.Timestamp_s)}, nil),
		"stamp of no zone": arrow.NewSchema([]arrow.Field{nullable("a", &arrow.TimestampType{Unit: arrow.Microsecond})}, nil),
		"same name":        arrow.NewSchema([]arrow.Field{nullable("a", text), nullable("A", text)}, nil),
		"name with a dot":  arrow.NewSchema([]arrow.Field{nullable("a.b", text)}, nil),
		"empty struct":     arrow.NewSchema([]arrow.Field{nullable("a", arrow.StructOf())}, nil),
		"scale too large":  arrow.NewSchema([]arrow.Field{nullable("a", &arrow.Decimal128Type{Precision: 3, Scale: 4})}, nil),
		"deep inside": arrow.NewSchema([]arrow.Field{nullable("a",
			arrow.ListOfField(nullable("element", arrow.StructOf(nullable("b", arrow.PrimitiveTypes.Int8)))))}, nil),
	}
	for name, schema := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := newLayout(schema); err == nil {
				t.Fatal("accepted")
			}
		})
	}
}
