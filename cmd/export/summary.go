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
	fmt.Fprintf(table, "  due\t%d\n", r.Due)
	fmt.Fprintf(table, "  calls\t%d in %s%s\n", r.Counts.Calls, r.EndedAt.Sub(r.StartedAt).Round(time.Second/10), unless(r.QuotaUsed() == 0, fmt.Sprintf(", %.1f %% of the quota used", 100*r.QuotaUsed())))
	fmt.Fprintf(table, "  documents\t%d (%d unchanged)\n", r.Counts.Documents, r.Counts.Unchanged)
	fmt.Fprintf(table, "  rejects\t%d%s\n", r.Counts.Rejects, motifs(r.Rejects))
	if r.Counts.Retries+r.Counts.Refused > 0 {
		fmt.Fprintf(table, "  retries\t%d, refused for coming too early %d\n", r.Counts.Retries, r.Counts.Refused)
	}
	fmt.Fprintf(table, "  lots\t%d published, %d waiting\n", len(r.Lots), r.Waiting)
	_ = table.Flush()
	printTables(to, r)
	if len(r.Lots) > 0 {
		printQuery(to, r, output)
	}
}

// printPlan tells what a run would ask for.
func printPlan(to io.Writer, r pipeline.Report) {
	fmt.Fprintf(to, "Nothing is asked for: --dry-run. Listed: %d numbers in %d lists.\n", r.Lists.Numbers, r.Lists.Lists)
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  SUPPLIER\tNEVER ANSWERED\tDUE AGAIN\tAT THE QUOTA\tDONE AT")
	for _, supplier := range r.Plan {
		takes := time.Duration(supplier.Seconds) * time.Second
		fmt.Fprintf(table, "  %s\t%d\t%d\t%s\t%s\n", supplier.Supplier, supplier.NeverAnswered, supplier.Again, takes, time.Now().Add(takes).Format("2006-01-02 15:04"))
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

func printTables(to io.Writer, r pipeline.Report) {
	if len(r.Tables) == 0 {
		return
	}
	fmt.Fprintln(to, "Tables, with the rows added:")
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(r.Tables)) {
		counts := r.Tables[name]
		fmt.Fprintf(table, "  %s\t%d\t%s%s\n", name, counts.Rows,
			unless(len(counts.NewColumns) == 0, "new columns: "+strings.Join(counts.NewColumns, ", ")+" "),
			unless(counts.DriftRows == 0, fmt.Sprintf("%d rows with _champs_inconnus, as %s", counts.DriftRows, counts.DriftFirst)))
	}
	_ = table.Flush()
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
	views := filepath.Join(output, "_sql", "duckdb.sql")
	fmt.Fprintf(to, "Look at it in DuckDB:\n  duckdb -cmd \".read '%s'\" -c \"SELECT statut_externe_demande__libelle, count(*) FROM %s_courant GROUP BY ALL ORDER BY 2 DESC\"\n", views, best)
}

// writeReport writes the run report whole, or leaves the file that was there.
func writeReport(path string, report pipeline.Report) error {
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	aside, err := os.CreateTemp(filepath.Dir(path), ".report-*")
	if err != nil {
		return fmt.Errorf("%w: writing the report %s: %w", errReport, path, err)
	}
	defer os.Remove(aside.Name()) // no effect once renamed
	_, err = aside.Write(append(text, '\n'))
	if closeErr := aside.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(aside.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("%w: writing the report %s: %w", errReport, path, err)
	}
	return nil
}
