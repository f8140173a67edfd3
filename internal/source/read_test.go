package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnErrorOfVisitComesBackAsItIs(t *testing.T) {
	for name, content := range formats(t) {
		for _, reason := range []error{io.EOF, errTooLong, fmt.Errorf("planning: %w", os.ErrClosed)} {
			visits := 0
			summary, err := read(t.Context(), content, func(Entry) error { visits++; return reason })
			if err != reason || visits != 1 || summary.Entries != 1 || summary.Lists != 0 {
				t.Errorf("%s: error %v instead of %v, %d visits, %+v", name, err, reason, visits, summary)
			}
		}
	}
}

func TestNothingIsVisitedOnceTheContextHasEnded(t *testing.T) {
	for name, content := range formats(t) {
		ctx, cancel := context.WithCancel(t.Context())
		visits := 0
		_, err := read(ctx, content, func(Entry) error { visits++; cancel(); return nil })
		if err != context.Canceled || visits != 1 {
			t.Errorf("%s: %d visits, error %v", name, visits, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	told := 0
	options := Options{Stdin: strings.NewReader("?\n?\n?\n"), BadLine: func(BadLine) { told++; cancel() }}
	if _, err := Read(ctx, []string{"-"}, options, ignore); err != context.Canceled || told != 1 {
		t.Errorf("bad lines: told of %d, error %v", told, err)
	}
}

func TestAReadOfStandardInputThatBlocksEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		input, writer := io.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		visited := make(chan string, 1)
		ended := make(chan error, 1)
		go func() {
			_, err := Read(ctx, []string{"-"}, Options{Stdin: input}, func(entry Entry) error { visited <- entry.Numero; return nil })
			ended <- err
		}()
		if _, err := writer.Write([]byte("WD1 # long enough to tell the format\nWD2")); err != nil {
			t.Fatal(err)
		}
		if numero := <-visited; numero != "WD1" { // it does not wait for the input's end
			t.Errorf("visited %s", numero)
		}
		synctest.Wait()
		cancel()
		if err := <-ended; err != context.Canceled {
			t.Errorf("error %v", err)
		}
		_ = writer.Close() // ends the read that was left behind
	})
}

func TestAProcessSubstitutionIsReadAndCanBeInterrupted(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = reader.Close(), writer.Close() }()
	path := fmt.Sprintf("/dev/fd/%d", reader.Fd())
	if _, err := os.Stat(path); err != nil {
		t.Skip("this system has none")
	}
	if _, err := writer.WriteString("WD1\nWD2 # and the writer falls asleep\n"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var numbers []string
	_, err = Read(ctx, []string{path}, Options{}, func(entry Entry) error {
		if numbers = append(numbers, entry.Numero); len(numbers) == 2 {
			time.AfterFunc(10*time.Millisecond, cancel) // while the next read blocks
		}
		return nil
	})
	if err != context.Canceled || len(numbers) != 2 {
		t.Errorf("numbers %v, error %v", numbers, err)
	}
}

func TestAListCutShortIsAnErrorAndItsLastLineIsNotTaken(t *testing.T) {
	var list strings.Builder
	for i := range 500 {
		fmt.Fprintf(&list, "WD%d\n", i*i*7919%1_000_003) // of many lengths, so that a cut one would be a number too
	}
	known := map[string]bool{}
	for numero := range strings.Lines(list.String()) {
		known[strings.TrimSpace(numero)] = true
	}
	for name, content := range map[string]string{"gzip": gzipped(t, list.String()), "zstd": zstded(t, list.String())} {
		for length := 4; length < len(content); length += 7 {
			var got outcome
			got.summary, got.err = read(t.Context(), content[:length], func(entry Entry) error {
				if !known[entry.Numero] {
					t.Fatalf("%s cut at %d: %s is no number of the list", name, length, entry.Numero)
				}
				return nil
			})
			var failure *ListError
			if !asListError(got.err, &failure) || !errors.Is(got.err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s cut at %d: %v", name, length, got.err)
			}
		}
	}
}

func TestWhatStandsBeforeACutIsVisited(t *testing.T) {
	first := gzipped(t, "WD1\nWD2\nWD")
	second := gzipped(t, strings.Repeat("3", 50))
	got := readContent(t, first+second[:len(second)-3])
	if got.pairs() != "WD1 WD2" || !errors.Is(got.err, io.ErrUnexpectedEOF) {
		t.Errorf("numbers %q, error %v", got.pairs(), got.err)
	}
	if !strings.Contains(got.err.Error(), "line 3: it is cut short") {
		t.Errorf("told %v", got.err)
	}
}

func TestBytesDamagedWithinACompressedListAreFound(t *testing.T) {
	for name, content := range map[string]string{"gzip": gzipped(t, "WD1\nWD2\n"), "zstd": zstded(t, "WD1\nWD2\n")} {
		damaged := []byte(content)
		damaged[len(damaged)-4] ^= 1 // in the checksum, or the length
		var failure *ListError
		if got := readContent(t, string(damaged)); !asListError(got.err, &failure) {
			t.Errorf("%s: error %v", name, got.err)
		}
	}
}

func TestAFileThatIsCertainlyNoListIsExplained(t *testing.T) {
	for _, test := range []struct{ content, told string }{
		{"\xFF\xFEW\x00D\x00", "convert it to UTF-8"},
		{"\xFE\xFF\x00W\x00D", "convert it to UTF-8"},
		{gzipped(t, "\xFF\xFEW\x00D\x00"), "convert it to UTF-8"},
		{gzipped(t, zstded(t, "WD1\n")), "compressed twice"},
		{"PK\x03\x04\x14\x00\x06\x00", "export it as CSV"},
		{"[\n  {\"numero_demande\":\"WD1\"}\n]\n", "JSON array"},
		{`["WD1","WD2"]`, "JSON array"},
		{"\x1F\x8B", "cut short"},
		{"\x28\xB5\x2F\xFD\x00\xF8\x01\x00\x00", "needs more than 128 MiB to decompress"},
		{"\x1F\x8Bnot gzip at all", "damaged"},
	} {
		got := readContent(t, test.content)
		var failure *ListError
		if !asListError(got.err, &failure) || !strings.Contains(got.err.Error(), test.told) {
			t.Errorf("%q: %v, want …%s…", test.content, got.err, test.told)
		}
	}
}

// endless is one line over and over.
type endless struct {
	line string
	at   int
}

func (e *endless) Read(buffer []byte) (int, error) {
	for i := range buffer {
		buffer[i] = e.line[e.at]
		e.at = (e.at + 1) % len(e.line)
	}
	return len(buffer), nil
}

func TestAMillionNumbersTakeNoMoreMemoryThanTen(t *testing.T) {
	input := &endless{line: "WD00APSW\n"}
	var memory runtime.MemStats
	heap := func() uint64 {
		runtime.GC()
		runtime.ReadMemStats(&memory)
		return memory.HeapAlloc
	}
	var early, late uint64
	stop := errors.New("enough")
	visits := 0
	_, err := Read(t.Context(), []string{"-"}, Options{Stdin: input}, func(Entry) error {
		switch visits++; visits {
		case 10:
			early = heap()
		case 1_000_000:
			late = heap()
			return stop
		}
		return nil
	})
	if err != stop {
		t.Fatal(err)
	}
	if late > early+1<<20 {
		t.Errorf("%d bytes after ten numbers, %d after a million", early, late)
	}
}

func TestALineCostsNoAllocationButItsNumber(t *testing.T) {
	const rows = 5000
	for name, test := range map[string]struct {
		list string
		most float64 // allocations a row
	}{
		"text": {strings.Repeat("WD00APSW # x\n", rows), 1},
		"csv":  {"note,numero_demande,code_cdgf\n" + strings.Repeat("\"a,\nb\",WD00APSW,A04000000X\n", rows), 1},
		// json.Valid has a pool, which the race detector keeps emptying.
		"ndjson": {strings.Repeat(`{"x":{"y":["z"]},"numero_demande":"WD00APSW","code_cdgf":"A04000000X"}`+"\n", rows), 3},
	} {
		path := write(t, "list", test.list)
		allocations := testing.AllocsPerRun(3, func() {
			if summary, err := Read(t.Context(), []string{path}, Options{}, ignore); err != nil || summary.Entries != rows {
				t.Fatalf("%s: %+v, %v", name, summary, err)
			}
		})
		if allocations > test.most*rows+200 {
			t.Errorf("%s: %.0f allocations for %d numbers", name, allocations, rows)
		}
	}
}

func TestListsAreReadInTheOrderGivenAndNotDeduplicated(t *testing.T) {
	folder := t.TempDir()
	for i, part := range []string{"WD00APSW\nWD00APSX\n", "WD00APSY"} {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.txt", i)), []byte(part), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := readLists(t, Options{Stdin: strings.NewReader("WD00APSZ")}, filepath.Join(folder, "*.txt"), "-", filepath.Join(folder, "1.txt"))
	if got.err != nil || got.pairs() != "WD00APSW WD00APSX WD00APSY WD00APSZ WD00APSY" {
		t.Errorf("numbers %q, error %v", got.pairs(), got.err)
	}
	if want := (Summary{Lists: 4, Entries: 5}); got.summary != want {
		t.Errorf("summary %+v, want %+v", got.summary, want)
	}
}
