package sink

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

func TestALotStandsWhereTheDesignSays(t *testing.T) {
	out := published(t, firstLot, secondLot)
	files := tree(t, out.URI())
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{
		"_lots/.lock", "_lots/20261123-120000-1.json", "_lots/20261124-120000-2.json", "_sql/bigquery.sql", "_sql/duckdb.sql",
		"_tables/demande_chf.files", "_tables/demande_chf.json", "_tables/demande_mes.files", "_tables/demande_mes.json",
		"_tables/reponses.files", "_tables/reponses.json",
		"demande_chf/date_export=2026-11-23/20261123-120000-1.parquet",
		"demande_chf/date_export=2026-11-24/20261124-120000-2.parquet",
		"demande_mes/date_export=2026-11-24/20261124-120000-2.parquet",
		"reponses/date_export=2026-11-23/20261123-120000-1.parquet",
	}
	if !slices.Equal(names, want) {
		t.Errorf("files\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
	manifest := "ROOT/demande_chf/date_export=2026-11-23/20261123-120000-1.parquet\n" +
		"ROOT/demande_chf/date_export=2026-11-24/20261124-120000-2.parquet\n"
	if got := files["_tables/demande_chf.files"]; got != manifest {
		t.Errorf("manifest\n%s\nwant\n%s", got, manifest)
	}
}

func TestATableIsAsItsLastLotLeftIt(t *testing.T) {
	out := published(t, firstLot, secondLot)
	table, err := out.Table("demande_chf")
	if err != nil {
		t.Fatal(err)
	}
	if string(table.Columns) != `[{"name":"a<b"},{"name":"c"}]` {
		t.Errorf("columns %s", table.Columns)
	}
	if table.Kind != "demande" || table.Rows != 3 || len(table.Files) != 2 || table.Files[0].Rows != 2 || table.Files[0].Columns != 5 {
		t.Errorf("table %+v", table)
	}
	tables, err := out.Tables()
	if want := []string{"demande_chf", "demande_mes", "reponses"}; err != nil || !slices.Equal(tables, want) {
		t.Errorf("tables %v, %v; want %v", tables, err, want)
	}
	if none, err := out.Table("rejets"); none != nil || err != nil {
		t.Errorf("a table without rows is %+v, %v; want nil", none, err)
	}
}

func TestNobodyElseReadsTheOutput(t *testing.T) {
	out := published(t, firstLot)
	err := filepath.WalkDir(out.URI(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSimulatedAndRealLotsNeverMix(t *testing.T) {
	simulated := infoOf(secondLot)
	simulated.Mode = "simule"
	out := published(t, firstLot)
	if err := publishAs(out, simulated, contentsOf(secondLot)...); !errors.Is(err, ErrMode) || !strings.Contains(err.Error(), "--out") {
		t.Errorf("error %v, want ErrMode and what to do", err)
	}
	if mode, err := out.Mode(context.Background()); mode != "reel" || err != nil {
		t.Errorf("mode %q, %v", mode, err)
	}
}

func TestAHalfPublishedLotGivesTheOutputItsMode(t *testing.T) {
	out := published(t)
	if mode, err := out.Mode(context.Background()); mode != "" || err != nil {
		t.Fatalf("mode %q, %v of an empty output", mode, err)
	}
	simulated := infoOf(firstLot)
	simulated.Mode = "simule"
	lot, err := out.Begin(context.Background(), simulated)
	if err != nil {
		t.Fatal(err)
	}
	if err := contentsOf(firstLot)[0].write(context.Background(), lot); err != nil {
		t.Fatal(err)
	}
	lot.Abort()
	if err := publish(out, secondLot); !errors.Is(err, ErrMode) {
		t.Fatalf("error %v, want ErrMode: a simulated file stands where a reader that globs sees it", err)
	}
}

func TestAPublishedLotIsNotBegunAgain(t *testing.T) {
	out := published(t, firstLot)
	if _, err := out.Begin(context.Background(), infoOf(firstLot)); !errors.Is(err, ErrPublished) {
		t.Fatalf("error %v, want ErrPublished", err)
	}
	if err := publish(out, secondLot); err != nil {
		t.Fatalf("the lock was kept: %v", err)
	}
}

func TestALotThatLostATableIsNotCommitted(t *testing.T) {
	for name, end := range map[string]func(*Writer){"open": func(*Writer) {}, "aborted": (*Writer).Abort} {
		t.Run(name, func(t *testing.T) {
			out := published(t)
			lot, err := out.Begin(context.Background(), infoOf(firstLot))
			if err != nil {
				t.Fatal(err)
			}
			table := contentsOf(firstLot)[0]
			writer, err := lot.Create(context.Background(), TableSpec{Name: table.table, Kind: table.kind, Schema: table.schema})
			if err != nil {
				t.Fatal(err)
			}
			end(writer)
			if err := lot.Commit(context.Background()); err == nil {
				t.Fatal("committed")
			}
			if there, _ := out.HasLot(firstLot); there {
				t.Fatal("the lot is published")
			}
		})
	}
}

func TestNamesThatCouldLeaveTheOutputAreRefused(t *testing.T) {
	good := TableSpec{Name: "demande_chf", Kind: "demande", Schema: contentsOf(firstLot)[0].schema}
	tests := map[string]struct {
		info func(*LotInfo)
		spec func(*TableSpec)
	}{
		"lot with a slash":   {info: func(i *LotInfo) { i.Name = "../x" }},
		"empty lot":          {info: func(i *LotInfo) { i.Name = "" }},
		"lot of 81":          {info: func(i *LotInfo) { i.Name = strings.Repeat("a", 81) }},
		"lot with a newline": {info: func(i *LotInfo) { i.Name = "a\n" }},
		"no such day":        {info: func(i *LotInfo) { i.DateExport = "2026-02-30" }},
		"date with more":     {info: func(i *LotInfo) { i.DateExport = "2026-02-03/.." }},
		"unknown mode":       {info: func(i *LotInfo) { i.Mode = "" }},
		"table with a dot":   {spec: func(s *TableSpec) { s.Name = ".." }},
		"table in capitals":  {spec: func(s *TableSpec) { s.Name = "Demande" }},
		"a folder of ours":   {spec: func(s *TableSpec) { s.Name = "_lots" }},
		"unknown kind":       {spec: func(s *TableSpec) { s.Kind = "table" }},
		"columns not JSON":   {spec: func(s *TableSpec) { s.Columns = []byte("{") }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			info, spec := infoOf(firstLot), good
			if test.info != nil {
				test.info(&info)
			}
			if test.spec != nil {
				test.spec(&spec)
			}
			out := published(t)
			lot, err := out.Begin(context.Background(), info)
			if err != nil {
				if test.info == nil {
					t.Fatal(err)
				}
				return
			}
			defer lot.Abort()
			if _, err := lot.Create(context.Background(), spec); err == nil {
				t.Fatal("accepted")
			}
		})
	}
}

func TestARecordOfAnotherSchemaIsRefused(t *testing.T) {
	out := published(t)
	lot, err := out.Begin(context.Background(), infoOf(firstLot))
	if err != nil {
		t.Fatal(err)
	}
	defer lot.Abort()
	table := contentsOf(firstLot)[0]
	writer, err := lot.Create(context.Background(), TableSpec{Name: table.table, Kind: table.kind, Schema: table.schema})
	if err != nil {
		t.Fatal(err)
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, reponses("").schema)
	if err := writer.Write(builder.NewRecord()); err == nil {
		t.Fatal("accepted")
	}
	if _, err := lot.Create(context.Background(), TableSpec{Name: table.table, Kind: table.kind, Schema: table.schema}); err == nil {
		t.Fatal("the same table was begun twice")
	}
}

// halfPublished is an output where the first lot's files stand and its record does not.
func halfPublished(t *testing.T) *Output {
	t.Helper()
	out := published(t, firstLot)
	for _, name := range []string{recordName(firstLot), pointerName("demande_chf"), pointerName("reponses"), manifestName("demande_chf"), manifestName("reponses")} {
		if err := os.Remove(filepath.Join(out.URI(), name)); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestALotHalfPublishedIsPublishedAgain(t *testing.T) {
	want := tree(t, published(t, firstLot).URI())
	out := halfPublished(t)
	kept := filepath.Join(out.URI(), dataName("reponses", "2026-11-23", firstLot))
	leftover := filepath.Join(out.URI(), dataName("demande_chf", "2026-11-23", firstLot))
	before, err := os.Stat(kept)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(leftover, []byte("of an older version of the program"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := publish(out, firstLot); err != nil {
		t.Fatal(err)
	}
	if found := difference(tree(t, out.URI()), want); found != nil {
		t.Errorf("published again: %v", found)
	}
	after, err := os.Stat(kept)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Error("a file with the same bytes was replaced")
	}
}

func TestPointersThatWereLostAreMadeAnew(t *testing.T) {
	out := published(t, firstLot, secondLot)
	want := tree(t, out.URI())
	for _, name := range []string{pointerName("demande_chf"), manifestName("reponses")} {
		if err := os.Remove(filepath.Join(out.URI(), name)); err != nil {
			t.Fatal(err)
		}
	}
	if there, err := out.HasLot(firstLot); !there || err != nil {
		t.Fatalf("HasLot says %v, %v", there, err)
	}
	if found := difference(tree(t, out.URI()), want); found != nil {
		t.Errorf("put right: %v", found)
	}
}

func TestPuttingALotRightForgetsNoOther(t *testing.T) {
	out := published(t, firstLot)
	lot, err := out.Begin(context.Background(), infoOf(secondLot))
	if err != nil {
		t.Fatal(err)
	}
	if err := contentsOf(secondLot)[0].write(context.Background(), lot); err != nil {
		t.Fatal(err)
	}
	lot.Abort()
	if err := os.Remove(filepath.Join(out.URI(), pointerName("reponses"))); err != nil {
		t.Fatal(err)
	}
	if there, err := out.HasLot(firstLot); !there || err != nil {
		t.Fatalf("HasLot says %v, %v", there, err)
	}
	if begun, err := readIntent(context.Background(), out.storage); begun == nil || begun.Lot != secondLot || err != nil {
		t.Fatalf("the note of the half published lot is %+v, %v", begun, err)
	}
}

func TestALotWithoutRowsIsPublishedToo(t *testing.T) {
	out := published(t)
	if err := publishAs(out, infoOf(firstLot)); err != nil {
		t.Fatal(err)
	}
	if there, err := out.HasLot(firstLot); !there || err != nil {
		t.Fatalf("HasLot says %v, %v", there, err)
	}
}
