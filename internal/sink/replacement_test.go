package sink

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"golang.org/x/sync/errgroup"
)

// lateLot is published while tables are being replaced.
const lateLot = "20261125-120000-3"

func lateContents() []content {
	return []content{
		demandes("demande_chf", `[{"name":"a<b"},{"name":"c"}]`, `[
			{"numero_demande": "D7", "_recupere_le": "2026-11-25 10:00:00", "_lot": "3", "statut_externe_demande__code": "A", "statut_externe_demande__libelle": "Reçue"}]`),
		reponses(`[{"numero_demande": "D7", "corps": "e30="}]`),
	}
}

func replacementInfo(name string, grace time.Duration) ReplacementInfo {
	return ReplacementInfo{Name: name, Mode: "reel", Grace: grace}
}

// anew is a lot's tables of demandes as a replacement builds them: with a column more.
func anew(lot string) []content {
	contents := lateContents()
	if lot != lateLot {
		contents = contentsOf(lot)
	}
	contents = slices.DeleteFunc(contents, func(c content) bool { return c.kind != "demande" })
	for i := range contents {
		fields := append(contents[i].schema.Fields(), nullable("nouvelle", arrow.BinaryTypes.String))
		contents[i].schema = arrow.NewSchema(fields, nil)
		contents[i].columns = `[{"name":"nouvelle","description":"Une colonne nouvelle"}]`
	}
	return contents
}

// rebuild writes a lot's rows anew.
func rebuildLot(ctx context.Context, r *Replacement, lot string) error {
	for _, content := range anew(lot) {
		if err := content.writeAnew(ctx, r, infoOf(lot).DateExport); err != nil {
			return err
		}
	}
	return nil
}

func (c content) writeAnew(ctx context.Context, r *Replacement, day string) error {
	writer, err := r.Create(ctx, TableSpec{Name: c.table, Kind: c.kind, Schema: c.schema, Columns: json.RawMessage(c.columns)}, day)
	if err != nil {
		return err
	}
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, c.schema, strings.NewReader(c.rows))
	if err != nil {
		return err
	}
	if err := writer.Write(record); err != nil {
		writer.Abort()
		return err
	}
	return writer.Close()
}

// replaceAs replaces the tables of demandes by those of the lots, built anew; meanwhile is done in between.
func replaceAs(out *Output, info ReplacementInfo, meanwhile func() error, lots ...string) error {
	ctx := context.Background()
	r, err := out.Replace(ctx, info)
	if err != nil {
		return err
	}
	defer r.Abort()
	for _, lot := range lots {
		if err := rebuildLot(ctx, r, lot); err != nil {
			return err
		}
	}
	if err := meanwhile(); err != nil {
		return err
	}
	return r.Commit(ctx, []string{"demande_chf", "demande_mes"}, func(ctx context.Context, files []ArchiveFile) error {
		for _, file := range files {
			if err := rebuildLot(ctx, r, file.Lot); err != nil {
				return err
			}
		}
		return nil
	})
}

func nothing() error { return nil }

func replace(t testing.TB, out *Output, name string, grace time.Duration) {
	t.Helper()
	if err := replaceAs(out, replacementInfo(name, grace), nothing, firstLot, secondLot); err != nil {
		t.Fatal(err)
	}
}

func sound(t testing.TB, out *Output) {
	t.Helper()
	report := verify(t, out.URI())
	for _, problem := range report.Problems {
		t.Errorf("problem %+v", problem)
	}
	for _, left := range report.Left {
		t.Errorf("left %+v", left)
	}
}

func tableOf(t testing.TB, out *Output, name string) *PublishedTable {
	t.Helper()
	table, err := out.Table(name)
	if err != nil || table == nil {
		t.Fatalf("table %s: %+v, %v", name, table, err)
	}
	return table
}

func pathsOf(table *PublishedTable) []string {
	var paths []string
	for _, file := range table.Files {
		paths = append(paths, file.Path)
	}
	return paths
}

func TestAReplacementTakesThePlaceOfWholeTables(t *testing.T) {
	out := published(t, firstLot, secondLot)
	replace(t, out, "r1", 0)
	sound(t, out)
	table := tableOf(t, out, "demande_chf")
	want := []string{
		"demande_chf/date_export=2026-11-23/r1_1.parquet",
		"demande_chf/date_export=2026-11-24/r1_1.parquet",
	}
	if !slices.Equal(pathsOf(table), want) || table.Rows != 3 || len(table.Schema) != 6 || !strings.Contains(string(table.Columns), "nouvelle") {
		t.Errorf("table %+v", table)
	}
	for _, lot := range []string{firstLot, secondLot} {
		if there, err := out.HasLot(lot); !there || err != nil {
			t.Errorf("HasLot(%s) says %v, %v of a lot whose tables were replaced", lot, there, err)
		}
	}
	onlyPointed(t, out)
	var names []string
	for name := range tree(t, out.URI()) {
		if !strings.HasSuffix(name, ".parquet") && strings.HasPrefix(name, "_lots/.") || strings.HasPrefix(name, "_replacements") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if left := []string{"_lots/.lock", "_lots/.replacing", "_replacements/r1.json"}; !slices.Equal(names, left) {
		t.Errorf("what the replacement left is %v, want %v", names, left)
	}
	// A second one replaces the first.
	replace(t, out, "r2", 0)
	sound(t, out)
	onlyPointed(t, out)
	if files := pathsOf(tableOf(t, out, "demande_chf")); !strings.HasSuffix(files[0], "/r2_1.parquet") {
		t.Errorf("files %v", files)
	}
}

// onlyPointed sees that a reader that globs finds what one that goes through the pointers does.
func onlyPointed(t testing.TB, out *Output) {
	t.Helper()
	named, err := out.pointed(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	files, err := dataFiles(context.Background(), out.storage, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !named[file] {
			t.Errorf("%s stands, and no pointer names it", file)
		}
		delete(named, file)
	}
	for file := range named {
		t.Errorf("%s is pointed to and gone", file)
	}
}

func TestALotPublishedMeanwhileIsNotLost(t *testing.T) {
	out := published(t, firstLot, secondLot)
	other := mustOpen(t, out.URI())
	err := replaceAs(out, replacementInfo("r1", 0), func() error { return publishAs(other, infoOf(lateLot), lateContents()...) }, firstLot, secondLot)
	if err != nil {
		t.Fatal(err)
	}
	sound(t, out)
	table := tableOf(t, out, "demande_chf")
	if table.Rows != 4 || len(table.Files) != 3 || table.Files[2].Lot != "r1" {
		t.Errorf("table %+v", table)
	}
	// And one published afterwards is added.
	last := infoOf(lateLot)
	last.Name += "-last"
	if err := publishAs(out, last, lateContents()...); err != nil {
		t.Fatal(err)
	}
	sound(t, out)
	if table := tableOf(t, out, "demande_chf"); table.Rows != 5 || len(table.Files) != 4 || len(table.Schema) != 6 {
		t.Errorf("after one more lot, which lacks the new column: %+v", table)
	}
}

func TestLotsArePublishedWhileTablesAreWritten(t *testing.T) {
	out := published(t, firstLot, secondLot)
	ctx := context.Background()
	r, err := out.Replace(ctx, replacementInfo("r1", 0))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Abort()
	var group errgroup.Group
	for _, lot := range []string{firstLot, secondLot} {
		group.Go(func() error { return rebuildLot(ctx, r, lot) })
	}
	const lots = 5
	group.Go(func() error {
		other, err := Open(ctx, out.URI())
		for i := 0; err == nil && i < lots; i++ {
			info := infoOf(lateLot)
			info.Name += string(rune('a' + i))
			err = publishAs(other, info, lateContents()...)
		}
		return err
	})
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	sound(t, out) // the replacement's files are not foreign
	err = r.Commit(ctx, nil, func(ctx context.Context, files []ArchiveFile) error {
		for range files {
			if err := rebuildLot(ctx, r, lateLot); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sound(t, out)
	onlyPointed(t, out)
	table := tableOf(t, out, "demande_chf")
	if table.Rows != 3+lots || r.Rows("demande_chf") != 3+lots {
		t.Errorf("%d rows of %d written, want %d", table.Rows, r.Rows("demande_chf"), 3+lots)
	}
	if last := table.Files[len(table.Files)-1].Path; last != "demande_chf/date_export=2026-11-25/r1_5.parquet" {
		t.Errorf("the last file is %s", last)
	}
}

func TestReplacedFilesStayForTheirGrace(t *testing.T) {
	now := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	root := published(t, firstLot, secondLot).URI()
	reopen := func() *Output {
		out, err := open(context.Background(), root, hastyDisk{}, clock)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	old := filepath.Join(root, dataName("demande_chf", "2026-11-23", firstLot))
	replace(t, reopen(), "r1", time.Hour)
	for _, waited := range []time.Duration{0, 59 * time.Minute} {
		now = now.Add(waited)
		sound(t, reopen())
		if _, err := os.Stat(old); err != nil {
			t.Fatalf("after %v: %v", waited, err)
		}
	}
	// A second replacement, which leaves its own a shorter time.
	replace(t, reopen(), "r2", time.Second)
	now = now.Add(30 * time.Second)
	sound(t, reopen())
	if _, err := os.Stat(filepath.Join(root, "demande_chf/date_export=2026-11-23/r1_1.parquet")); !os.IsNotExist(err) {
		t.Errorf("the second's is still there: %v", err)
	}
	if _, err := os.Stat(old); err != nil {
		t.Errorf("the first's is gone: %v", err)
	}
	now = now.Add(time.Minute)
	out := reopen()
	sound(t, out)
	onlyPointed(t, out)
	if _, err := os.Stat(filepath.Join(root, supersededName)); !os.IsNotExist(err) {
		t.Errorf("the list of what waits is still there: %v", err)
	}
}

func TestAFileThatAPointerNamesIsNeverRemoved(t *testing.T) {
	out := published(t, firstLot)
	name := dataName("demande_chf", "2026-11-23", firstLot)
	if err := writeSuperseded(context.Background(), out.storage, []superseded{{Path: name}}); err != nil {
		t.Fatal(err)
	}
	sound(t, mustOpen(t, out.URI()))
	for _, path := range []string{"../x", "_lots/date_export=2026-11-23/l.parquet", recordName(firstLot), "demande_chf/date_export=2026-11-23/../l.parquet"} {
		if err := writeSuperseded(context.Background(), out.storage, []superseded{{Path: path}}); err != nil {
			t.Fatal(err)
		}
		if err := out.removeDue(context.Background()); err == nil {
			t.Errorf("%s: accepted", path)
		}
	}
}

func TestWhatMayNotBeReplaced(t *testing.T) {
	ctx := context.Background()
	t.Run("by two at once", func(t *testing.T) {
		t.Parallel()
		out := published(t, firstLot)
		r, err := out.Replace(ctx, replacementInfo("r1", 0))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := mustOpen(t, out.URI()).Replace(ctx, replacementInfo("r2", 0)); !errors.Is(err, ErrReplacing) {
			t.Errorf("error %v, want ErrReplacing", err)
		}
		r.Abort()
		replace(t, out, "r2", 0)
	})
	t.Run("by the same again", func(t *testing.T) {
		out := published(t, firstLot, secondLot)
		replace(t, out, "r1", 0)
		if _, err := out.Replace(ctx, replacementInfo("r1", 0)); !errors.Is(err, ErrPublished) {
			t.Errorf("error %v, want ErrPublished", err)
		}
		replace(t, out, "r2", 0) // nothing is locked
	})
	t.Run("by the other mode", func(t *testing.T) {
		info := replacementInfo("r1", 0)
		info.Mode = "simule"
		if _, err := published(t, firstLot).Replace(ctx, info); !errors.Is(err, ErrMode) {
			t.Errorf("error %v, want ErrMode", err)
		}
	})
	t.Run("the archive", func(t *testing.T) {
		r, err := published(t, firstLot).Replace(ctx, replacementInfo("r1", 0))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Abort()
		if _, err := r.Create(ctx, TableSpec{Name: archiveTable, Kind: "reponses", Schema: reponses("").schema}, "2026-11-23"); err == nil {
			t.Error("accepted")
		}
	})
	t.Run("by nothing", func(t *testing.T) {
		out := published(t, firstLot, secondLot)
		before := tree(t, out.URI())
		if err := replaceAs(out, replacementInfo("r1", 0), nothing, firstLot); err == nil || !strings.Contains(err.Error(), "demande_mes") {
			t.Errorf("error %v, want that demande_mes would have no rows", err)
		}
		sameBut(t, out, before, replacingName)
	})
	t.Run("by what late arrivals refuse", func(t *testing.T) {
		out := published(t, firstLot, secondLot)
		before := tree(t, out.URI())
		r, err := out.Replace(ctx, replacementInfo("r1", 0))
		if err != nil {
			t.Fatal(err)
		}
		if err := rebuildLot(ctx, r, firstLot); err != nil {
			t.Fatal(err)
		}
		if err := r.Commit(ctx, nil, func(context.Context, []ArchiveFile) error { return errFault }); !errors.Is(err, errFault) {
			t.Errorf("error %v", err)
		}
		sameBut(t, out, before, replacingName)
	})
	for name, info := range map[string]ReplacementInfo{
		"by a name that leads out": {Name: "../x", Mode: "reel"}, "by a name with an underscore": {Name: "a_b", Mode: "reel"},
		"by no mode": {Name: "r1"}, "with less than no grace": {Name: "r1", Mode: "reel", Grace: -1},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := published(t, firstLot).Replace(ctx, info); err == nil {
				t.Error("accepted")
			}
		})
	}
}

// sameBut sees that an output is as it was, but for files that may have come.
func sameBut(t *testing.T, out *Output, before map[string]string, come ...string) {
	t.Helper()
	after := tree(t, out.URI())
	for _, name := range come {
		delete(after, name)
	}
	if found := difference(after, before); found != nil {
		t.Errorf("it is not as it was: %v", found)
	}
}

func TestATableOfWhichAFileWasGivenUpIsNotPublishedUnlessDropped(t *testing.T) {
	ctx := context.Background()
	for _, drop := range []bool{false, true} {
		out := published(t, firstLot, secondLot)
		r, err := out.Replace(ctx, replacementInfo("r1", 0))
		if err != nil {
			t.Fatal(err)
		}
		if err := rebuildLot(ctx, r, firstLot); err != nil {
			t.Fatal(err)
		}
		if err := rebuildLot(ctx, r, firstLot); err != nil {
			t.Fatal(err)
		}
		spec := TableSpec{Name: "demande_chf", Kind: "demande", Schema: anew(firstLot)[0].schema}
		writer, err := r.Create(ctx, spec, "2026-11-23")
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Drop(ctx, "demande_chf"); err == nil {
			t.Fatal("a table was dropped while it was written")
		}
		writer.Abort()
		if drop {
			if err := r.Drop(ctx, "demande_chf"); err != nil {
				t.Fatal(err)
			}
			if rows := r.Rows("demande_chf"); rows != 0 {
				t.Errorf("%d rows are left", rows)
			}
			if err := rebuildLot(ctx, r, secondLot); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Commit(ctx, nil, nil); (err == nil) != drop {
			t.Fatalf("dropped: %v, committed: %v", drop, err)
		}
		sound(t, out)
		onlyPointed(t, out)
	}
}

func TestTablesOfAnotherOutput(t *testing.T) {
	ctx := context.Background()
	elsewhere := func(name, mode string) ReplacementInfo {
		return ReplacementInfo{Name: name, Mode: mode, FromElsewhere: true}
	}
	if _, err := published(t, firstLot).Replace(ctx, elsewhere("r1", "reel")); !errors.Is(err, ErrHasLots) {
		t.Fatalf("error %v, want ErrHasLots", err)
	}
	out := published(t)
	for _, name := range []string{"r1", "r2"} {
		if err := replaceAs(out, elsewhere(name, "simule"), nothing, firstLot, secondLot); err != nil {
			t.Fatal(err)
		}
		sound(t, out)
		onlyPointed(t, out)
		if mode, err := out.Mode(ctx); mode != "simule" || err != nil {
			t.Errorf("mode %q, %v", mode, err)
		}
	}
	if report := verify(t, out.URI()); report.Lots != 0 || report.Replacements != 2 || report.Rows != 4 || report.Mode != "simule" {
		t.Errorf("report %+v", report)
	}
	if err := publish(out, firstLot); !errors.Is(err, ErrMode) {
		t.Errorf("error %v, want ErrMode", err)
	}
	// A lot of its own that comes meanwhile is not lost.
	out = published(t)
	err := replaceAs(out, elsewhere("r1", "reel"), func() error { return publish(out, firstLot) }, firstLot, secondLot)
	if !errors.Is(err, ErrHasLots) {
		t.Errorf("error %v, want ErrHasLots", err)
	}
	sound(t, out)
	onlyPointed(t, out)
}

// A process that is killed closes its locks and does no more.
func TestWhatAKilledReplacementLeftIsRemoved(t *testing.T) {
	ctx := context.Background()
	next := map[string]func(t *testing.T, out *Output){
		"Open": func(t *testing.T, out *Output) { mustOpen(t, out.URI()) },
		"Replace": func(t *testing.T, out *Output) {
			r, err := out.Replace(ctx, replacementInfo("r2", 0))
			if err != nil {
				t.Fatal(err)
			}
			r.Abort()
		},
	}
	for name, next := range next {
		t.Run(name, func(t *testing.T) {
			out := published(t, firstLot)
			before := tree(t, out.URI())
			r, err := out.Replace(ctx, replacementInfo("r1", 0))
			if err != nil {
				t.Fatal(err)
			}
			if err := rebuildLot(ctx, r, secondLot); err != nil {
				t.Fatal(err)
			}
			aside := filepath.Join(out.URI(), "demande_chf/date_export=2026-11-24", temporaryPrefix+replacementMark("r1")+"123")
			if err := os.WriteFile(aside, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			// Alive, nobody touches what it has.
			living := tree(t, out.URI())
			sound(t, mustOpen(t, out.URI()))
			if found := difference(tree(t, out.URI()), living); found != nil {
				t.Errorf("while it is written: %v", found)
			}
			r.unlock()
			if report := verify(t, out.URI()); !report.OK() || len(report.Left) != 2 || report.Left[0].Of != "r1" {
				t.Errorf("after the kill: %+v", report)
			}
			next(t, out)
			sameBut(t, out, before, replacingName)
			sound(t, out)
		})
	}
}

// FuzzReplacementsStayInTheOutput: whatever a replacement's record says, it names no file outside of the tables.
func FuzzReplacementsStayInTheOutput(f *testing.F) {
	for _, path := range []string{"demande_chf/date_export=2026-11-23/r_1.parquet", "../x", "_lots/date_export=2026-11-23/r_1.parquet", "demande_chf/date_export=2026-11-23/r.parquet"} {
		table, _, _ := strings.Cut(path, "/")
		content, err := encodeJSON(replacementRecord{
			Version: 1, Name: "r", Files: []replacementFile{{recordFile: recordFile{Path: path, Table: table}, DateExport: "2026-11-23"}},
			Replaces: map[string][]string{table: {strings.Replace(path, "r_1", "l", 1)}},
		})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content, "r")
	}
	f.Fuzz(func(t *testing.T, content []byte, name string) {
		var record replacementRecord
		if json.Unmarshal(content, &record) != nil || record.check(name) != nil {
			return
		}
		var paths []string
		for _, file := range record.Files {
			paths = append(paths, file.Path)
		}
		for _, replaced := range record.Replaces {
			paths = append(paths, replaced...)
		}
		for _, path := range paths {
			folder, _, _ := strings.Cut(path, "/")
			if !filepath.IsLocal(path) || isOurs(folder) || strings.Count(path, "/") != 2 {
				t.Errorf("accepted %q", path)
			}
		}
	})
}
