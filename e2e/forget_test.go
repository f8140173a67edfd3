package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// forgotten runs `forget` to the end, which must come with that exit code.
func (p *place) forgotten(code int, flags ...string) string {
	p.t.Helper()
	var text bytes.Buffer
	command := exec.Command(binary, append([]string{"forget", "--out", p.out, "--state", p.state, "--progress", "none"}, flags...)...)
	command.Stdout, command.Stderr = &text, &text
	if got := exitOf(p.t, command.Run()); got != code {
		p.t.Fatalf("forget %q exits %d, want %d:\n%s", flags, got, code, text.String())
	}
	return text.String()
}

// listed are the numbers of the corpus' list.
func listed(t *testing.T) (numbers []string) {
	t.Helper()
	text, err := os.ReadFile("../testdata/numeros.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			numbers = append(numbers, line)
		}
	}
	return numbers
}

// foundAnywhere is where one of the numbers stands in the place's folders: in the rows of any Parquet file, pointed to or
// not, in any column, or in the bytes of any other file.
func (p *place) foundAnywhere(numbers []string) (found []string) {
	p.t.Helper()
	db := views(p.t, p.out)
	pattern := strings.Join(numbers, "|")
	for _, root := range []string{p.out, p.state} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, number := range numbers {
				if bytes.Contains(content, []byte(number)) {
					found = append(found, number+" in the bytes of "+path)
				}
			}
			if !strings.HasSuffix(path, ".parquet") {
				return nil
			}
			query := fmt.Sprintf("SELECT count(*) FROM read_parquet('%s') t WHERE regexp_matches(CAST(to_json(t) AS VARCHAR), '%s')", path, pattern)
			if rows := count(p.t, db, query); rows > 0 {
				found = append(found, fmt.Sprintf("%d rows of %s", rows, path))
			}
			return nil
		})
		if err != nil {
			p.t.Fatal(err)
		}
	}
	return found
}

// rowsBut compares all cells of all tables with those before, but for the rows of some numbers, both ways.
func (p *place) rowsBut(before map[string]string, numbers []string) {
	p.t.Helper()
	db := views(p.t, p.out)
	if _, err := db.Exec("SET threads = 1"); err != nil {
		p.t.Fatal(err)
	}
	in := "('" + strings.Join(numbers, "', '") + "')"
	for table, file := range before {
		then := fmt.Sprintf("SELECT * FROM read_parquet('%s') WHERE numero_demande NOT IN %s", file, in)
		now := fmt.Sprintf("SELECT * FROM %q", table)
		for _, pair := range [][2]string{{then, now}, {now, then}} {
			if rows := count(p.t, db, fmt.Sprintf("SELECT count(*) FROM (%s EXCEPT ALL %s)", pair[0], pair[1])); rows > 0 {
				p.t.Errorf("%s: %d rows differ", table, rows)
			}
		}
	}
}

// snapshot keeps all tables as they are, each in a file.
func (p *place) snapshot() map[string]string {
	p.t.Helper()
	db := views(p.t, p.out)
	kept := map[string]string{}
	for _, table := range append(typedTables(p.t, db), "reponses") {
		kept[table] = filepath.Join(p.t.TempDir(), table+".parquet")
		if _, err := db.Exec(fmt.Sprintf("COPY (SELECT * FROM %q) TO '%s'", table, kept[table])); err != nil {
			p.t.Fatal(err)
		}
	}
	return kept
}

func TestForgottenDemandesAreNowhereAndAreNotFetchedAgain(t *testing.T) {
	t.Parallel()
	p := corpusOutput(t)
	p.run(0, "--list", "../testdata/numeros.txt", "--rate", "500", "--refresh", "all") // two nights, the second unchanged
	does(t, "compact", "--out", p.out, "--progress", "none")                           // whose old files wait a day
	numbers := listed(t)
	gone := []string{numbers[0], numbers[200], numbers[459]}
	before := p.snapshot()
	if len(p.foundAnywhere(gone)) < 6 {
		t.Fatal("they are nowhere before")
	}
	receipt := filepath.Join(t.TempDir(), "recu.json")
	text := p.forgotten(0, append(gone, "--receipt", receipt, "--grace", "0s")...)
	if found := p.foundAnywhere(gone); len(found) > 0 {
		t.Errorf("they stand in:\n%s\n%s", strings.Join(found, "\n"), text)
	}
	p.rowsBut(before, gone)
	does(t, "verify", "--deep", "--out", p.out)
	var written struct {
		Numbers []string `json:"numbers"`
		Nowhere []string `json:"found_nowhere"`
		Outputs []struct {
			Tables []struct {
				Table string `json:"table"`
				Rows  int64  `json:"rows"`
			} `json:"tables"`
		} `json:"outputs"`
		Outcome string `json:"outcome"`
	}
	content, err := os.ReadFile(receipt)
	if err == nil {
		err = json.Unmarshal(content, &written)
	}
	if err != nil || len(written.Numbers) != 3 || len(written.Nowhere) != 0 || written.Outcome != "complete" || len(written.Outputs) != 1 {
		t.Fatalf("receipt %v: %s", err, content)
	}
	rows := map[string]int64{}
	for _, table := range written.Outputs[0].Tables {
		rows[table.Table] = table.Rows
	}
	if rows["reponses"] != 6 {
		t.Errorf("rows %v", rows)
	}
	// Nothing that is done to the output or with the ledger brings them back, and no call is spent on them.
	calls := p.stats().Arrivals
	for range 2 {
		p.run(0, "--list", "../testdata/numeros.txt", "--rate", "500", "--refresh", "all")
		does(t, "compact", "--out", p.out, "--progress", "none", "--grace", "0s")
		does(t, "replay", "--out", p.out, "--progress", "none", "--grace", "0s", "--relearn")
	}
	if more := p.stats().Arrivals - calls; more != 2*457 {
		t.Errorf("%d calls", more)
	}
	if found := p.foundAnywhere(gone); len(found) > 0 {
		t.Errorf("they came back in:\n%s", strings.Join(found, "\n"))
	}
	does(t, "verify", "--deep", "--out", p.out)
}

// TestForgettingKilledAnywhereIsEndedByRunningItAgain kills it at random moments, each time with other numbers.
func TestForgettingKilledAnywhereIsEndedByRunningItAgain(t *testing.T) {
	t.Parallel()
	p := corpusOutput(t)
	does(t, "compact", "--out", p.out, "--progress", "none")
	numbers := listed(t)
	before := p.snapshot()
	random := rand.New(rand.NewPCG(3, 3))
	begun := time.Now()
	p.forgotten(0, numbers[0], "--grace", "0s")
	whole := time.Since(begun)
	gone, kills := numbers[:1], 0
	for round := range 20 {
		asked := numbers[1+round*3 : 4+round*3]
		command := exec.Command(binary, append([]string{"forget", "--out", p.out, "--state", p.state, "--progress", "none"}, asked...)...)
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(random.Float64()*float64(whole)*1.1), func() { _ = command.Process.Kill() })
		if command.Wait() != nil {
			kills++
		}
		timer.Stop()
		// Whether it happened or not, none of the others is touched.
		gone = numbers[:4+round*3]
		db := views(t, p.out)
		if rows := count(t, db, fmt.Sprintf("SELECT count(*) FROM reponses WHERE numero_demande NOT IN ('%s')", strings.Join(gone, "', '"))); rows != int64(460-len(gone)) {
			t.Fatalf("after kill %d there are %d other answers, want %d", kills, rows, 460-len(gone))
		}
		if left := count(t, db, fmt.Sprintf("SELECT count(*) FROM reponses WHERE numero_demande IN ('%s')", strings.Join(asked, "', '"))); left != 0 && left != 3 {
			t.Errorf("after kill %d there are %d of three answers", kills, left)
		}
	}
	t.Logf("%d of 20 were killed before their end", kills)
	if kills < 8 {
		t.Errorf("only %d kills", kills)
	}
	list := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(list, []byte(strings.Join(gone, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	p.forgotten(0, "--list", list, "--grace", "0s")
	if found := p.foundAnywhere(gone); len(found) > 0 {
		t.Errorf("they stand in:\n%s", strings.Join(found, "\n"))
	}
	p.rowsBut(before, gone)
	does(t, "verify", "--deep", "--out", p.out)
	if text := p.forgotten(0, "--list", list); !strings.Contains(text, "Nothing was found of these numbers") {
		t.Errorf("again: %s", text)
	}
}

func TestForgettingWaitsForNoRunAndLeavesItAlone(t *testing.T) {
	t.Parallel()
	p := served(t, "--gateway", "none", "--latency", "1ms")
	list := filepath.Join(t.TempDir(), "few.txt")
	if err := os.WriteFile(list, []byte(strings.Join(listed(t)[:40], "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	run := p.command("--list", list, "--rate", "5", "--seal-every", "1s")
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); p.stats().Arrivals < 8; {
		if time.Now().After(deadline) {
			t.Fatal("the run makes no calls")
		}
		time.Sleep(100 * time.Millisecond)
	}
	text := p.forgotten(75, listed(t)[0])
	if !strings.Contains(text, "another run holds the ledger") || !strings.Contains(text, "run 1 goes on") || !strings.Contains(text, "run the same command again") {
		t.Errorf("it says %s", text)
	}
	if err := run.Wait(); err != nil {
		t.Fatal(err)
	}
	p.forgotten(0, listed(t)[0], "--grace", "0s")
	if found := p.foundAnywhere(listed(t)[:1]); len(found) > 0 {
		t.Errorf("it stands in %q", found)
	}
	p.verify()
}

// TestTheArchiveMayStandElsewhere forgets in two outputs at once.
func TestTheArchiveMayStandElsewhere(t *testing.T) {
	t.Parallel()
	p := corpusOutput(t)
	tables := filepath.Join(t.TempDir(), "tables")
	does(t, "replay", "--out", p.out, "--to", tables, "--progress", "none")
	gone := listed(t)[:2]
	text := does(t, "forget", "--archive", p.out, "--out", tables, "--state", p.state, "--grace", "0s", gone[0], gone[1])
	if strings.Count(text, "\nIn ") != 2 {
		t.Errorf("it says %s", text)
	}
	for _, out := range []string{tables, p.out} {
		q := &place{t: t, out: out, state: p.state}
		if found := q.foundAnywhere(gone); len(found) > 0 {
			t.Errorf("they stand in %q", found)
		}
		does(t, "verify", "--out", out)
	}
	does(t, "replay", "--out", p.out, "--to", tables, "--progress", "none", "--grace", "0s")
	if found := (&place{t: t, out: tables, state: p.state}).foundAnywhere(gone); len(found) > 0 {
		t.Errorf("they came back in %q", found)
	}
}
