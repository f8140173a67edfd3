package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func verify(t testing.TB, root string) VerifyReport {
	t.Helper()
	report, err := Verify(context.Background(), root, VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestASoundOutputHasNoProblem(t *testing.T) {
	out := published(t, firstLot, secondLot)
	seen := 0
	report, err := Verify(context.Background(), out.URI(), VerifyOptions{Progress: func(done, total int, _ string) {
		if seen++; done != seen || total != 4 {
			t.Errorf("progress says %d of %d at file %d", done, total, seen)
		}
	}})
	if err != nil || !report.OK() {
		t.Fatalf("problems %+v, error %v", report.Problems, err)
	}
	if seen != 4 || report.Lots != 2 || report.Files != 4 || report.Rows != 6 || report.Mode != "reel" || len(report.Tables) != 3 {
		t.Errorf("report %+v", report)
	}
	asJSON, err := json.Marshal(report)
	if err != nil || !bytes.Contains(asJSON, []byte(`"problems":[],"left":[]`)) {
		t.Errorf("report as JSON: %s, %v", asJSON, err)
	}
}

func TestVerifyFindsEachKindOfDamage(t *testing.T) {
	data := dataName("demande_chf", "2026-11-23", firstLot)
	edit := func(name, from, to string) func(*testing.T, string) {
		return func(t *testing.T, root string) {
			rewrite(t, filepath.Join(root, name), func(content []byte) []byte {
				if !bytes.Contains(content, []byte(from)) {
					t.Fatalf("%s has no %q", name, from)
				}
				return bytes.Replace(content, []byte(from), []byte(to), 1)
			})
		}
	}
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, root string) {
			if err := os.Remove(filepath.Join(root, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := map[string]struct {
		damage  func(*testing.T, string)
		file    string
		problem string
	}{
		"a byte flipped": {func(t *testing.T, root string) {
			rewrite(t, filepath.Join(root, data), func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		}, data, "damaged"},
		"cut short": {func(t *testing.T, root string) {
			rewrite(t, filepath.Join(root, data), func(b []byte) []byte { return b[:len(b)-1] })
		}, data, "damaged"},
		"lost": {remove(data), data, "lost"},
		"foreign": {func(t *testing.T, root string) {
			content, err := os.ReadFile(filepath.Join(root, data))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, "demande_chf", "copy.parquet"), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "demande_chf/copy.parquet", "foreign"},
		"record lost":           {remove(recordName(firstLot)), data, "foreign"},
		"record unreadable":     {edit(recordName(firstLot), "{", "["), recordName(firstLot), "damaged commit record"},
		"record leads out":      {edit(recordName(firstLot), data, "../../etc/passwd"), recordName(firstLot), "damaged commit record"},
		"record of other rows":  {edit(recordName(firstLot), `"rows":2`, `"rows":3`), data, "it has 2 rows"},
		"record of other types": {edit(recordName(firstLot), "_recupere_le TIMESTAMP", "_recupere_le DATE"), data, "its schema"},
		"record of other sum":   {edit(recordName(firstLot), `"crc32c":`, `"crc32c":0,"x":`), data, "its CRC32C"},
		"record of other mode":  {edit(recordName(secondLot), `"reel"`, `"simule"`), recordName(secondLot), "its mode"},
		"pointer lost":          {remove(pointerName("demande_chf")), pointerName("demande_chf"), "it does not name"},
		"pointer unreadable":    {edit(pointerName("demande_chf"), "{", "["), pointerName("demande_chf"), "damaged pointer"},
		"pointer of other rows": {edit(pointerName("demande_chf"), `"rows":3`, `"rows":4`), pointerName("demande_chf"), "it says 4 rows"},
		"pointer of other file": {edit(pointerName("demande_chf"), firstLot+".parquet", "x.parquet"), pointerName("demande_chf"), "it names"},
		"pointer of other sum":  {edit(pointerName("demande_chf"), `"sha256":"`, `"sha256":"0`), pointerName("demande_chf"), "what it says of"},
		"pointer of other columns": {
			edit(pointerName("demande_chf"), `{"name":"c"}`, `{"name":"d"}`), pointerName("demande_chf"), "its columns",
		},
		"manifest edited": {edit(manifestName("demande_chf"), firstLot, secondLot), manifestName("demande_chf"), "it does not follow"},
		"manifest lost":   {remove(manifestName("reponses")), manifestName("reponses"), "lost"},
		"SQL edited":      {edit(duckdbName, "SELECT", "select"), duckdbName, "it does not follow"},
		"cut short before the pointers": {func(t *testing.T, root string) {
			if err := os.WriteFile(filepath.Join(root, intentName), []byte(`{"lot":"`+secondLot+`","mode":"reel"}`), 0o600); err != nil {
				t.Fatal(err)
			}
		}, intentName, "the publication"},
	}
	before := tree(t, published(t, firstLot, secondLot).URI())
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := plant(t, before)
			test.damage(t, root)
			problems := verify(t, root).Problems
			for _, problem := range problems {
				if problem.File == test.file && strings.HasPrefix(problem.Problem, test.problem) {
					return
				}
			}
			t.Errorf("problems %+v, want %q of %s", problems, test.problem, test.file)
		})
	}
}

func rewrite(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A file may be damaged in such a way that its sums agree: if it was damaged before it was summed.
func TestWhatIsNoParquetIsToldWhateverItsSums(t *testing.T) {
	out := published(t, firstLot)
	record, err := readRecord(context.Background(), out.storage, firstLot)
	if err != nil {
		t.Fatal(err)
	}
	want := record.Files[0]
	path := filepath.Join(out.URI(), want.Path)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]byte{
		"empty": {}, "text": []byte("PAR1 and nothing that follows from it PAR1"), "no footer": whole[:len(whole)-8],
		"no data": append([]byte("PAR1"), whole[len(whole)-600:]...),
		"zeros":   append(bytes.Repeat([]byte{0}, 400), whole[400:]...),
	}
	for name, content := range tests {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		sum := digestOf(content)
		want.Bytes, want.SHA256, want.CRC32C = sum.Bytes, sum.SHA256, sum.CRC32C
		found, err := checkFile(context.Background(), out.storage, &want)
		if err != nil || found == "" {
			t.Errorf("%s: found %q, %v", name, found, err)
		}
	}
}

func TestVerifyOfNothingIsAnError(t *testing.T) {
	if _, err := Verify(context.Background(), filepath.Join(t.TempDir(), "none"), VerifyOptions{}); err == nil {
		t.Fatal("no error")
	}
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	out := published(t, firstLot)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Verify(ctx, out.URI(), VerifyOptions{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
}

func TestVerifyChangesNothing(t *testing.T) {
	out := published(t, firstLot)
	before := tree(t, out.URI())
	verify(t, out.URI())
	if found := difference(tree(t, out.URI()), before); found != nil {
		t.Errorf("after verifying: %v", found)
	}
}
