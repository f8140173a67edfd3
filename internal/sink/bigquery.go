package sink

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// allView is the view of the demandes of all types.
	allView = "demandes"
	// bucketHere stands for the bucket where the output is a folder.
	bucketHere = "gs://BUCKET/PREFIX"
	// googleDescription is how many characters BigQuery takes as a column's description.
	googleDescription = 1024
)

const bigqueryPreamble = `-- Written anew by omega-export with each lot: changes made here do not last.
-- Replace DATASET by your dataset, everywhere (bodies of views heed no default dataset):
--     sed 's/DATASET/my_dataset/g' bigquery.sql | bq query --use_legacy_sql=false
`

const bigqueryLocal = `-- This output is a folder. Copy it to a bucket, replace BUCKET/PREFIX below by where it stands there, and make the lines of
-- the copied _tables/*.files addresses of the bucket: gs://BUCKET/PREFIX/ instead of the folder's path.
`

// bigquerySQL defines an external table a table, the newest rows of each demande table, the history of the statuses,
// and the demandes of all types.
func bigquerySQL(in storage, tables []*PublishedTable) string {
	root := in.URI("")
	var sql strings.Builder
	sql.WriteString(bigqueryPreamble)
	if !strings.HasPrefix(root, "gs://") {
		root = bucketHere
		sql.WriteString(bigqueryLocal)
	}
	taken := map[string]bool{historyView: true, allView: true}
	for _, table := range tables {
		taken[table.Name] = true
	}
	for _, table := range tables {
		sql.WriteString("\n" + googleTable(root, table))
		current := table.Name + currentSuffix
		if table.Kind == kindDemande && !taken[current] && table.has(columnNumero, columnFetched, columnLot) {
			sql.WriteString(googleCurrent(current, table.Name))
		}
	}
	sql.WriteString(googleStatuses(tables))
	sql.WriteString(googleAll(tables))
	return sql.String()
}

// googleName is a table or view of the dataset.
func googleName(name string) string {
	return googleIdentifier("DATASET") + "." + googleIdentifier(name)
}

func googleTable(root string, table *PublishedTable) string {
	var sql strings.Builder
	fmt.Fprintf(&sql, "CREATE OR REPLACE EXTERNAL TABLE %s (\n", googleName(table.Name))
	columns, left := googleColumns(table)
	sql.WriteString(strings.Join(columns, ",\n"))
	sql.WriteString("\n)\n")
	for _, why := range left {
		fmt.Fprintf(&sql, "-- Left out: %s\n", why)
	}
	fmt.Fprintf(&sql, `WITH PARTITION COLUMNS (%s DATE)
OPTIONS (
    format = 'PARQUET',
    uris = [%s],
    file_set_spec_type = 'NEW_LINE_DELIMITED_MANIFEST',
    enable_list_inference = true,
    hive_partition_uri_prefix = %s
);
`, googleIdentifier(partitionColumn), googleLiteral(root+"/"+manifestName(table.Name)), googleLiteral(root+"/"+table.Name))
	return sql.String()
}

// googleColumns are the definitions of a table's columns, and what can be none.
func googleColumns(table *PublishedTable) (columns, left []string) {
	for _, column := range table.sqlColumns() {
		typ, err := googleType(column.typ)
		if err == nil && isGoogles(column.name) {
			err = fmt.Errorf("BigQuery keeps such names for itself")
		}
		if err != nil {
			left = append(left, fmt.Sprintf("%s: %v", column.name, err))
			continue
		}
		definition := "    " + googleIdentifier(column.name) + " " + typ
		if column.description != "" {
			description := []rune(column.description)
			description = description[:min(len(description), googleDescription)]
			definition += " OPTIONS (description = " + googleLiteral(string(description)) + ")"
		}
		columns = append(columns, definition)
	}
	return columns, left
}

// isGoogles says whether BigQuery refuses the name for a column.
func isGoogles(column string) bool {
	column = strings.ToUpper(column)
	return slices.ContainsFunc([]string{"_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER"},
		func(prefix string) bool { return strings.HasPrefix(column, prefix) })
}

func googleCurrent(name, table string) string {
	return fmt.Sprintf("CREATE OR REPLACE VIEW %s AS SELECT * FROM %s\nWHERE TRUE\n"+
		"QUALIFY ROW_NUMBER() OVER (PARTITION BY %s ORDER BY %s DESC, %s DESC) = 1;\n",
		googleName(name), googleName(table), googleIdentifier(columnNumero), googleIdentifier(columnFetched), googleIdentifier(columnLot))
}

// googleStatuses is statusView in GoogleSQL.
func googleStatuses(tables []*PublishedTable) string {
	var selects []string
	for _, table := range tables {
		if table.Kind == kindDemande && table.has(columnNumero, columnFetched, columnLot, columnStatus, columnLabel) {
			selects = append(selects, fmt.Sprintf("    SELECT %s AS `table`, `%s`, `%s`, `%s`, `%s`, `%s` FROM %s", googleLiteral(table.Name),
				columnNumero, columnFetched, columnLot, columnStatus, columnLabel, googleName(table.Name)))
		}
	}
	if len(selects) == 0 {
		return ""
	}
	return "\nCREATE OR REPLACE VIEW " + googleName(historyView) + " AS\nWITH lignes AS (\n" +
		strings.Join(selects, "\n    UNION ALL\n") + `
), precedentes AS (
    SELECT *, LAG(statut_externe_demande__code) OVER w AS precedent, ROW_NUMBER() OVER w AS rang
    FROM lignes WINDOW w AS (PARTITION BY numero_demande, ` + "`table`" + ` ORDER BY _recupere_le, _lot)
), periodes AS (
    SELECT *, COUNTIF(rang = 1 OR statut_externe_demande__code IS DISTINCT FROM precedent) OVER (
        PARTITION BY numero_demande, ` + "`table`" + ` ORDER BY _recupere_le, _lot ROWS UNBOUNDED PRECEDING) AS periode
    FROM precedentes
)
SELECT numero_demande, ` + "`table`" + `, statut_externe_demande__code,
    ARRAY_AGG(statut_externe_demande__libelle ORDER BY _recupere_le DESC, _lot DESC LIMIT 1)[OFFSET(0)] AS statut_externe_demande__libelle,
    MIN(_recupere_le) AS premiere_vue, MAX(_recupere_le) AS derniere_vue
FROM periodes GROUP BY numero_demande, ` + "`table`" + `, periode, statut_externe_demande__code;
`
}

// googleAll is the demandes of all types, with the columns that all have, in the order of the first.
func googleAll(tables []*PublishedTable) string {
	var typed []*PublishedTable
	for _, table := range tables {
		if table.Name == allView {
			return "" // a table's own name goes first
		}
		if table.Kind == kindDemande {
			typed = append(typed, table)
		}
	}
	if len(typed) == 0 {
		return ""
	}
	var shared []string
	for _, line := range typed[0].Schema {
		name, typ, _ := strings.Cut(line, " ")
		if _, err := googleType(typ); err == nil && !isGoogles(name) &&
			!slices.ContainsFunc(typed, func(table *PublishedTable) bool { return !slices.Contains(table.Schema, line) }) {
			shared = append(shared, googleIdentifier(name))
		}
	}
	if len(shared) == 0 {
		return ""
	}
	shared = append(shared, googleIdentifier(partitionColumn))
	var selects []string
	for _, table := range typed {
		selects = append(selects, fmt.Sprintf("SELECT %s AS `table`, %s FROM %s",
			googleLiteral(table.Name), strings.Join(shared, ", "), googleName(table.Name)))
	}
	return "\nCREATE OR REPLACE VIEW " + googleName(allView) + " AS\n" + strings.Join(selects, "\nUNION ALL\n") + ";\n"
}
