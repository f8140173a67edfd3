package pipeline

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/s2"

	"omega-export/internal/sink"
)

const (
	// sortedInMemory is how many heads are sorted at once, some 60 MB; more are merged from a file.
	sortedInMemory = 1 << 19
	// spillBlock bounds the memory that each sorted part of the file takes while all are merged.
	spillBlock = 64 << 10
)

// headRecord is a head in little memory.
type headRecord struct {
	numero                   string
	sum                      [32]byte
	at                       int64 // microseconds
	since                    int64 // days; noDay: none
	code, motif, typ, statut uint32
	status, attempts         int32
	kind                     sink.HeadKind
}

const noDay = -1 << 31

// compare orders heads by number; then the documents, which say what the others are; then by time, a reject before the
// answer that it was.
func (r *headRecord) compare(other *headRecord) int {
	if order := strings.Compare(r.numero, other.numero); order != 0 {
		return order
	}
	if typed, otherTyped := r.kind == sink.HeadDocument, other.kind == sink.HeadDocument; typed != otherTyped {
		if typed {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(r.at, other.at), -cmp.Compare(r.kind, other.kind))
}

// headSorter sorts any number of heads in bounded memory. It is for one goroutine.
type headSorter struct {
	folder string
	limit  int // of heads in memory

	records []headRecord
	texts   []string // codes, motifs, types and statuses, which are few
	ids     map[string]uint32

	spilled *os.File
	parts   []span // of the file
	end     int64
}

type span struct{ from, to int64 }

func newHeadSorter(folder string) *headSorter {
	return &headSorter{folder: folder, limit: sortedInMemory, ids: map[string]uint32{}}
}

func (s *headSorter) add(head *sink.Head) error {
	record := headRecord{
		numero: head.Numero, sum: head.SHA256, at: head.FetchedAt.UnixMicro(), since: noDay, kind: head.Kind,
		code: s.id(head.CodeCDGF), motif: s.id(head.Motif), typ: s.id(head.Type), statut: s.id(head.Statut),
		status: int32(head.HTTPStatus), attempts: int32(head.Attempts),
	}
	if !head.StatutSince.IsZero() {
		record.since = head.StatutSince.Unix() / 86400
	}
	s.records = append(s.records, record)
	if len(s.records) < s.limit {
		return nil
	}
	return s.spill()
}

func (s *headSorter) id(text string) uint32 {
	id, ok := s.ids[text]
	if !ok {
		id = uint32(len(s.texts))
		s.texts, s.ids[text] = append(s.texts, text), id
	}
	return id
}

func (s *headSorter) sort() {
	slices.SortFunc(s.records, func(a, b headRecord) int { return a.compare(&b) })
}

// spill writes what is in memory behind the file's other parts, sorted.
func (s *headSorter) spill() error {
	if s.spilled == nil {
		file, err := os.CreateTemp(s.folder, "rebuild-*.tmp")
		if err != nil {
			return err
		}
		s.spilled = file
		// Without a name it goes with the process, however that dies. Where that is not possible it goes with close.
		_ = os.Remove(file.Name())
	}
	s.sort()
	to := &countingWriter{to: s.spilled}
	compressed := s2.NewWriter(to, s2.WriterBlockSize(spillBlock), s2.WriterConcurrency(1))
	var line []byte
	for i := range s.records {
		line = s.records[i].append(line[:0])
		if _, err := compressed.Write(line); err != nil {
			return err
		}
	}
	if err := compressed.Close(); err != nil {
		return err
	}
	s.parts = append(s.parts, span{s.end, s.end + to.written})
	s.end += to.written
	s.records = s.records[:0]
	return nil
}

type countingWriter struct {
	to      io.Writer
	written int64
}

func (w *countingWriter) Write(b []byte) (int, error) {
	written, err := w.to.Write(b)
	w.written += int64(written)
	return written, err
}

// sorted gives all heads in order, once.
func (s *headSorter) sorted() iter.Seq2[sink.Head, error] {
	return func(yield func(sink.Head, error) bool) {
		s.sort()
		merged := &headMerge{}
		if len(s.records) > 0 {
			merged.sources = append(merged.sources, &headSource{memory: s.records})
		}
		for _, part := range s.parts {
			section := io.NewSectionReader(s.spilled, part.from, part.to-part.from)
			merged.sources = append(merged.sources, &headSource{
				file: bufio.NewReaderSize(s2.NewReader(section, s2.ReaderMaxBlockSize(spillBlock)), 4<<10),
			})
		}
		for record, err := range merged.all() {
			if err != nil {
				yield(sink.Head{}, err)
				return
			}
			if !yield(s.head(record), nil) {
				return
			}
		}
	}
}

func (s *headSorter) head(r *headRecord) sink.Head {
	head := sink.Head{
		Kind: r.kind, Numero: r.numero, CodeCDGF: s.texts[r.code], HTTPStatus: int(r.status), SHA256: r.sum,
		FetchedAt: time.UnixMicro(r.at).UTC(), Motif: s.texts[r.motif], Attempts: int(r.attempts), Type: s.texts[r.typ], Statut: s.texts[r.statut],
	}
	if r.since != noDay {
		head.StatutSince = time.Unix(r.since*86400, 0).UTC()
	}
	return head
}

func (s *headSorter) close() {
	if s.spilled != nil {
		_ = s.spilled.Close() // nothing in it matters any more
		_ = os.Remove(s.spilled.Name())
	}
}

// headSource is one sorted part.
type headSource struct {
	memory []headRecord
	file   *bufio.Reader
	first  headRecord
}

// next puts the next head first; io.EOF: there is none.
func (s *headSource) next() error {
	if s.file != nil {
		return s.first.read(s.file)
	}
	if len(s.memory) == 0 {
		return io.EOF
	}
	s.first, s.memory = s.memory[0], s.memory[1:]
	return nil
}

// headMerge is the parts, the one with the least head first. It is a heap.
type headMerge struct{ sources []*headSource }

func (m *headMerge) Len() int           { return len(m.sources) }
func (m *headMerge) Less(i, j int) bool { return m.sources[i].first.compare(&m.sources[j].first) < 0 }
func (m *headMerge) Swap(i, j int)      { m.sources[i], m.sources[j] = m.sources[j], m.sources[i] }
func (m *headMerge) Push(any)           {} // a part never comes back
func (m *headMerge) Pop() any {
	last := m.sources[len(m.sources)-1]
	m.sources = m.sources[:len(m.sources)-1]
	return last
}

// all gives the heads of all parts in order. Each is good until the next.
func (m *headMerge) all() iter.Seq2[*headRecord, error] {
	return func(yield func(*headRecord, error) bool) {
		for _, source := range m.sources {
			if err := source.next(); err != nil {
				yield(nil, err) // no part is empty
				return
			}
		}
		heap.Init(m)
		for m.Len() > 0 {
			least := m.sources[0]
			if !yield(&least.first, nil) {
				return
			}
			switch err := least.next(); {
			case err == nil:
				heap.Fix(m, 0)
			case errors.Is(err, io.EOF):
				heap.Pop(m)
			default:
				yield(nil, err)
				return
			}
		}
	}
}

// append encodes the record behind line.
func (r *headRecord) append(line []byte) []byte {
	line = binary.AppendUvarint(line, uint64(len(r.numero)))
	line = append(line, r.numero...)
	line = append(line, byte(r.kind))
	line = append(line, r.sum[:]...)
	for _, number := range [...]int64{r.at, r.since, int64(r.code), int64(r.motif), int64(r.typ), int64(r.statut), int64(r.status), int64(r.attempts)} {
		line = binary.AppendVarint(line, number)
	}
	return line
}

// read decodes the next record; io.EOF if there is none.
func (r *headRecord) read(from *bufio.Reader) error {
	length, err := binary.ReadUvarint(from)
	if err != nil {
		return err
	}
	numero := make([]byte, length)
	if _, err := io.ReadFull(from, numero); err != nil {
		return cutShort(err)
	}
	r.numero = string(numero)
	kind, err := from.ReadByte()
	if err != nil {
		return cutShort(err)
	}
	r.kind = sink.HeadKind(kind)
	if _, err := io.ReadFull(from, r.sum[:]); err != nil {
		return cutShort(err)
	}
	var numbers [8]int64
	for i := range numbers {
		if numbers[i], err = binary.ReadVarint(from); err != nil {
			return cutShort(err)
		}
	}
	r.at, r.since = numbers[0], numbers[1]
	r.code, r.motif, r.typ, r.statut = uint32(numbers[2]), uint32(numbers[3]), uint32(numbers[4]), uint32(numbers[5])
	r.status, r.attempts = int32(numbers[6]), int32(numbers[7])
	return nil
}

func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
