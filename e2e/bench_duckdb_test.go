package e2e

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestBenchDuckDB measures `replay` against DuckDB's own way from the same JSON to Parquet, zstd, a folder a type: five
// pairs in turn, each in a process of its own, on all cores. It counts the files' bytes, the memory at most, and the
// scalars that each side alters. OMEGA_E2E_DUCKDB is how many answers; make bench-duckdb sets it.
func TestBenchDuckDB(t *testing.T) {
	answers := os.Getenv("OMEGA_E2E_DUCKDB")
	if answers == "" {
		t.Skip("set OMEGA_E2E_DUCKDB to the number of answers (make bench-duckdb)")
	}
	folder := t.TempDir()
	out, lines := filepath.Join(folder, "out"), filepath.Join(folder, "answers.ndjson")
	archived(t, answers, out, lines)
	info, err := os.Stat(lines)
	if err != nil {
		t.Fatal(err)
	}
	first := measured(t, exec.Command(binary, "replay", "--out", out, "--progress", "none", "--grace", "0s"))
	t.Logf("%s answers, %d MB of JSON, %d cores; the first replay, which also learns the columns: %s", answers, info.Size()>>20, runtime.GOMAXPROCS(0), first)
	var ours, theirs []usage
	theirFolder := filepath.Join(folder, "duckdb")
	for pair := range 5 {
		if err := os.RemoveAll(theirFolder); err != nil {
			t.Fatal(err)
		}
		ours = append(ours, measured(t, exec.Command(binary, "replay", "--out", out, "--progress", "none", "--grace", "0s")))
		child := exec.Command(os.Args[0], "-test.run", "^TestDuckDBReadsJSON$", "-test.count", "1")
		child.Env = append(os.Environ(), "OMEGA_E2E_READ_JSON="+lines, "OMEGA_E2E_READ_TO="+theirFolder)
		theirs = append(theirs, measured(t, child))
		t.Logf("pair %d: replay %s; DuckDB %s; %.2f times as fast", pair+1, ours[pair], theirs[pair], theirs[pair].wall.Seconds()/ours[pair].wall.Seconds())
	}
	ratio := median(theirs, wall) / median(ours, wall)
	t.Logf("median: replay %.2f s (%.2f s of CPU), DuckDB %.2f s (%.2f s of CPU): %.2f times as fast", median(ours, wall), median(ours, cpu),
		median(theirs, wall), median(theirs, cpu), ratio)
	t.Logf("memory at most: replay %.0f MiB, DuckDB %.0f MiB", median(ours, memory), median(theirs, memory))
	t.Logf("files: replay %.2f MiB in %d, DuckDB %.2f MiB in %d", mebibytes(out, "demande_*"), files(out, "demande_*"), mebibytes(theirFolder, "*"), files(theirFolder, "*"))
	t.Logf("of replay's, %.2f MiB are the program's own columns (_sha256 and the like), which DuckDB's files have not", ownColumns(t, out))
	t.Logf("scalars altered or lost: %s", alterations(t, out, theirFolder))
}

// usage is what a process took.
type usage struct {
	wall, cpu time.Duration
	memory    int64 // bytes at most
}

func (u usage) String() string {
	return fmt.Sprintf("%.2f s (%.2f s of CPU, %d MiB at most)", u.wall.Seconds(), u.cpu.Seconds(), u.memory>>20)
}

func wall(u usage) float64   { return u.wall.Seconds() }
func cpu(u usage) float64    { return u.cpu.Seconds() }
func memory(u usage) float64 { return float64(u.memory) / (1 << 20) }

func median(of []usage, by func(usage) float64) float64 {
	var values []float64
	for _, one := range of {
		values = append(values, by(one))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func measured(t *testing.T, command *exec.Cmd) usage {
	t.Helper()
	begun := time.Now()
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", command.Args, err, text)
	}
	took := usage{wall: time.Since(begun), cpu: command.ProcessState.UserTime() + command.ProcessState.SystemTime()}
	if rusage, ok := command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		took.memory = rusage.Maxrss << 10
	}
	return took
}

// archived makes an output with so many raw answers, and the same as NDJSON.
func archived(t *testing.T, answers, out, lines string) {
	t.Helper()
	build := exec.Command("go", "build", "-o", filepath.Join(t.TempDir(), "archive"), "./archive")
	build.Dir = "../bench"
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building bench/archive: %v\n%s", err, text)
	}
	made := exec.Command(build.Args[3], "--answers", answers, "--out", out, "--ndjson", lines, "--corpus", corpus)
	if text, err := made.CombinedOutput(); err != nil {
		t.Fatalf("making %s answers: %v\n%s", answers, err, text)
	}
}

// TestDuckDBReadsJSON is DuckDB's side of TestBenchDuckDB, in a process of its own.
func TestDuckDBReadsJSON(t *testing.T) {
	lines, to := os.Getenv("OMEGA_E2E_READ_JSON"), os.Getenv("OMEGA_E2E_READ_TO")
	if lines == "" {
		t.Skip("a part of TestBenchDuckDB")
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	query := fmt.Sprintf(`COPY (SELECT *, type_demande.code AS type FROM read_json(%s, format = 'newline_delimited', maximum_object_size = 33554432))
		TO %s (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (type))`, quoted(lines), quoted(to))
	if _, err := db.Exec(query); err != nil {
		t.Fatal(err)
	}
}

func quoted(text string) string { return "'" + text + "'" }

func files(folder, tables string) int { return len(parquetFiles(folder, tables)) }

func parquetFiles(folder, tables string) []string {
	found, _ := filepath.Glob(filepath.Join(folder, tables, "*.parquet"))
	deeper, _ := filepath.Glob(filepath.Join(folder, tables, "*", "*.parquet"))
	return append(found, deeper...)
}

func mebibytes(folder, tables string) float64 {
	sum := int64(0)
	for _, path := range parquetFiles(folder, tables) {
		if info, err := os.Stat(path); err == nil {
			sum += info.Size()
		}
	}
	return float64(sum) / (1 << 20)
}

// ownColumns is the size of the columns that do not come from the documents, in MiB.
func ownColumns(t *testing.T, out string) float64 {
	t.Helper()
	bytes := count(t, views(t, out), fmt.Sprintf("SELECT sum(total_compressed_size)::BIGINT FROM parquet_metadata(%s) WHERE path_in_schema[1] = '_'",
		quoted(filepath.Join(out, "demande_*", "*", "*.parquet"))))
	return float64(bytes) / (1 << 20)
}

// alterations compares the scalars of the corpus's own documents with both sides' cells.
func alterations(t *testing.T, out, theirFolder string) string {
	t.Helper()
	documents, err := os.ReadFile(corpus)
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]map[string]string{}
	total := 0
	for _, line := range bytes.Split(bytes.TrimSpace(documents), []byte("\n")) {
		scalars, document := scalarsOf(t, line)
		wanted[document["numero_demande"].(string)] = scalars
		total += len(scalars)
	}
	db := views(t, out)
	ours := map[string]map[string]string{}
	for _, table := range typedTables(t, db) {
		gather(t, ours, rows(t, db, fmt.Sprintf("SELECT * EXCLUDE (date_export, _recupere_le, _code_cdgf, _lot, _sha256) FROM %q WHERE numero_demande NOT LIKE '%%-%%'", table)), wanted)
	}
	theirs := map[string]map[string]string{}
	gather(t, theirs, rows(t, db, fmt.Sprintf("SELECT * EXCLUDE (type) FROM read_parquet(%s, hive_partitioning = true) WHERE numero_demande NOT LIKE '%%-%%'", quoted(theirFolder+"/*/*.parquet"))), wanted)
	return fmt.Sprintf("replay %d, DuckDB %d, of %d (the corpus's own %d documents)", differing(wanted, ours), differing(wanted, theirs), total, len(wanted))
}

func gather(t *testing.T, into map[string]map[string]string, found []map[string]any, wanted map[string]map[string]string) {
	t.Helper()
	for _, row := range found {
		cells := map[string]string{}
		for name, value := range row {
			looseCells(t, cells, name, value)
		}
		if numero := row["numero_demande"].(string); wanted[numero] != nil {
			into[numero] = cells
		}
	}
}

// looseCells is cellsOf for any value of DuckDB's: a kind that is none of ours is a value of its own.
func looseCells(t *testing.T, into map[string]string, path string, value any) {
	switch v := value.(type) {
	case nil, string, int64, float64, bool, json.Number:
		cellsOf(t, into, path, v)
	case time.Time:
		if v.Year() > 1 {
			cellsOf(t, into, path, v)
		} else {
			into[path] = "a time of day " + v.Format(time.TimeOnly)
		}
	case map[string]any:
		for key, below := range v {
			name := key
			if path != "" {
				name = path + "__" + key
			}
			looseCells(t, into, name, below)
		}
	case []any:
		for i, below := range v {
			looseCells(t, into, path+"["+strconv.Itoa(i)+"]", below)
		}
	default:
		into[path] = fmt.Sprintf("%T %v", v, v)
	}
}

func differing(wanted, got map[string]map[string]string) (count int) {
	for numero, scalars := range wanted {
		for path, want := range scalars {
			if got[numero][path] != want {
				count++
			}
		}
	}
	return count
}
