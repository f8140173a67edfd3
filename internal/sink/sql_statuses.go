package sink

import (
	"fmt"
	"slices"
	"strings"
)

const (
	columnSum = "_sha256"
	// archiveLines adds, to the changes, when a document was seen again as it was. It reads no bodies.
	archiveLines = `    UNION ALL
    SELECT numero_demande, _recupere_le, _lot, NULL, NULL, NULL, 1, 0
    FROM REPONSES JOIN (SELECT DISTINCT numero_demande, _sha256 FROM lignes) AS vus USING (numero_demande, _sha256)
`
	statusesSQL = `
CREATE OR REPLACE VIEW HISTORIQUE AS
WITH lignes AS (
LIGNES
), precedentes AS (
    SELECT *, LAG(statut_externe_demande__code) OVER w AS code_precedent, LAG(nom_table) OVER w AS table_precedente,
        ROW_NUMBER() OVER w AS rang
    FROM lignes WINDOW w AS (PARTITION BY numero_demande ORDER BY _recupere_le, _lot)
), vues AS (
    SELECT numero_demande, _recupere_le, _lot, nom_table, statut_externe_demande__code, statut_externe_demande__libelle, 0 AS encore,
        CASE WHEN rang = 1 OR nom_table <> table_precedente OR statut_externe_demande__code IS DISTINCT FROM code_precedent
            THEN 1 ELSE 0 END AS change
    FROM precedentes
ENCORE), periodes AS (
    SELECT *, SUM(change) OVER (
        PARTITION BY numero_demande ORDER BY _recupere_le, _lot, encore ROWS UNBOUNDED PRECEDING) AS periode
    FROM vues
), rangees AS (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY numero_demande, periode ORDER BY encore, _recupere_le DESC, _lot DESC) AS rang
    FROM periodes
), statuts AS (
    SELECT numero_demande, periode, MAX(nom_table) AS nom_table, MAX(statut_externe_demande__code) AS statut_externe_demande__code,
        MAX(CASE WHEN rang = 1 THEN statut_externe_demande__libelle END) AS statut_externe_demande__libelle,
        MIN(_recupere_le) AS premiere_vue, MAX(_recupere_le) AS derniere_vue
    FROM rangees WHERE periode > 0 GROUP BY numero_demande, periode
), suivis AS (
    SELECT *, LEAD(premiere_vue) OVER (PARTITION BY numero_demande ORDER BY periode) AS suivante FROM statuts
)
SELECT numero_demande, nom_table AS TABLE, statut_externe_demande__code, statut_externe_demande__libelle, premiere_vue, derniere_vue,
    JOURS AS jours, suivante IS NULL AS en_cours
FROM suivis;
`
)

// statusView tells each number's statuses over time, in SQL that DuckDB and BigQuery share but for how they name things
// and subtract stamps. Its rows are of two sorts. A row of a demande table stands for a change of the document, of
// which most leave the status as it is: consecutive ones of one status are a period, and a status that comes back has a
// period of its own. An answer of the archive that equals the document of such a row stands for its having been seen
// again, which prolongs the period; without that column there are none.
func statusView(tables []*PublishedTable, name func(string) string, quote func(string) string, days string) string {
	columns := []string{columnNumero, columnFetched, columnLot, columnStatus, columnLabel}
	var told []*PublishedTable
	again := ""
	for _, table := range tables {
		if table.Kind == kindDemande && table.has(columns...) {
			told = append(told, table)
		}
		if table.Name == archiveTable && table.has(columnNumero, columnFetched, columnLot, columnSum) {
			again = strings.ReplaceAll(archiveLines, "REPONSES", name(archiveTable))
		}
	}
	if slices.ContainsFunc(told, func(table *PublishedTable) bool { return !table.has(columnSum) }) {
		again = ""
	}
	if again != "" {
		columns = append(columns, columnSum)
	}
	var selects []string
	for _, table := range told {
		selects = append(selects, fmt.Sprintf("    SELECT '%s' AS nom_table, %s FROM %s", table.Name, strings.Join(columns, ", "), name(table.Name)))
	}
	if len(selects) == 0 {
		return ""
	}
	return strings.NewReplacer(
		"HISTORIQUE", name(historyView), "LIGNES", strings.Join(selects, "\n    UNION ALL\n"), "ENCORE", again,
		"TABLE", quote("table"), "JOURS", days,
	).Replace(statusesSQL)
}

const (
	duckdbDays = "date_diff('second', premiere_vue, COALESCE(suivante, derniere_vue)) / 86400.0"
	googleDays = "TIMESTAMP_DIFF(COALESCE(suivante, derniere_vue), premiere_vue, SECOND) / 86400"
)
