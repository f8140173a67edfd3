package sink

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAPathWithAQuoteIsQuoted(t *testing.T) {
	out := mustOpen(t, filepath.Join(t.TempDir(), "l'été"))
	if err := publish(out, firstLot); err != nil {
		t.Fatal(err)
	}
	sql, err := os.ReadFile(filepath.Join(out.URI(), duckdbName))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(sql), "/l''été/reponses/") {
		t.Errorf("SQL\n%s", sql)
	}
}

func TestATableThatLacksAColumnHasNoViewsOfIt(t *testing.T) {
	file := FileEntry{Path: dataName("demande_x", "2026-11-23", "l")}
	all := &PublishedTable{Name: "demande_x", Kind: "demande", Files: []FileEntry{file}, Schema: []string{
		"numero_demande STRING", "_recupere_le TIMESTAMP", "_lot STRING",
		"statut_externe_demande__code STRING", "statut_externe_demande__libelle STRING",
	}}
	tests := map[string]struct {
		change           func(*PublishedTable)
		current, history bool
	}{
		"has all":    {func(*PublishedTable) {}, true, true},
		"no status":  {func(t *PublishedTable) { t.Schema = t.Schema[:3] }, true, false},
		"no number":  {func(t *PublishedTable) { t.Schema = t.Schema[1:] }, false, false},
		"an archive": {func(t *PublishedTable) { t.Kind = "reponses" }, false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			table := *all
			test.change(&table)
			sql := duckdbSQL(&local{root: "/out"}, []*PublishedTable{&table})
			if got := strings.Contains(sql, `VIEW "demande_x_courant"`); got != test.current {
				t.Errorf("view of the newest rows: %v\n%s", got, sql)
			}
			if got := strings.Contains(sql, `VIEW "historique_statuts"`); got != test.history {
				t.Errorf("view of the statuses: %v\n%s", got, sql)
			}
		})
	}
}

func TestATableIsNotHiddenByAView(t *testing.T) {
	schema := []string{"numero_demande STRING", "_recupere_le TIMESTAMP", "_lot STRING"}
	sql := duckdbSQL(&local{root: "/out"}, []*PublishedTable{
		{Name: "demande_x", Kind: "demande", Schema: schema}, {Name: "demande_x_courant", Kind: "demande", Schema: schema},
	})
	if strings.Count(sql, `VIEW "demande_x_courant"`) != 1 {
		t.Errorf("SQL\n%s", sql)
	}
}
