package ledger

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"testing"
	"time"
)

// benchNumbers is how many numbers the benchmarks plan: a million as in a big supplier's list, or LEDGER_BENCH_NUMBERS.
func benchNumbers(b *testing.B) int {
	b.Helper()
	text := os.Getenv("LEDGER_BENCH_NUMBERS")
	if text == "" {
		return 1_000_000
	}
	numbers, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return numbers
}

func planNumbers(b *testing.B, l *Ledger, run Run, order []int) {
	b.Helper()
	plan, err := l.NewPlan(b.Context(), run, PlanOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for _, i := range order {
		if _, err := plan.Add(b.Context(), fmt.Sprintf("WD%08d", i), "CODE", 0); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := plan.Commit(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPlan plans numbers that the ledger does not know, then the same again, in order and shuffled.
func BenchmarkPlan(b *testing.B) {
	numbers := benchNumbers(b)
	for _, order := range []struct {
		name    string
		numbers []int
	}{
		{"in_order", ordered(numbers)},
		{"shuffled", rand.New(rand.NewSource(1)).Perm(numbers)},
	} {
		b.Run(order.name, func(b *testing.B) {
			for b.Loop() {
				l := open(b, b.TempDir())
				for _, unit := range []string{"s/new", "s/known"} {
					began := time.Now()
					run := begin(b, l, Due, begun)
					planNumbers(b, l, run, order.numbers)
					b.ReportMetric(time.Since(began).Seconds(), unit)
					if err := l.EndRun(b.Context(), run.ID, begun, true, 0); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func ordered(numbers int) []int {
	order := make([]int, numbers)
	for i := range order {
		order[i] = i
	}
	return order
}

// BenchmarkNextDue hands out pages of 64, as a run takes them, of never answered numbers, of answered ones of 40 rhythms,
// and of those where all but one in a hundred are settled.
func BenchmarkNextDue(b *testing.B) {
	l := open(b, b.TempDir())
	run := begin(b, l, All, begun)
	planNumbers(b, l, run, ordered(benchNumbers(b)))
	for _, state := range []struct{ name, prepare string }{
		{"never_answered", "DELETE FROM claims"},
		{"answered", "UPDATE plan SET state = 0, rhythm = 131 + place * 31 % 40, next_due = (place * 7919) % 1000003"},
		{"almost_done", "UPDATE plan SET state = CASE WHEN place % 100 = 0 THEN 0 ELSE 2 END"},
	} {
		if _, err := l.writer.Exec(state.prepare); err != nil {
			b.Fatal(err)
		}
		b.Run(state.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := l.NextDue(b.Context(), run, 0, begun, 64); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("left", func(b *testing.B) {
		if _, err := l.writer.Exec("UPDATE plan SET state = 0"); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, _, err := l.Left(b.Context(), run, begun); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("status", func(b *testing.B) {
		for b.Loop() {
			status(b, l, begun)
		}
	})
}

// BenchmarkRecord commits answers of 2 KB to the disk.
func BenchmarkRecord(b *testing.B) {
	for _, size := range []int{1, 256} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			l := open(b, b.TempDir())
			run := begin(b, l, All, begun)
			planNumbers(b, l, run, ordered(10_000))
			body := bytes.Repeat([]byte("x"), 2000)
			serial := 0
			for b.Loop() {
				answers := make([]Answer, size)
				for i := range answers {
					serial++
					answers[i] = document(int64(serial%10_000)+1, fmt.Sprint(serial)+string(body), begun)
				}
				record(b, l, answers...)
			}
		})
	}
}

// BenchmarkLot reads a lot of 100,000 answers of 2 KB and marks it published.
func BenchmarkLot(b *testing.B) {
	const size = 100_000
	body := string(bytes.Repeat([]byte("x"), 2000))
	for b.Loop() {
		l := open(b, b.TempDir())
		planNumbers(b, l, begin(b, l, All, begun), ordered(1000))
		batch := make([]Answer, 0, 1000)
		for i := range size {
			answer := document(int64(i%1000)+1, fmt.Sprint(i)+body, begun)
			answer.Type = fmt.Sprintf("T%02d", i%23)
			if batch = append(batch, answer); len(batch) == cap(batch) {
				record(b, l, batch...)
				batch = batch[:0]
			}
		}
		lot := seal(b, l, begun)
		began := time.Now()
		types, err := l.Types(b.Context(), lot)
		if err != nil || len(types) != 23 {
			b.Fatal(types, err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/types")
		began = time.Now()
		for _, typ := range types {
			if err := l.EachDocument(b.Context(), lot, typ, func(*Stored) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/documents")
		began = time.Now()
		if err := l.EachAnswer(b.Context(), lot, func(*Stored) error { return nil }); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/answers")
		began = time.Now()
		if err := l.MarkPublished(b.Context(), lot, begun); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/mark_published")
	}
}
