package sink

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// content is what a test publishes of a table.
type content struct {
	table, kind string
	columns     string
	schema      *arrow.Schema
	rows        string // JSON, or "" for none
}

func demandes(table, columns, rows string) content {
	text := arrow.BinaryTypes.String
	return content{table: table, kind: "demande", columns: columns, rows: rows, schema: arrow.NewSchema([]arrow.Field{
		nullable("numero_demande", text), nullable("_recupere_le", arrow.FixedWidthTypes.Timestamp_us), nullable("_lot", text),
		nullable("statut_externe_demande__code", text), nullable("statut_externe_demande__libelle", text),
	}, nil)}
}

func reponses(rows string) content {
	return content{table: "reponses", kind: "reponses", rows: rows, schema: arrow.NewSchema([]arrow.Field{
		nullable("numero_demande", arrow.BinaryTypes.String), nullable("corps", arrow.BinaryTypes.Binary),
	}, nil)}
}

const (
	firstLot  = "20261123-120000-1"
	secondLot = "20261124-120000-2"
)

func infoOf(lot string) LotInfo {
	day := lot[:4] + "-" + lot[4:6] + "-" + lot[6:8]
	sealed, err := time.Parse("20060102-150405", lot[:15])
	if err != nil {
		panic(err)
	}
	return LotInfo{Name: lot, DateExport: day, Mode: "reel", SealedAt: sealed}
}

// contentsOf is what a lot of the tests holds: the second adds a table and columns.
func contentsOf(lot string) []content {
	if lot == firstLot {
		return []content{
			demandes("demande_chf", `[{"name":"a<b"}]`, `[
				{"numero_demande": "D1", "_recupere_le": "2026-11-23 10:00:00", "_lot": "1", "statut_externe_demande__code": "A", "statut_externe_demande__libelle": "Reçue"},
				{"numero_demande": "D2", "_recupere_le": "2026-11-23 10:00:01", "_lot": "1", "statut_externe_demande__code": "A", "statut_externe_demande__libelle": "Reçue"}]`),
			reponses(`[{"numero_demande": "D1", "corps": "e30="}, {"numero_demande": "D2", "corps": null}]`),
			{table: "rejets", kind: "rejets", schema: reponses("").schema},
		}
	}
	return []content{
		demandes("demande_chf", `[{"name":"a<b"},{"name":"c"}]`, `[
			{"numero_demande": "D1", "_recupere_le": "2026-11-24 10:00:00", "_lot": "2", "statut_externe_demande__code": "B", "statut_externe_demande__libelle": "Faite"}]`),
		demandes("demande_mes", `[]`, `[
			{"numero_demande": "D3", "_recupere_le": "2026-11-24 10:00:00", "_lot": "2", "statut_externe_demande__code": "A", "statut_externe_demande__libelle": "Reçue"}]`),
	}
}

// publish does as the pipeline does: nothing if the lot is there.
func publish(out *Output, lot string) error {
	published, err := out.HasLot(lot)
	if err != nil || published {
		return err
	}
	return publishAs(out, infoOf(lot), contentsOf(lot)...)
}

func publishAs(out *Output, info LotInfo, contents ...content) error {
	ctx := context.Background()
	lot, err := out.Begin(ctx, info)
	if err != nil {
		return err
	}
	defer lot.Abort()
	for _, content := range contents {
		if err := content.write(ctx, lot); err != nil {
			return err
		}
	}
	return lot.Commit(ctx)
}

func (c content) write(ctx context.Context, lot *Lot) error {
	spec := TableSpec{Name: c.table, Kind: c.kind, Schema: c.schema}
	if c.columns != "" {
		spec.Columns = json.RawMessage(c.columns)
	}
	writer, err := lot.Create(ctx, spec)
	if err != nil {
		return err
	}
	if c.rows != "" {
		record, _, err := array.RecordFromJSON(memory.DefaultAllocator, c.schema, strings.NewReader(c.rows))
		if err != nil {
			return err
		}
		if err := writer.Write(record); err != nil {
			writer.Abort()
			return err
		}
	}
	return writer.Close()
}

func mustOpen(t testing.TB, root string) *Output {
	t.Helper()
	out, err := Open(context.Background(), root)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// published is an output with the lots in it.
func published(t testing.TB, lots ...string) *Output {
	t.Helper()
	out := mustOpen(t, filepath.Join(t.TempDir(), "out"))
	for _, lot := range lots {
		if err := publish(out, lot); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// tree is all files below a folder and what is in them, the folder's own path written ROOT.
func tree(t testing.TB, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		files[filepath.ToSlash(relative)] = strings.ReplaceAll(string(content), root, "ROOT")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// difference names the files that two trees do not share.
func difference(got, want map[string]string) []string {
	var names []string
	for name, content := range got {
		if there, ok := want[name]; !ok {
			names = append(names, name+" is too many")
		} else if there != content {
			names = append(names, name+" differs")
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			names = append(names, name+" is missing")
		}
	}
	return names
}
