package ledger

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The environment variables that make this binary another process, which works in the folder that they name.
const (
	crashDir = "LEDGER_CRASH_DIR" // records until it is killed
	quotaDir = "LEDGER_QUOTA_DIR" // goes through the quota's gate until it is killed
	shareDir = "LEDGER_SHARE_DIR" // takes its share of a plan
)

func TestMain(m *testing.M) {
	for name, role := range map[string]func(context.Context, string) error{
		crashDir: recordForEver, quotaDir: enterForEver, shareDir: shareThePlan,
	} {
		if dir := os.Getenv(name); dir != "" {
			if err := role(context.Background(), dir); err != nil {
				fmt.Println("failed:", err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// recordForEver records answers one by one, tells each once it is committed, and seals and publishes lots in between.
func recordForEver(ctx context.Context, dir string) error {
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
	if _, err := plan.Add(ctx, "A", "CODE", 0); err != nil {
		return err
	}
	if _, err := plan.Commit(ctx); err != nil {
		return err
	}
	for serial := 0; ; serial++ {
		body := fmt.Sprintf("%d-%d", run.ID, serial)
		if err := l.Record(ctx, run, []Answer{document(1, body, time.Now())}); err != nil {
			return err
		}
		fmt.Println(body)
		if serial%5 == 4 {
			if _, _, err := l.Seal(ctx, time.Now()); err != nil {
				return err
			}
		}
	}
}

func TestNoAnswerThatWasRecordedIsLostToAKill(t *testing.T) {
	dir := t.TempDir()
	var told []string
	for round := range 4 {
		told = append(told, killed(t, dir, 20+round)...)
	}
	l := open(t, dir)
	seal(t, l, time.Now()) // the rest
	lots, err := l.Unpublished(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]int{}
	total := 0
	for _, lot := range lots {
		before := total
		err := l.EachAnswer(t.Context(), lot, func(s *Stored) error {
			held[string(s.Body)]++
			total++
			return nil
		})
		if err != nil || int64(total-before) != lot.Answers {
			t.Fatalf("lot %s has %d answers, want %d (%v)", lot.Name, total-before, lot.Answers, err)
		}
	}
	for _, body := range told {
		if held[body] != 1 {
			t.Errorf("answer %s is there %d times", body, held[body])
		}
	}
	// A kill may hit between the commit and its telling, once a round.
	if extra := total - len(told); extra < 0 || extra > 4 {
		t.Errorf("%d answers are there, %d were told", total, len(told))
	}
}

// killed lets another process record until it has told so many answers, kills it, and gives all that it told.
func killed(t *testing.T, dir string, answers int) (told []string) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary)
	command.Env = append(os.Environ(), crashDir+"="+dir)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(output)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // a last line that was cut is no promise
		}
		if strings.HasPrefix(line, "failed") {
			t.Fatal(line)
		}
		if told = append(told, strings.TrimSpace(line)); len(told) == answers {
			if err := command.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = command.Wait() // it was killed
	if len(told) < answers {
		t.Fatalf("it ended after %d answers", len(told))
	}
	return told
}
