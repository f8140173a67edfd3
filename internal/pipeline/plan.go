package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"omega-export/internal/ledger"
	"omega-export/internal/source"
)

// plan reads the lists into the ledger and counts what is due.
func plan(ctx context.Context, config Config, rooms Rooms, run ledger.Run, report *Report) error {
	began := time.Now()
	if err := takeForgotten(ctx, rooms.Ledger, rooms.Output); err != nil {
		return err
	}
	planning, err := rooms.Ledger.NewPlan(ctx, run, ledger.PlanOptions{Final: config.Final})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	summary, err := readLists(ctx, config, rooms, planning, report)
	if err != nil {
		planning.Abandon()
		if ctx.Err() != nil {
			return fmt.Errorf("%w: while planning", ErrStopped)
		}
		return err
	}
	planned, err := planning.Commit(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	report.Lists.Lists, report.Lists.Numbers, report.Forgotten = summary.Lists, planned.Listed, planned.Forgotten
	due, err := rooms.Ledger.CountDueByLane(ctx, run, time.Now())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	report.Plan = make([]PlannedSupplier, len(rooms.Suppliers))
	for i, supplier := range rooms.Suppliers {
		report.Plan[i].Supplier = supplier.Code
	}
	for _, lane := range due {
		planned := &report.Plan[lane.Lane]
		planned.NeverAnswered, planned.Again = lane.Never, lane.Again
		planned.Seconds = int64(rooms.Suppliers[lane.Lane].Pacer.Interval().Seconds() * float64(lane.Never+lane.Again))
		report.Due += lane.Never + lane.Again
	}
	rooms.Log.Info("planned", "lists", summary.Lists, "numbers", planned.Listed, "due", report.Due,
		"duplicates", report.Lists.Duplicates, "bad_lines", report.Lists.BadLines, "forgotten", report.Forgotten, "seconds", time.Since(began).Seconds())
	if planned.Listed+planned.Forgotten == 0 {
		rooms.Log.Warn("the lists hold no number to ask for: look whether they are what they should be", "lists", summary.Lists, "bad_lines", report.Lists.BadLines)
	}
	return nil
}

func readLists(ctx context.Context, config Config, rooms Rooms, planning *ledger.Plan, report *Report) (source.Summary, error) {
	config.Source.BadLine = func(bad source.BadLine) {
		report.Lists.BadLines++
		tell(rooms.Log, report.Lists.BadLines, "line left out", "place", bad.Position.String(), "reason", bad.Reason) // not its text: it may name a person
	}
	lanes := map[string]int{} // of the codes; the first lane takes the others
	for i, supplier := range rooms.Suppliers {
		lanes[supplier.Code] = i
	}
	return source.Read(ctx, config.Lists, config.Source, func(entry source.Entry) error {
		code := entry.CodeCDGF
		if code == "" {
			code = config.CodeCDGF
		}
		duplicate, err := planning.Add(ctx, entry.Numero, code, lanes[code])
		if err != nil {
			return fmt.Errorf("%w: planning %s: %w", ErrState, entry.Numero, err)
		}
		if duplicate {
			report.Lists.Duplicates++
			tell(rooms.Log, report.Lists.Duplicates, "number given twice", "place", entry.Position.String(), "numero_demande", entry.Numero)
		}
		return nil
	})
}

// tell warns of the first twenty of a kind, lest a bad list fill the log; the report has the count.
func tell(log *slog.Logger, count int64, message string, args ...any) {
	if count <= 20 {
		log.Warn(message, args...)
	}
	if count == 20 {
		log.Warn("further lines of this kind are only counted")
	}
}
