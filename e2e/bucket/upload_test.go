package bucket

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"omega-export/internal/sink"
)

// uploaderVariable makes the test binary the uploader, so that its memory is measured alone: how many MiB to upload.
const uploaderVariable = "OMEGA_E2E_UPLOADER_MIB"

// noise has a body in each row that no compression makes smaller by more than a half: hexadecimal.
func noise(spec sink.TableSpec, from, count, bodyBytes int) arrow.Record {
	builder := array.NewRecordBuilder(memory.DefaultAllocator, spec.Schema)
	defer builder.Release()
	random := rand.NewChaCha8(sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(from))))
	body := make([]byte, bodyBytes)
	for row := from; row < from+count; row++ {
		for i, field := range builder.Fields() {
			switch column := field.(type) {
			case *array.StringBuilder:
				if spec.Schema.Field(i).Name == "corps" {
					_, _ = random.Read(body)
					column.Append(hex.EncodeToString(body))
					continue
				}
				column.Append(strconv.Itoa(row))
			case *array.Int64Builder:
				column.Append(200)
			case *array.TimestampBuilder:
				column.Append(arrow.Timestamp(1_700_000_000_000_000 + int64(row)))
			}
		}
	}
	return builder.NewRecord()
}

// upload publishes one lot of that many MiB of noise, which hexadecimal makes nearly twice as many in the file.
func upload() int {
	mebibytes, err := strconv.Atoi(os.Getenv(uploaderVariable))
	if err == nil {
		err = uploadLot(context.Background(), os.Getenv("OMEGA_OUT"), mebibytes)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM") {
			fmt.Print(line)
		}
	}
	return 0
}

func uploadLot(ctx context.Context, uri string, mebibytes int) error {
	out, err := sink.Open(ctx, uri)
	if err != nil {
		return err
	}
	lot, err := out.Begin(ctx, info("l1"))
	if err != nil {
		return err
	}
	defer lot.Abort()
	spec := archiveTable()
	writer, err := lot.Create(ctx, spec)
	if err != nil {
		return err
	}
	// The same record again and again, so that making it is no part of the measure: 1 MiB of noise, longer than zstd's window in a page.
	record := noise(spec, 0, 1024, 1024)
	defer record.Release()
	for range mebibytes {
		if err := writer.Write(record); err != nil {
			return err
		}
	}
	if err := writer.Close(); err != nil {
		return err
	}
	return lot.Commit(ctx)
}

// drain is a bucket that keeps no data file's bytes, only their sums, and what else there is.
type drain struct {
	mutex   sync.Mutex
	objects map[string][]byte
	sizes   map[string]int64
	sums    map[string]uint32
	puts    int
}

func (d *drain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	name := r.URL.Query().Get("name")
	switch {
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/o"):
		fmt.Fprint(w, `{"kind":"storage#objects"}`)
	case r.URL.Query().Get("upload_id") != "":
		d.part(w, r, name)
	case r.Method == http.MethodPost && r.URL.Query().Get("uploadType") == "resumable":
		w.Header().Set("Location", "http://"+r.Host+"/upload/storage/v1/b/drain/o?upload_id=1&name="+name)
		d.sizes[name], d.sums[name] = 0, 0
	case r.Method == http.MethodPost:
		whole, _ := io.ReadAll(r.Body)
		d.objects[name] = whole
		// The parts' frame is cut off no further: nobody reads the objects back. The sum is the one that was sent.
		var sent struct{ Crc32c string }
		from := strings.Index(string(whole), "{")
		_ = json.NewDecoder(strings.NewReader(string(whole[from:]))).Decode(&sent)
		sum, _ := base64.StdEncoding.DecodeString(sent.Crc32c)
		d.sums[name] = binary.BigEndian.Uint32(sum)
		d.answer(w, name)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// part takes a part of a file.
func (d *drain) part(w http.ResponseWriter, r *http.Request, name string) {
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	d.puts++
	buffer := make([]byte, 256<<10)
	for {
		read, err := r.Body.Read(buffer)
		d.sums[name] = crc32.Update(d.sums[name], castagnoli, buffer[:read])
		d.sizes[name] += int64(read)
		if err != nil {
			break
		}
	}
	if strings.HasSuffix(r.Header.Get("Content-Range"), "/*") {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", d.sizes[name]-1))
		w.Header().Set("X-Http-Status-Code-Override", "308")
		return
	}
	d.answer(w, name)
}

func (d *drain) answer(w http.ResponseWriter, name string) {
	_ = json.NewEncoder(w).Encode(map[string]any{
		"name": name, "bucket": "drain", "generation": "7", "size": strconv.FormatInt(d.sizes[name], 10),
		"crc32c": base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, d.sums[name])),
	})
}

// TestTheMemoryOfAnUploadIsThatOfAChunk uploads a lot of 1 GiB by a process of its own, and one of a ninth of that. What
// the peak grows by is the collector's doing and the file's footer.
func TestTheMemoryOfAnUploadIsThatOfAChunk(t *testing.T) {
	if os.Getenv("OMEGA_E2E_UPLOAD") == "" {
		t.Skip("OMEGA_E2E_UPLOAD=1 uploads 1 GiB")
	}
	peak := map[int]int{}
	for _, mebibytes := range []int{64, 560} {
		d := &drain{objects: map[string][]byte{}, sizes: map[string]int64{}, sums: map[string]uint32{}}
		server := httptest.NewServer(d)
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), "STORAGE_EMULATOR_HOST="+server.URL, "OMEGA_OUT=gs://drain/out", uploaderVariable+"="+strconv.Itoa(mebibytes))
		command.Stderr = os.Stderr
		begun := time.Now()
		text, err := command.Output()
		took := time.Since(begun)
		server.Close()
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		var largest int64
		for _, size := range d.sizes {
			largest = max(largest, size)
		}
		if _, err := fmt.Sscanf(string(text), "VmHWM: %d kB", new(int)); err == nil {
			var kibibytes int
			_, _ = fmt.Sscanf(string(text), "VmHWM: %d kB", &kibibytes)
			peak[mebibytes] = kibibytes >> 10
		}
		t.Logf("a file of %d MiB in %d requests: %v, %.0f MiB/s, peak memory %d MiB", largest>>20, d.puts, took.Round(time.Millisecond),
			float64(largest)/(1<<20)/took.Seconds(), peak[mebibytes])
	}
	if peak[560] > peak[64]+128 {
		t.Errorf("the peak grows with the file: %v MiB", peak)
	}
}
