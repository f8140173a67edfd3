package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"omega-export/internal/pipeline"
)

// shownNumbers is how many numbers a printed receipt names; the written one has all.
const shownNumbers = 20

// printReceipt tells a person what was forgotten, what still stands and what to do about it.
func printReceipt(to io.Writer, r pipeline.Receipt, c *forgetCmd) {
	fmt.Fprintln(to, receiptTitle(r)+unless(r.Mode != "simule", " (SIMULATION: no real answers)"))
	if r.Undo {
		printUndone(to, r)
		return
	}
	if len(r.Numbers) == 0 {
		return
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  numbers\t%s\n", someNumbers(r.Numbers))
	if !r.Before.IsZero() {
		fmt.Fprintf(table, "  newest answer\tbefore %s\n", r.Before.Local().Format("2006-01-02 15:04"))
	}
	if len(r.Nowhere) > 0 {
		fmt.Fprintf(table, "  found nowhere\t%s\n", someNumbers(r.Nowhere))
	}
	if r.Ledger.Found {
		fmt.Fprintf(table, "  ledger\t%d numbers, %d answers not published yet, %d places in lists\n", r.Ledger.Numbers, r.Ledger.Answers, r.Ledger.Plans)
	} else {
		fmt.Fprintln(table, "  ledger\tnone: what a ledger elsewhere holds stays there until forget is run with it")
	}
	_ = table.Flush()
	for _, output := range r.Outputs {
		printForgottenIn(to, r, output)
	}
	if r.Error != "" {
		return
	}
	switch {
	case r.DryRun:
		fmt.Fprintln(to, "Nothing was changed: --dry-run.")
	case r.GoneAfter.IsZero() && keepsRemoved(r):
		fmt.Fprintln(to, "No object that stands there now holds them; what the bucket keeps of removed ones is told above.")
	case r.GoneAfter.IsZero():
		fmt.Fprintln(to, "No file that this program wrote there holds them any more.")
	default:
		fmt.Fprintf(to, "The replaced files go with the first command that writes there after %s. Run the same command again then, and it says that none is left; with --grace 0s they go now.\n",
			r.GoneAfter.Local().Format("2006-01-02 15:04:05"))
	}
	if c.Receipt == "" && !r.DryRun {
		fmt.Fprintln(to, "No receipt was written: --receipt FILE writes one.")
	}
}

func receiptTitle(r pipeline.Receipt) string {
	switch {
	case r.Error != "":
		return "Not done: run the same command again, which does what is left."
	case r.Undo && r.DryRun:
		return "Would be asked for again."
	case r.Undo:
		return "Done: they are asked for again by the next run whose list names them. What was removed does not come back."
	case len(r.Numbers) == 0:
		return "Nothing to forget: no number is that old."
	case len(r.Nowhere) == len(r.Numbers):
		return "Nothing was found of these numbers; they are remembered all the same, and not fetched."
	case r.DryRun:
		return "Would be forgotten."
	}
	return "Done: forgotten, and not fetched again."
}

func printUndone(to io.Writer, r pipeline.Receipt) {
	fmt.Fprintf(to, "  numbers: %s\n", someNumbers(r.Numbers))
	if len(r.Nowhere) > 0 {
		fmt.Fprintf(to, "  were not forgotten: %s\n", someNumbers(r.Nowhere))
	}
}

// printForgottenIn tells of one output.
func printForgottenIn(to io.Writer, r pipeline.Receipt, output pipeline.OutputReceipt) {
	fmt.Fprintf(to, "In %s:\n", output.Output)
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, t := range output.Tables {
		fmt.Fprintf(table, "  %s\t%d rows\t%d files written anew\t%d without any other row\n", t.Name, t.Rows, t.FilesRewritten, t.FilesEmptied)
	}
	_ = table.Flush()
	if len(output.Tables) == 0 && (output.Complete || r.DryRun) {
		fmt.Fprintln(to, "  no table has a row of them")
	}
	if output.Removed > 0 {
		fmt.Fprintf(to, "  %d replaced or half-written files with their rows %s\n", output.Removed, unless(r.DryRun, "were removed")+unless(!r.DryRun, "would be removed"))
	}
	if len(output.Waiting) > 0 {
		fmt.Fprintf(to, "  %d replaced files with their rows still stand, for --grace\n", len(output.Waiting))
	}
	if output.Bucket != nil {
		for _, note := range bucketNotes(*output.Bucket, r.EndedAt) {
			fmt.Fprintln(to, "  "+note)
		}
	}
}

// keepsRemoved says whether a bucket keeps removed objects, or may.
func keepsRemoved(r pipeline.Receipt) bool {
	return slices.ContainsFunc(r.Outputs, func(output pipeline.OutputReceipt) bool {
		b := output.Bucket
		return b != nil && (b.Unknown != "" || b.SoftDeleteSeconds > 0 || b.Versioning)
	})
}

// bucketNotes say what a bucket keeps of removed objects, and what to do.
func bucketNotes(b pipeline.BucketReceipt, now time.Time) []string {
	describe := "gcloud storage buckets describe gs://" + b.Name
	if b.Unknown != "" {
		return []string{"WARNING: whether the bucket keeps removed objects is not known: its settings cannot be read (that takes storage.buckets.get). Look at soft_delete_policy and versioning in: " + describe}
	}
	var notes []string
	if b.SoftDeleteSeconds > 0 {
		keeps := time.Duration(b.SoftDeleteSeconds) * time.Second
		notes = append(notes, fmt.Sprintf("WARNING: the bucket's soft delete keeps removed objects for %s: what is removed now can be restored until %s, and nobody can shorten that for it. For the next time, before forget: gcloud storage buckets update gs://%s --clear-soft-delete",
			spokenDays(keeps), now.Add(keeps).Local().Format("2006-01-02 15:04"), b.Name))
	}
	if b.Versioning {
		notes = append(notes, fmt.Sprintf("WARNING: the bucket keeps versions: removed objects stay as noncurrent ones until somebody removes them. List them with gcloud storage ls --all-versions 'gs://%s/**', remove those of the tables' files with gcloud storage rm URL#GENERATION, or set a lifecycle rule with isLive: false", b.Name))
	}
	if b.RetentionSeconds > 0 {
		notes = append(notes, fmt.Sprintf("WARNING: the bucket's retention policy forbids removing an object before it is %s old: files that are younger could not be removed",
			spokenDays(time.Duration(b.RetentionSeconds)*time.Second)))
	}
	if b.Held {
		notes = append(notes, "WARNING: the bucket puts new objects on hold: they cannot be removed before the hold is released")
	}
	if len(notes) == 0 {
		notes = append(notes, "the bucket keeps nothing of removed objects: neither soft delete nor versions")
	}
	return notes
}

func spokenDays(d time.Duration) string {
	if d%(24*time.Hour) == 0 && d > 24*time.Hour {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.String()
}

func someNumbers(numbers []string) string {
	if len(numbers) > shownNumbers {
		return fmt.Sprintf("%d: %s and %d more", len(numbers), strings.Join(numbers[:shownNumbers], " "), len(numbers)-shownNumbers)
	}
	return fmt.Sprintf("%d: %s", len(numbers), strings.Join(numbers, " "))
}
