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

// bigquerySQL defines the external tables and the view of each table, the newest rows of each demande table, the history of the statuses,
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
		sql.WriteString("\n" + googleTable(root, table, taken))
		current := table.Name + currentSuffix
		if table.Kind == kindDemande && !taken[current] && table.has(columnNumero, columnFetched, columnLot) {
			sql.WriteString(googleCurrent(current, table.Name))
		}
	}
	sql.WriteString(statusView(tables, googleName, googleIdentifier, googleDays))
	sql.WriteString(googleAll(tables))
	return sql.String()
}

// googleName is a table or view of the dataset.
func googleName(name string) string {
	return googleIdentifier("DATASET") + "." + googleIdentifier(name)
}

// googleTable reads a table's files: an external table of the nights' files, which have their day from their folder, one
// of the compacted files, which have it in a column, and the view of both that has the table's name. There is always a
// view, since what is a view cannot become a table.
func googleTable(root string, table *PublishedTable, taken map[string]bool) string {
	columns, left := googleColumns(table)
	nights, compacted := table.split()
	var parts, names []string
	var sql strings.Builder
	add := func(suffix, manifest, partition, hive string, definitions []string) {
		name := table.Name + suffix
		for taken[name] {
			name += "_"
		}
		taken[name] = true
		parts = append(parts, name)
		fmt.Fprintf(&sql, "CREATE OR REPLACE EXTERNAL TABLE %s (\n%s\n)\n%sOPTIONS (\n    format = 'PARQUET',\n    uris = [%s],\n"+
			"    file_set_spec_type = 'NEW_LINE_DELIMITED_MANIFEST',\n    enable_list_inference = true%s\n);\n",
			googleName(name), strings.Join(definitions, ",\n"), partition, googleLiteral(root+"/"+manifest), hive)
	}
	definitions := make([]string, len(columns))
	described := make([]string, len(columns))
	for i, column := range columns {
		definitions[i] = "    " + column.name + " " + column.typ + column.options
		described[i] = "    " + column.name + column.options
		names = append(names, column.name)
	}
	day := googleIdentifier(partitionColumn)
	if len(nights) > 0 || len(compacted) == 0 {
		manifest := manifestName(table.Name)
		if len(compacted) > 0 {
			manifest = nightsName(table.Name)
		}
		add(googleNights, manifest, "WITH PARTITION COLUMNS ("+day+" DATE)\n",
			",\n    hive_partition_uri_prefix = "+googleLiteral(root+"/"+table.Name), definitions)
	}
	if len(compacted) > 0 {
		add(googleCompacted, compactName(table.Name), "", "", append(definitions, "    "+day+" DATE"))
	}
	for i, part := range parts {
		parts[i] = fmt.Sprintf("SELECT %s FROM %s", strings.Join(append(names, day), ", "), googleName(part))
	}
	for _, why := range left {
		fmt.Fprintf(&sql, "-- Left out: %s\n", why)
	}
	fmt.Fprintf(&sql, "CREATE OR REPLACE VIEW %s (\n%s\n) AS\n%s;\n", googleName(table.Name),
		strings.Join(append(described, "    "+day), ",\n"), strings.Join(parts, "\nUNION ALL\n"))
	return sql.String()
}

// The external tables that a table's view reads.
const (
	googleNights    = "__nuits"
	googleCompacted = "__compact"
)

// googleColumn is a column's definition in parts.
type googleColumn struct {
	name, typ, options string
}

// googleColumns are the definitions of a table's columns, and what can be none.
func googleColumns(table *PublishedTable) (columns []googleColumn, left []string) {
	for _, column := range table.sqlColumns() {
		typ, err := googleType(column.typ)
		if err == nil && isGoogles(column.name) {
			err = fmt.Errorf("BigQuery keeps such names for itself")
		}
		if err != nil {
			left = append(left, fmt.Sprintf("%s: %v", column.name, err))
			continue
		}
		definition := googleColumn{name: googleIdentifier(column.name), typ: typ}
		if column.description != "" {
			description := []rune(column.description)
			description = description[:min(len(description), googleDescription)]
			definition.options = " OPTIONS (description = " + googleLiteral(string(description)) + ")"
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
