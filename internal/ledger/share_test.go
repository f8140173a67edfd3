package ledger

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// shareThePlan plans the same numbers as the others do, and asks for what it is handed until nothing is left; it tells
// each number that it asked for. It publishes in between.
func shareThePlan(ctx context.Context, dir string) error {
	l, err := Open(ctx, dir, Options{Mode: "reel"})
	if err != nil {
		return err
	}
	run, err := l.BeginRun(ctx, Due, time.Now())
	if err != nil {
		return err
	}
	plan, err := l.NewPlan(ctx, run, PlanOptions{})
	if err != nil {
		return err
	}
	for i := range sharedNumbers {
		if _, err := plan.Add(ctx, fmt.Sprint("N", i), "CODE", 0); err != nil {
			return err
		}
	}
	if _, err := plan.Commit(ctx); err != nil {
		return err
	}
	for {
		page, err := l.NextDue(ctx, run, 0, time.Now(), 7)
		if err != nil {
			return err
		}
		for _, demande := range page {
			if err := l.Record(ctx, run, []Answer{document(demande.ID, demande.Numero, time.Now())}); err != nil {
				return err
			}
			fmt.Println(demande.Numero)
		}
		mine, others, err := l.Left(ctx, run, time.Now())
		if err != nil {
			return err
		}
		if mine+others == 0 {
			break
		}
		if err := publishAll(ctx, l); err != nil {
			return err
		}
	}
	if err := l.EndRun(ctx, run.ID, time.Now(), true, 0); err != nil {
		return err
	}
	return l.Close()
}

const sharedNumbers = 400

// publishAll publishes what is sealed, beside others that do the same.
func publishAll(ctx context.Context, l *Ledger) error {
	if _, _, err := l.Seal(ctx, time.Now()); err != nil {
		return err
	}
	lots, err := l.Unpublished(ctx)
	if err != nil {
		return err
	}
	for _, lot := range lots {
		if err := l.MarkPublished(ctx, lot, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

func TestSeveralProcessesShareAPlanAndAskNothingTwice(t *testing.T) {
	dir := t.TempDir()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	type process struct {
		command *exec.Cmd
		output  strings.Builder
	}
	var processes []*process
	for range 4 { // they make the ledger at once, too
		p := &process{command: exec.Command(binary)}
		p.command.Env = append(os.Environ(), shareDir+"="+dir)
		p.command.Stdout, p.command.Stderr = &p.output, &p.output
		if err := p.command.Start(); err != nil {
			t.Fatal(err)
		}
		processes = append(processes, p)
	}
	time.Sleep(300 * time.Millisecond)
	killed := processes[0]
	_ = killed.command.Process.Kill()
	asked := map[string]int{}
	for i, p := range processes {
		if err := p.command.Wait(); err != nil && p != killed {
			t.Errorf("process %d: %v: %s", i, err, p.output.String())
		}
		told := strings.Fields(p.output.String())
		t.Logf("process %d asked for %d numbers", i, len(told))
		for _, numero := range told {
			asked[numero]++
		}
	}
	for numero, times := range asked {
		if times > 1 {
			t.Errorf("%s was asked for %d times", numero, times)
		}
	}
	l := open(t, dir)
	s := status(t, l, time.Now())
	if s.NeverAnswered != 0 || s.Documents != sharedNumbers || s.Lots.PublishedAnswers+s.Lots.WaitingAnswers+s.Lots.UnsealedAnswers != sharedNumbers {
		t.Errorf("after all: %+v", s)
	}
	// A kill may hit between the commit and its telling.
	if len(asked) < sharedNumbers-1 {
		t.Errorf("%d numbers were told, of %d", len(asked), sharedNumbers)
	}
	var verdict string
	if err := l.reader.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity: %s (%v)", verdict, err)
	}
}
