package sink

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// The columns that the views rely on. A table that lacks one has no such view.
const (
	columnNumero  = "numero_demande"
	columnFetched = "_recupere_le"
	columnLot     = "_lot"
	columnStatus  = "statut_externe_demande__code"
	columnLabel   = "statut_externe_demande__libelle"
)

const (
	kindDemande    = "demande"
	currentSuffix  = "_courant"
	historyView    = "historique_statuts"
	duckdbPreamble = "-- Written anew by omega-export with each lot: changes made here do not last.\n"
)

// writeSQL writes the SQL of all tables anew.
func writeSQL(ctx context.Context, in storage, lot string) error {
	names, err := stems(ctx, in, tablesFolder)
	if err != nil {
		return err
	}
	var tables []*PublishedTable
	for _, name := range names {
		table, err := readPointer(ctx, in, name)
		if err != nil {
			return err
		}
		tables = append(tables, table)
	}
	if err := writeAll(ctx, in, duckdbName, lot, []byte(duckdbSQL(in, tables))); err != nil {
		return err
	}
	return writeAll(ctx, in, bigqueryName, lot, []byte(bigquerySQL(in, tables)))
}

// duckdbSQL defines a view a table, the newest rows of each demande table, and the history of the statuses.
func duckdbSQL(in storage, tables []*PublishedTable) string {
	var sql strings.Builder
	sql.WriteString(duckdbPreamble)
	taken := map[string]bool{historyView: true}
	for _, table := range tables {
		taken[table.Name] = true
	}
	for _, table := range tables {
		sql.WriteString("\n")
		sql.WriteString(tableView(in, table))
		sql.WriteString(columnComments(table))
		current := table.Name + currentSuffix
		if table.Kind == kindDemande && !taken[current] && table.has(columnNumero, columnFetched, columnLot) {
			sql.WriteString(currentView(current, table.Name))
		}
	}
	sql.WriteString(statusView(tables))
	return sql.String()
}

func (t *PublishedTable) has(columns ...string) bool {
	for _, column := range columns {
		if !slices.ContainsFunc(t.Schema, func(line string) bool { return strings.HasPrefix(line, column+" ") }) {
			return false
		}
	}
	return true
}

func tableView(in storage, table *PublishedTable) string {
	var sql strings.Builder
	fmt.Fprintf(&sql, "CREATE OR REPLACE VIEW %s AS SELECT * FROM read_parquet([\n", identifier(table.Name))
	for i, file := range table.Files {
		sql.WriteString("    " + literal(in.URI(file.Path)))
		if i < len(table.Files)-1 {
			sql.WriteByte(',')
		}
		sql.WriteByte('\n')
	}
	fmt.Fprintf(&sql, "], union_by_name = true, hive_partitioning = true, hive_types = {%s: DATE});\n", literal(partitionColumn))
	return sql.String()
}

// columnComments tells what the columns are, where it is known.
func columnComments(table *PublishedTable) string {
	var sql strings.Builder
	for _, column := range table.sqlColumns() {
		description := strings.ReplaceAll(column.description, "\x00", "")
		if description != "" {
			fmt.Fprintf(&sql, "COMMENT ON COLUMN %s.%s IS %s;\n", identifier(table.Name), identifier(column.name), literal(description))
		}
	}
	return sql.String()
}

func currentView(name, table string) string {
	return fmt.Sprintf("CREATE OR REPLACE VIEW %s AS SELECT * FROM %s\n"+
		"QUALIFY row_number() OVER (PARTITION BY %s ORDER BY %s DESC, %s DESC) = 1;\n",
		identifier(name), identifier(table), identifier(columnNumero), identifier(columnFetched), identifier(columnLot))
}

// statusView tells each number's statuses over time. A row of a demande table stands for a change of the document, of
// which most leave the status as it is; so consecutive rows of one status are one line. A status that comes back has a
// line of its own.
func statusView(tables []*PublishedTable) string {
	var selects []string
	for _, table := range tables {
		if table.Kind == kindDemande && table.has(columnNumero, columnFetched, columnLot, columnStatus, columnLabel) {
			selects = append(selects, fmt.Sprintf("    SELECT %s AS \"table\", %s, %s, %s, %s, %s FROM %s", literal(table.Name),
				identifier(columnNumero), identifier(columnFetched), identifier(columnLot),
				identifier(columnStatus), identifier(columnLabel), identifier(table.Name)))
		}
	}
	if len(selects) == 0 {
		return ""
	}
	return "\nCREATE OR REPLACE VIEW " + identifier(historyView) + " AS\nWITH lignes AS (\n" +
		strings.Join(selects, "\n    UNION ALL\n") + `
), changements AS (
    SELECT *, "statut_externe_demande__code" IS DISTINCT FROM lag("statut_externe_demande__code") OVER w
        OR row_number() OVER w = 1 AS change
    FROM lignes WINDOW w AS (PARTITION BY "numero_demande", "table" ORDER BY "_recupere_le", "_lot")
), periodes AS (
    SELECT *, count(*) FILTER (WHERE change) OVER (
        PARTITION BY "numero_demande", "table" ORDER BY "_recupere_le", "_lot" ROWS UNBOUNDED PRECEDING) AS periode
    FROM changements
)
SELECT "numero_demande", "table", "statut_externe_demande__code",
    last("statut_externe_demande__libelle" ORDER BY "_recupere_le", "_lot") AS "statut_externe_demande__libelle",
    min("_recupere_le") AS "premiere_vue", max("_recupere_le") AS "derniere_vue"
FROM periodes GROUP BY "numero_demande", "table", periode, "statut_externe_demande__code";
`
}

// identifier quotes a name, and literal a text, as SQL wants them.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
