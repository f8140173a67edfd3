package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"omega-export/internal/flatten"
	"omega-export/internal/pipeline"
)

// printSummary tells a person what a run did and where to look.
func printSummary(to io.Writer, r pipeline.Report, output string) {
	title := map[string]string{"complete": "Done: all that was due is done.", "stopped": "Stopped with work left: run again.", "failed": "Failed."}[r.Outcome]
	if r.Mode == "simule" {
		title += " (SIMULATION: no real answers)"
	}
	fmt.Fprintln(to, title)
	if r.Error != "" {
		fmt.Fprintln(to, "  "+strings.ReplaceAll(r.Error, "\n", "; "))
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  listed\t%d numbers in %d lists%s\n", r.Lists.Numbers, r.Lists.Lists, unless(r.Lists.Duplicates+r.Lists.BadLines == 0,
		fmt.Sprintf(" (%d given twice, %d lines left out)", r.Lists.Duplicates, r.Lists.BadLines)))
	if r.Lists.Lists > 0 && r.Lists.Numbers+r.Forgotten == 0 {
		fmt.Fprintln(table, "  \tlook at the lists: they hold no number to ask for")
	}
	if r.Forgotten > 0 {
		fmt.Fprintf(table, "  forgotten\t%d listed numbers are left out: see omega-export forget\n", r.Forgotten)
	}
	fmt.Fprintf(table, "  due\t%d\n", r.Due)
	fmt.Fprintf(table, "  calls\t%d in %s%s\n", r.Counts.Calls, r.EndedAt.Sub(r.StartedAt).Round(time.Second/10), unless(r.QuotaUsed() == 0, fmt.Sprintf(", %.1f %% of the quota used", 100*r.QuotaUsed())))
	fmt.Fprintf(table, "  documents\t%d (%d unchanged)\n", r.Counts.Documents, r.Counts.Unchanged)
	fmt.Fprintf(table, "  rejects\t%d%s\n", r.Counts.Rejects, motifs(r.Rejects))
	if r.Counts.Retries+r.Counts.Refused > 0 {
		fmt.Fprintf(table, "  retries\t%d, refused for coming too early %d\n", r.Counts.Retries, r.Counts.Refused)
	}
	fmt.Fprintf(table, "  lots\t%d published, %d waiting\n", len(r.Lots), r.Waiting)
	_ = table.Flush()
	printTables(to, "Tables, with the rows added:", r.Tables)
	if len(r.Lots) > 0 {
		printQuery(to, r, output)
	}
}

// printPlan tells what a run would ask for.
func printPlan(to io.Writer, r pipeline.Report) {
	fmt.Fprintf(to, "Nothing is asked for: --dry-run. Listed: %d numbers in %d lists%s.\n", r.Lists.Numbers, r.Lists.Lists,
		unless(r.Forgotten == 0, fmt.Sprintf(", and %d that were forgotten and are left out", r.Forgotten)))
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  SUPPLIER\tNEVER ANSWERED\tDUE AGAIN\tAT THE QUOTA\tDONE AT")
	for _, supplier := range r.Plan {
		takes := time.Duration(supplier.Seconds) * time.Second
		fmt.Fprintf(table, "  %s\t%d\t%d\t%s\t%s\n", supplier.Supplier, supplier.NeverAnswered, supplier.Again, takes, r.EndedAt.Add(takes).Local().Format("2006-01-02 15:04"))
	}
	_ = table.Flush()
}

func unless(skip bool, text string) string {
	if skip {
		return ""
	}
	return text
}

func motifs(rejects map[string]int64) string {
	var parts []string
	for _, motif := range slices.Sorted(maps.Keys(rejects)) {
		parts = append(parts, fmt.Sprintf("%s %d", motif, rejects[motif]))
	}
	return unless(len(parts) == 0, ": "+strings.Join(parts, ", "))
}

// printTables tells what was written in each table, and what in it is worth a look.
func printTables(to io.Writer, title string, tables map[string]*pipeline.TableCounts) {
	if len(tables) == 0 {
		return
	}
	fmt.Fprintln(to, title)
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		fmt.Fprintf(table, "  %s\t%d\n", name, tables[name].Rows)
	}
	_ = table.Flush()
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		printDrift(to, name, tables[name])
	}
}

// driftLines is how many lines of drift are printed of a table; the report has all.
const driftLines = 8

// printDrift tells how the answers differ from the table's columns.
func printDrift(to io.Writer, name string, counts *pipeline.TableCounts) {
	var lines []string
	for _, column := range counts.NewColumns {
		lines = append(lines, fmt.Sprintf("new column %s %s%s", column.Name, column.Type,
			unless(column.Count == 0, fmt.Sprintf(", %d values, first in %s", column.Count, column.Example))))
	}
	for _, conflict := range counts.Conflicts {
		lines = append(lines, fmt.Sprintf("column %s is %s and declared %s: omega-export replay changes it", conflict.Column, conflict.Published, conflict.Declared))
	}
	for _, field := range counts.Drift {
		lines = append(lines, fmt.Sprintf("%s: %d values in _champs_inconnus, %s, as in %s", field.Path, field.Count, driftReason(field.Reason), field.Example))
	}
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(to, "Drift in %s%s:\n", name, unless(counts.DriftRows == 0, fmt.Sprintf(" (%d rows with _champs_inconnus)", counts.DriftRows)))
	for i, line := range lines {
		if i == driftLines {
			fmt.Fprintf(to, "  and %d more, all in --report\n", len(lines)-driftLines)
			break
		}
		fmt.Fprintln(to, "  "+line)
	}
}

func driftReason(reason string) string {
	switch flatten.DriftReason(reason) {
	case flatten.NoColumn:
		return "which have no column"
	case flatten.DoesNotFit:
		return "which their column cannot hold exactly"
	case flatten.RepeatedKey:
		return "whose key came twice"
	}
	return reason
}

// printQuery gives a query to paste, on the typed table with most rows.
func printQuery(to io.Writer, r pipeline.Report, output string) {
	best := ""
	for _, name := range slices.Sorted(maps.Keys(r.Tables)) {
		if strings.HasPrefix(name, "demande_") && (best == "" || r.Tables[name].Rows > r.Tables[best].Rows) {
			best = name
		}
	}
	if best == "" {
		return
	}
	views := within(output, "_sql", "duckdb.sql")
	if isBucket(output) {
		fmt.Fprintf(to, "Look at it in BigQuery: _sql/bigquery.sql there makes the tables. In DuckDB, with httpfs and a secret of type gcs:\n  gcloud storage cp %s .\n", views)
		views = "duckdb.sql"
	} else {
		fmt.Fprintln(to, "Look at it in DuckDB:")
	}
	fmt.Fprintf(to, "  duckdb -cmd \".read '%s'\" -c \"SELECT statut_externe_demande__libelle, count(*) FROM %s_courant GROUP BY ALL ORDER BY 2 DESC\"\n", views, best)
}

// writeReport writes a report whole, or leaves the file that was there.
func writeReport(path string, report any) error {
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return writeWhole(path, append(text, '\n'))
}

// writeWhole writes a file whole, or leaves the one that was there.
func writeWhole(path string, content []byte) error {
	aside, err := os.CreateTemp(filepath.Dir(path), ".omega-export-*")
	if err != nil {
		return fmt.Errorf("%w: writing %s: %w", errReport, path, err)
	}
	defer os.Remove(aside.Name()) // no effect once renamed
	_, err = aside.Write(content)
	if closeErr := aside.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(aside.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("%w: writing %s: %w", errReport, path, err)
	}
	return nil
}
