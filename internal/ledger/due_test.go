package ledger

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestEachRefreshAsksForItsNumbersInItsOrder(t *testing.T) {
	now := begun.Add(24 * time.Hour)
	for refresh, want := range map[Refresh]string{
		Missing: "never1 odd never2",
		Due:     "never1 odd never2 often overdue late rejected",
		All:     "never1 odd never2 often overdue late rejected later",
	} {
		t.Run(string(refresh), func(t *testing.T) {
			l := open(t, t.TempDir())
			list := strings.Fields("later never1 late odd overdue never2 rejected often")
			planned(t, l, begin(t, l, Due, begun), append(list, "unlisted")...)
			answer := func(id int64, due time.Time, every time.Duration) Answer {
				answer := document(id, "x", begun)
				answer.NextDue, answer.Every = due, every
				return answer
			}
			const day = 24 * time.Hour
			odd := document(4, "<html>", begun)
			odd.Settles, odd.Motif = false, "reponse_illisible"
			rejected := reject(7, 404, "introuvable", begun)
			rejected.NextDue = now
			// The last but one is less late than others, but by more of its interval.
			record(t, l, answer(1, now.Add(time.Microsecond), day), answer(3, now.Add(-time.Hour), day), odd, answer(5, now.Add(-2*time.Hour), day),
				rejected, answer(8, now.Add(-time.Hour), time.Hour), answer(9, begun, day))

			run := begin(t, l, refresh, now)
			planned(t, l, run, list...)
			count, err := l.CountDue(t.Context(), run, now)
			all := due(t, l, run, now)
			if got := strings.Join(numeros(all), " "); got != want {
				t.Errorf("asked for %s, want %s", got, want)
			}
			if err != nil || int(count) != len(all) {
				t.Errorf("%d are due, want %d (%v)", count, len(all), err)
			}
		})
	}
}

func TestADueNumberBringsTheSumOfItsLastDocument(t *testing.T) {
	l := open(t, t.TempDir())
	planned(t, l, begin(t, l, Due, begun), "A", "B", "C")
	doc := document(1, "a", begun)
	record(t, l, doc, document(2, "b", begun))
	record(t, l, reject(1, 404, "introuvable", begun.Add(time.Hour)))
	run := begin(t, l, All, begun.Add(2*time.Hour))
	planned(t, l, run, "A", "C")
	all := due(t, l, run, begun)
	if all[0].Numero != "C" || all[0].DernierSHA256 != nil {
		t.Errorf("never answered: %+v", all[0])
	}
	if all[1].Numero != "A" || !bytes.Equal(all[1].DernierSHA256, doc.SHA256) {
		t.Errorf("its last document's sum is %x, want %x", all[1].DernierSHA256, doc.SHA256)
	}
}

func TestANumberSettledInTheRunComesNotAgainThoughItFallsDue(t *testing.T) {
	l := open(t, t.TempDir())
	run := begin(t, l, Due, begun)
	planned(t, l, run, "A", "B")
	failed := reject(1, 0, "erreur_serveur", begun)
	failed.NextDue = begun.Add(time.Hour)
	record(t, l, failed)
	if got := numeros(due(t, l, run, begun.Add(48*time.Hour))); !equal(got, []string{"B"}) {
		t.Errorf("asked for %v", got)
	}
}

func TestWhatFallsDueDuringTheRunComesStill(t *testing.T) {
	l := open(t, t.TempDir())
	planned(t, l, begin(t, l, Due, begun), "A")
	record(t, l, document(1, "a", begun)) // due after twenty hours
	start := begun.Add(19 * time.Hour)
	run := begin(t, l, Due, start)
	planned(t, l, run, "A")
	if early := page(t, l, run, 0, start, 10); len(early) != 0 {
		t.Fatalf("too early: %v", early)
	}
	if got := numeros(page(t, l, run, 0, start.Add(time.Hour), 10)); !equal(got, []string{"A"}) {
		t.Errorf("asked for %v", got)
	}
}

func TestAPageOfNoNumbersIsRefused(t *testing.T) {
	l := open(t, t.TempDir())
	run := begin(t, l, Due, begun)
	planned(t, l, run, "A")
	if _, err := l.NextDue(t.Context(), run, 0, begun, 0); err == nil {
		t.Error("an empty page that is not the end")
	}
}

// A query that left its index would be right, and take seconds a page.
func TestTheQueriesOfARunUseTheirIndexes(t *testing.T) {
	l := open(t, t.TempDir())
	for name, test := range map[string]struct {
		query string
		args  []any
		want  string
	}{
		"due":       {headQuery, []any{1, 0, 9, 0, 0, 0, 64}, "SEARCH p USING COVERING INDEX plan_left (run_id=? AND lane=? AND rhythm=? AND (next_due,place)>(?,?) AND next_due<?)"},
		"documents": {newStoredPage(allDocuments).query, []any{0, 10, 256, "CHF"}, "SEARCH r USING INDEX reponses_documents (type=? AND id>? AND id<?)"},
		"rejects":   {newStoredPage(allRejects).query, []any{0, 10, 256}, "SEARCH r USING INDEX reponses_rejects (id>? AND id<?)"},
		"answers":   {newStoredPage(allAnswers).query, []any{0, 10, 256}, "SEARCH r USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := l.reader.Query("EXPLAIN QUERY PLAN "+test.query, test.args...)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			var steps []string
			for rows.Next() {
				var id, parent, unused int
				var step string
				if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
					t.Fatal(err)
				}
				steps = append(steps, step)
			}
			if len(steps) == 0 || steps[0] != test.want {
				t.Errorf("the plan is %q, want first %q", steps, test.want)
			}
			if strings.Contains(strings.Join(steps, " "), "TEMP B-TREE") {
				t.Errorf("the plan sorts: %q", steps)
			}
		})
	}
}
