package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestTheViewsGiveTheNewestRowAndTheStatuses runs two nights, between which one demande of two changes its status.
func TestTheViewsGiveTheNewestRowAndTheStatuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	night := func(name, status, more string) string {
		path := filepath.Join(folder, name)
		document := `{"numero_demande":"N%d","type_demande":{"code":"CHF"},"statut_externe_demande":{"code":"%s","libelle":"l"}%s}` + "\n"
		text := fmt.Sprintf(document, 1, status, more) + fmt.Sprintf(document, 2, "A", "")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	list := filepath.Join(folder, "list.txt")
	if err := os.WriteFile(list, []byte("N1\nN2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	first := served(t, "--gateway", "none", "--corpus", night("first.ndjson", "A", ""))
	first.run(0, "--list", list, "--rate", "50")
	second := served(t, "--gateway", "none", "--corpus", night("second.ndjson", "B", `,"nouveau_champ":7`))
	second.out, second.state = first.out, first.state
	second.run(0, "--list", list, "--rate", "50", "--refresh", "all")
	second.verify()
	db := views(t, second.out)
	for query, want := range map[string]string{
		"SELECT string_agg(numero_demande || statut_externe_demande__code || ifnull(nouveau_champ::VARCHAR, '-'), ' ' ORDER BY _recupere_le, numero_demande) FROM demande_chf":                                  "N1A- N2A- N1B7",
		"SELECT string_agg(numero_demande || statut_externe_demande__code, ' ' ORDER BY numero_demande) FROM demande_chf_courant":                                                                               "N1B N2A",
		"SELECT string_agg(numero_demande || statut_externe_demande__code, ' ' ORDER BY numero_demande, premiere_vue) FROM historique_statuts":                                                                  "N1A N1B N2A",
		"SELECT count(corps) || ' of ' || count(*) || ' of ' || count(DISTINCT _sha256) FROM reponses":                                                                                                          "3 of 4 of 3",
		"SELECT count(*)::VARCHAR FROM reponses r JOIN demande_chf d USING (numero_demande, _sha256) WHERE r.corps IS NOT NULL AND d.numero_demande = json_extract_string(decode(r.corps), '$.numero_demande')": "3",
	} {
		var got string
		if err := db.QueryRow(query).Scan(&got); err != nil {
			t.Errorf("%s: %v", query, err)
		} else if got != want {
			t.Errorf("%s\ngives %q, want %q", query, got, want)
		}
	}
}
