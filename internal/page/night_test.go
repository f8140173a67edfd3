package page

import (
	"math/rand/v2"
	"time"

	"omega-export/internal/pipeline"
	"omega-export/internal/report"
)

// goodNight is the report of eight hours in which everything went well: from the recorder, as a run's.
func goodNight() pipeline.Report { return night(false) }

// badNight is the report of a night in which the API was down from 2 to 4, refused some calls, knew not all numbers, and
// the disk was full at the end.
func badNight() pipeline.Report { return night(true) }

func night(bad bool) pipeline.Report {
	begun := time.Date(2026, 11, 23, 21, 0, 0, 0, time.UTC) // 22:00 in Paris
	dice := rand.New(rand.NewPCG(1, 2))
	var recorder report.Recorder
	run := pipeline.Report{
		Version: pipeline.ReportVersion, Run: 41, Mode: "reel", Refresh: "due", StartedAt: begun, Output: "/data/omega/out", Outcome: "complete",
		Lists: pipeline.ListCounts{Lists: 2, Numbers: 28_572, Duplicates: 12, BadLines: 3}, Due: 28_572,
		Rejects: map[string]int64{}, Tables: map[string]*pipeline.TableCounts{}, Suppliers: map[string]pipeline.SupplierCounts{},
		Plan: []pipeline.PlannedSupplier{{Supplier: "A04000000X", NeverAnswered: 3_210, Again: 25_362, Seconds: 28_572}},
	}
	downFrom, downTo := begun.Add(4*time.Hour), begun.Add(6*time.Hour)
	end := begun.Add(8 * time.Hour)
	recorder.Begin(begun)
	at, probe := begun, 0
	for at.Before(end) {
		down := bad && at.After(downFrom) && at.Before(downTo)
		step := 1008 * time.Millisecond
		if down {
			probe++
			step = min(5*time.Second<<min(probe, 10), time.Minute)
			recorder.Wait(report.Outage, step)
		}
		run.Counts.Calls++
		call := callOf(dice, &run, &recorder, bad, down)
		call.At = at
		recorder.Call(call)
		if call.Result == report.Refused {
			step += 30 * time.Second
			recorder.Wait(report.RetryAfter, 30*time.Second)
		}
		recorder.Slots(at, at.Add(step), time.Second)
		at = at.Add(step)
	}
	run.EndedAt = at.Add(40 * time.Second)
	if bad {
		recorder.Down(report.Down{From: downFrom, To: downTo, Supplier: "A04000000X"})
	}
	run.Notes = recorder.Notes()
	run.Suppliers["A04000000X"] = pipeline.SupplierCounts{Calls: run.Counts.Calls, Rate: 1, FirstCall: begun, LastCall: end, QuotaUsed: run.Quota.Share}
	published(&run, bad)
	return run
}

// callOf throws the dice for one call, and counts it.
func callOf(dice *rand.Rand, run *pipeline.Report, recorder *report.Recorder, bad, down bool) report.Call {
	latency := time.Duration((0.25 + dice.ExpFloat64()*0.2) * float64(time.Second))
	throw := dice.Float64()
	reject := func(motif string) report.Call {
		run.Counts.Rejects++
		run.Rejects[motif]++
		recorder.Rejected(motif, "WD"+string(rune('A'+dice.IntN(26)))+string(rune('A'+dice.IntN(26)))+"0PSW")
		return report.Call{Latency: latency, Kind: report.KindRejected, Result: report.Reject}
	}
	switch {
	case down:
		run.Counts.Retries++
		return report.Call{Kind: report.KindTransient, Result: report.Failed}
	case bad && throw < 0.0015:
		run.Counts.Refused++
		return report.Call{Latency: 20 * time.Millisecond, Kind: report.KindTooMany, Result: report.Refused}
	case bad && throw < 0.01:
		run.Counts.Retries++
		return report.Call{Latency: 30 * time.Second, Kind: report.KindTransient, Result: report.Failed}
	case throw < 0.02 && !bad || throw < 0.05 && bad:
		return reject("introuvable")
	case bad && throw < 0.053:
		return reject("numero_different")
	}
	run.Counts.Documents++
	if throw > 0.35 {
		run.Counts.Unchanged++
		return report.Call{Latency: latency, Kind: report.KindDocument, Result: report.Unchanged}
	}
	return report.Call{Latency: latency, Kind: report.KindDocument, Result: report.Document}
}

// published fills in what the night left in the output.
func published(run *pipeline.Report, bad bool) {
	changed := run.Counts.Documents - run.Counts.Unchanged
	for i, name := range []string{"demande_chf", "demande_mes", "demande_mhs", "demande_rad", "demande_cja"} {
		rows := changed >> (i + 1)
		run.Tables[name] = &pipeline.TableCounts{Rows: rows, Files: 1, Bytes: 96 * rows}
	}
	answers := run.Counts.Documents + run.Counts.Rejects
	run.Tables["reponses"] = &pipeline.TableCounts{Rows: answers, Files: 1, Bytes: 410 * answers}
	run.Tables["rejets"] = &pipeline.TableCounts{Rows: run.Counts.Rejects, Files: 1, Bytes: 80 * run.Counts.Rejects}
	lot := pipeline.PublishedLot{
		Name: "20261124T050012Z-1f2e3d4c-000041", Answers: answers, Files: 7, Bytes: 14 << 20, SealedAt: run.EndedAt.Add(-30 * time.Second), PublishedAt: run.EndedAt,
	}
	if bad {
		run.Outcome, run.ExitCode, run.Waiting = "failed", 74, 1
		run.Error = "the output could not be written: publishing lot 20261124T050012Z-1f2e3d4c-000041 (it is safe in the ledger; run again): writing /data/omega/out/reponses/date_export=2026-11-24/20261124T050012Z-1f2e3d4c-000041.parquet: no space left on device"
		lot = pipeline.PublishedLot{
			Name: "20261123T210001Z-1f2e3d4c-000040", Answers: 12_040, SealedAt: run.StartedAt.Add(-time.Hour), PublishedAt: run.StartedAt.Add(2 * time.Second),
		}
		left := run.Due - answers
		run.Backlog = pipeline.Backlog{DueLeft: left, Seconds: left, DoneAt: run.EndedAt.Add(time.Duration(left) * time.Second)}
		table := run.Tables["demande_chf"]
		table.NewColumns = []pipeline.NewColumn{{Name: "informations_client__canal", Type: "STRING", Count: 214, Example: "WD00APSW"}}
		table.Drift = []pipeline.DriftField{{Path: "cree_le", Reason: "ne_tient_pas", Count: 3, Example: "WD00BQRS"}}
		table.DriftRows, table.DriftFirst = 3, "WD00BQRS"
	}
	run.Lots, run.PublishedLots = []string{lot.Name}, []pipeline.PublishedLot{lot}
}
