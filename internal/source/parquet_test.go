package source

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

type nullableRow struct {
	N *string `parquet:"numero_demande,optional"`
}

func TestAParquetListOfManyPagesAndGroupsIsReadInOrder(t *testing.T) {
	const rows = 20_000
	type row struct {
		Code  *string `parquet:"CODE_CDGF,optional,dict"`
		Wide  string  `parquet:"wide"`
		N     string  `parquet:"numero_demande,dict,zstd"`
		Float float64 `parquet:"float"`
	}
	var list []row
	var want []string
	for i := range rows {
		code := fmt.Sprintf("A%02d", i%7)
		r, pair := row{N: fmt.Sprintf("WD%06d", i)}, fmt.Sprintf("WD%06d", i)
		if i%3 == 0 {
			r.Code, pair = &code, pair+"/"+code
		}
		list, want = append(list, r), append(want, pair)
	}
	got := readContent(t, asParquet(t, list, parquet.PageBufferSize(3000), parquet.MaxRowsPerRowGroup(7001)))
	if got.err != nil || got.pairs() != strings.Join(want, " ") {
		t.Fatalf("%d numbers, error %v", len(got.entries), got.err)
	}
	for i, entry := range got.entries {
		if entry.Position.Line != int64(i+1) {
			t.Fatalf("row %d is told to be row %d", i+1, entry.Position.Line)
		}
	}
}

func TestAParquetColumnThatIsNoTextIsRefused(t *testing.T) {
	for name, content := range map[string]string{
		"INT64": asParquet(t, []struct {
			N int64 `parquet:"numero_demande"`
		}{{1}}),
		"BYTE_ARRAY": asParquet(t, []struct {
			N []byte `parquet:"numero_demande"`
		}{{[]byte("WD1")}}),
		"a list": asParquet(t, []struct {
			N []string `parquet:"numero_demande,list"`
		}{{[]string{"WD1"}}}),
		"repeated": asParquet(t, []struct {
			N []string `parquet:"numero_demande"`
		}{{[]string{"WD1", "WD2"}}}),
		"a timestamp": asParquet(t, []struct {
			N time.Time `parquet:"numero_demande"`
		}{{time.Unix(1, 0)}}),
		"code_cdgf": asParquet(t, []struct {
			N string `parquet:"numero_demande"`
			C int32  `parquet:"code_cdgf"`
		}{{"WD1", 4}}),
	} {
		got := readContent(t, content)
		var failure *ListError
		if !asListError(got.err, &failure) || !strings.Contains(got.err.Error(), "is not STRING but") || len(got.entries) > 0 {
			t.Errorf("%s: entries %v, error %v", name, got.entries, got.err)
		}
	}
	got := readContent(t, asParquet(t, []struct {
		N string `parquet:"numero"`
	}{{"WD1"}}))
	if got.err == nil || !strings.Contains(got.err.Error(), "no column numero_demande (found: numero)") {
		t.Errorf("error %v", got.err)
	}
}

func TestADamagedParquetListIsAListError(t *testing.T) {
	whole := asParquet(t, []parquetRow{{N: "WD1"}, {N: "WD2"}})
	for length := 5; length < len(whole); length += 3 {
		got := readContent(t, whole[:length])
		var failure *ListError
		if !asListError(got.err, &failure) || len(got.entries) > 0 {
			t.Fatalf("cut at %d: entries %v, error %v", length, got.entries, got.err)
		}
	}
	// The fuzzer found that the library allocates what the length in the footer says.
	endless := whole[:len(whole)-8] + "\xff\xff\xff\xffPAR1"
	if got := readContent(t, endless); got.err == nil || !strings.Contains(got.err.Error(), "longer than the file") {
		t.Errorf("metadata of 4 GiB: error %v", got.err)
	}
	zeroed := []byte(whole)
	clear(zeroed[4:60])
	if got := readContent(t, string(zeroed)); got.err == nil {
		t.Errorf("damaged pages: entries %v and no error", got.entries)
	}
}

func TestASpilledParquetListLeavesNoFile(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	content := asParquet(t, []parquetRow{{N: "WD1"}})
	options := Options{Stdin: strings.NewReader(gzipped(t, content)), BadLine: func(BadLine) {}}
	summary, err := Read(t.Context(), []string{"-"}, options, func(Entry) error { return os.ErrDeadlineExceeded })
	if err != os.ErrDeadlineExceeded || summary.Entries != 1 {
		t.Fatalf("summary %+v, error %v", summary, err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}

	t.Setenv("TMPDIR", folder+"/none")
	got := readLists(t, Options{Stdin: strings.NewReader(content)}, "-")
	var failure *ListError
	if !asListError(got.err, &failure) || !strings.Contains(got.err.Error(), "set TMPDIR") {
		t.Errorf("without a folder for it: %v", got.err)
	}
}

func TestOtherColumnsOfAParquetListAreNotRead(t *testing.T) {
	rows := []parquetRow{{Autre: strings.Repeat("wide ", 100), N: "WD1"}}
	whole := asParquet(t, rows)
	damaged := strings.Replace(whole, "wide wide", "\xff\xff\xff\xff\xff\xff\xff\xff\xff", 1)
	if damaged == whole {
		t.Fatal("the test does not damage the column")
	}
	if got := readContent(t, damaged); got.err != nil || got.pairs() != "WD1" {
		t.Errorf("numbers %q, error %v", got.pairs(), got.err)
	}
}
