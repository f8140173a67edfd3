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
	sql.WriteString(statusView(tables, identifier, identifier, duckdbDays))
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

// tableView reads the files that have their day from their folder, and those that have it in a column, as one table
// with the day as its last column.
func tableView(in storage, table *PublishedTable) string {
	nights, compacted := table.split()
	view := "CREATE OR REPLACE VIEW " + identifier(table.Name) + " AS SELECT * "
	if len(compacted) == 0 {
		return view + "FROM " + duckdbNights(in, nights) + ";\n"
	}
	parts := []string{"FROM " + duckdbCompacted(in, compacted)}
	if len(nights) > 0 {
		// The columns stand as in the first part, and then come those that only the other has.
		part := "FROM " + duckdbNights(in, nights)
		if table.Files[table.describing()].IsCompact() {
			parts = append(parts, part)
		} else {
			parts = []string{part + "\n", parts[0]}
		}
	}
	return fmt.Sprintf("%sEXCLUDE (%s), %s FROM (\n%s);\n", view, identifier(partitionColumn), identifier(partitionColumn),
		strings.Join(parts, "UNION ALL BY NAME "))
}

func duckdbNights(in storage, files []FileEntry) string {
	return fmt.Sprintf("read_parquet([\n%s], union_by_name = true, hive_partitioning = true, hive_types = {%s: DATE})",
		duckdbFiles(in, files), literal(partitionColumn))
}

func duckdbCompacted(in storage, files []FileEntry) string {
	return fmt.Sprintf("read_parquet([\n%s], union_by_name = true, hive_partitioning = false)\n", duckdbFiles(in, files))
}

func duckdbFiles(in storage, files []FileEntry) string {
	var sql strings.Builder
	for i, file := range files {
		sql.WriteString("    " + literal(in.URI(file.Path)))
		if i < len(files)-1 {
			sql.WriteByte(',')
		}
		sql.WriteByte('\n')
	}
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

// identifier quotes a name, and literal a text, as SQL wants them.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
