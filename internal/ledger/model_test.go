package ledger

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"
)

// model is the ledger in plain maps, as its contract tells it.
type model struct {
	numbers  map[string]*modelNumber
	unsealed []modelAnswer
	lots     map[int64][]modelAnswer
	campaign time.Time // begin of the open campaign of All; zero if none is

	run   Run
	order []string // of the run: the never answered by place, then the others by due time
	at    int      // of the next in order
	done  map[string]bool
	given map[string]bool
}

type modelNumber struct {
	id        int64
	code      string
	settledAt time.Time
	nextDue   time.Time
	lastSum   string
}

type modelAnswer struct {
	line   string
	typ    string
	status int
	kind   int
}

func (m *model) begin(run Run, at time.Time) Run {
	run.Since = at
	if run.Refresh == All && !m.campaign.IsZero() {
		run.Since = m.campaign
	}
	m.campaign = time.Time{}
	if run.Refresh == All {
		m.campaign = run.Since
	}
	m.run = run
	return run
}

// plan makes the order of the run from its list.
func (m *model) plan(list [][2]string) Planned {
	var counts Planned
	listed := map[string]bool{}
	var never, others []string
	for _, entry := range list {
		numero, code := entry[0], entry[1]
		if listed[numero] {
			continue
		}
		listed[numero] = true
		counts.Listed++
		number := m.numbers[numero]
		if number == nil {
			number = &modelNumber{id: int64(len(m.numbers)) + 1}
			m.numbers[numero] = number
			counts.New++
		}
		number.code = code
		switch {
		case number.settledAt.IsZero():
			never = append(never, numero)
		case m.run.Refresh == Due, m.run.Refresh == All && number.settledAt.Before(m.run.Since):
			others = append(others, numero)
		}
	}
	slices.SortStableFunc(others, func(a, b string) int { return m.numbers[a].nextDue.Compare(m.numbers[b].nextDue) })
	m.order, m.at, m.done, m.given = append(never, others...), 0, map[string]bool{}, map[string]bool{}
	return counts
}

// next gives the next numbers of the run: those that are not settled meanwhile, while they are due.
func (m *model) next(now time.Time, limit int) []string {
	page := []string{}
	for ; m.at < len(m.order) && len(page) < limit; m.at++ {
		numero := m.order[m.at]
		if m.done[numero] {
			continue
		}
		number := m.numbers[numero]
		if m.run.Refresh == Due && !number.settledAt.IsZero() && number.nextDue.After(now) {
			break
		}
		page = append(page, numero)
	}
	return page
}

func (m *model) record(numero string, answer Answer) {
	number := m.numbers[numero]
	kept := modelAnswer{typ: answer.Type, status: answer.HTTPStatus, kind: kindArchived}
	body := answer.Body
	if answer.Settles {
		number.settledAt, number.nextDue = answer.ReceivedAt, answer.NextDue
		m.done[numero] = true
		kept.kind = kindReject
		if answer.Motif == "" {
			kept.kind = kindChanged
			if number.lastSum == string(answer.SHA256) {
				kept.kind, body = kindUnchanged, nil
			}
			number.lastSum = string(answer.SHA256)
		}
	}
	if len(body) == 0 {
		body = nil
	}
	kept.line = line(&Stored{
		Numero: numero, CodeCDGF: number.code, HTTPStatus: answer.HTTPStatus, Body: body, SHA256: answer.SHA256, Type: answer.Type,
		Motif: answer.Motif, Message: answer.Message, Attempts: answer.Attempts, ReceivedAt: answer.ReceivedAt,
	})
	m.unsealed = append(m.unsealed, kept)
}

func (m *model) lines(lot int64, wanted func(modelAnswer) bool) []string {
	lines := []string{}
	for _, answer := range m.lots[lot] {
		if wanted(answer) {
			lines = append(lines, answer.line)
		}
	}
	return lines
}

// world drives a ledger and its model with the same random operations.
type world struct {
	t      *testing.T
	random *rand.Rand
	dir    string
	ledger *Ledger
	model  model
	now    time.Time
	cursor Cursor
}

func TestTheLedgerDoesWhatItsModelDoes(t *testing.T) {
	for seed := range int64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := &world{t: t, random: rand.New(rand.NewSource(seed)), dir: t.TempDir(), now: begun}
			w.model = model{numbers: map[string]*modelNumber{}, lots: map[int64][]modelAnswer{}}
			w.ledger = open(t, w.dir)
			w.begin()
			for range 150 {
				w.now = w.now.Add(time.Duration(w.random.Int63n(int64(time.Hour)))).Truncate(time.Microsecond)
				switch w.random.Intn(12) {
				case 0:
					w.begin()
				case 1:
					w.seal()
				case 2:
					w.publish()
				case 3, 4, 5, 6:
					w.page()
				default:
					w.record()
				}
				if t.Failed() {
					return
				}
			}
			w.seal()
			w.readLots()
			w.counts()
		})
	}
}

// begin ends the run, or lets it die with the process, and plans the next.
func (w *world) begin() {
	switch w.random.Intn(3) {
	case 0: // the process dies: the run never ends
		if err := w.ledger.Close(); err != nil {
			w.t.Fatal(err)
		}
		w.ledger = open(w.t, w.dir)
	case 1:
		if w.model.run.ID == 0 {
			break
		}
		complete := w.random.Intn(2) == 0
		if err := w.ledger.EndRun(w.t.Context(), w.model.run.ID, w.now, complete, 0); err != nil {
			w.t.Fatal(err)
		}
		if complete {
			w.model.campaign = time.Time{}
		}
	}
	refresh := []Refresh{Missing, Due, Due, All, All}[w.random.Intn(5)]
	run := begin(w.t, w.ledger, refresh, w.now)
	if want := w.model.begin(run, w.now); run != want {
		w.t.Fatalf("run %+v, want %+v", run, want)
	}
	w.plan(run)
}

func (w *world) plan(run Run) {
	plan, err := w.ledger.NewPlan(w.t.Context(), run)
	if err != nil {
		w.t.Fatal(err)
	}
	plan.size = 1 + w.random.Intn(30)
	var list [][2]string
	for range w.random.Intn(120) {
		list = append(list, [2]string{fmt.Sprint("N", w.random.Intn(80)), fmt.Sprint("C", w.random.Intn(10)/9)})
		if _, err := plan.Add(w.t.Context(), list[len(list)-1][0], list[len(list)-1][1]); err != nil {
			w.t.Fatal(err)
		}
	}
	got, err := plan.Commit(w.t.Context())
	if want := w.model.plan(list); err != nil || got != want {
		w.t.Fatalf("planned %+v, want %+v (%v)", got, want, err)
	}
	w.cursor = Cursor{}
	count, err := w.ledger.CountDue(w.t.Context(), run, w.now)
	counted := w.model
	if want := len(counted.next(w.now, 1000)); err != nil || int(count) != want {
		w.t.Fatalf("%d are due, want %d (%v)", count, want, err)
	}
}

func (w *world) page() {
	limit := 1 + w.random.Intn(20)
	page, next, err := w.ledger.NextDue(w.t.Context(), w.model.run, w.cursor, w.now, limit)
	if err != nil {
		w.t.Fatal(err)
	}
	want := w.model.next(w.now, limit)
	if got := numeros(page); !equal(got, want) {
		w.t.Fatalf("page %v, want %v", got, want)
	}
	for _, demande := range page {
		number := w.model.numbers[demande.Numero]
		if w.model.given[demande.Numero] || demande.ID != number.id || demande.CodeCDGF != number.code || string(demande.DernierSHA256) != number.lastSum {
			w.t.Fatalf("page with %+v, want %+v", demande, number)
		}
		w.model.given[demande.Numero] = true
	}
	w.cursor = next
}

// record answers some numbers, handed out or not.
func (w *world) record() {
	known := slices.Sorted(maps.Keys(w.model.numbers))
	if len(known) == 0 {
		return
	}
	var answers []Answer
	for range 1 + w.random.Intn(8) {
		numero := known[w.random.Intn(len(known))]
		answer := document(w.model.numbers[numero].id, fmt.Sprint("body ", w.random.Intn(3)), w.now)
		answer.Type = fmt.Sprint("T", w.random.Intn(2))
		answer.NextDue = w.now.Add(time.Duration(w.random.Intn(30)) * time.Hour)
		switch w.random.Intn(5) {
		case 0:
			answer.Motif, answer.Type, answer.HTTPStatus = "introuvable", "", []int{0, 404}[w.random.Intn(2)]
		case 1:
			answer.Settles, answer.Motif, answer.Type = false, "reponse_illisible", ""
		case 2:
			answer.Motif, answer.Type, answer.Body = "reponse_illisible", "", []byte{}
		}
		answers = append(answers, answer)
		w.model.record(numero, answer)
	}
	record(w.t, w.ledger, answers...)
}

func (w *world) seal() {
	lot, ok, err := w.ledger.Seal(w.t.Context(), w.now)
	if err != nil || ok != (len(w.model.unsealed) > 0) || int(lot.Answers) != len(w.model.unsealed) {
		w.t.Fatalf("sealed %v %+v, want %d answers (%v)", ok, lot, len(w.model.unsealed), err)
	}
	if ok {
		w.model.lots[lot.ID], w.model.unsealed = w.model.unsealed, nil
	}
}

func (w *world) publish() {
	w.readLots()
	lots, err := w.ledger.Unpublished(w.t.Context())
	if err != nil || len(lots) == 0 {
		return
	}
	lot := lots[w.random.Intn(len(lots))]
	if err := w.ledger.MarkPublished(w.t.Context(), lot, w.now); err != nil {
		w.t.Fatal(err)
	}
	delete(w.model.lots, lot.ID)
}

// readLots compares every lot that waits.
func (w *world) readLots() {
	lots, err := w.ledger.Unpublished(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	ids := []int64{}
	for _, lot := range lots {
		ids = append(ids, lot.ID)
		w.same(lot, "answers", lines(w.t, w.ledger.EachAnswer, lot), func(a modelAnswer) bool { return a.status != 0 })
		w.same(lot, "rejects", lines(w.t, w.ledger.EachReject, lot), func(a modelAnswer) bool { return a.kind == kindReject })
		types := map[string]bool{}
		for _, answer := range w.model.lots[lot.ID] {
			if answer.kind == kindChanged {
				types[answer.typ] = true
			}
		}
		got, err := w.ledger.Types(w.t.Context(), lot)
		if want := slices.Sorted(maps.Keys(types)); err != nil || !equal(got, want) {
			w.t.Fatalf("lot %d has types %v, want %v (%v)", lot.ID, got, want, err)
		}
		for _, typ := range got {
			w.same(lot, typ, lines(w.t, ofType(w.ledger, typ), lot), func(a modelAnswer) bool { return a.kind == kindChanged && a.typ == typ })
		}
	}
	if want := slices.Sorted(maps.Keys(w.model.lots)); !slices.Equal(ids, want) {
		w.t.Fatalf("lots %v wait, want %v", ids, want)
	}
}

func (w *world) same(lot Lot, what string, got []string, wanted func(modelAnswer) bool) {
	w.t.Helper()
	if want := w.model.lines(lot.ID, wanted); !equal(got, want) {
		w.t.Fatalf("%s of lot %d:\n%s\nwant\n%s", what, lot.ID, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// counts compares the status.
func (w *world) counts() {
	got := status(w.t, w.ledger, w.now)
	var want Status
	for _, number := range w.model.numbers {
		want.Known++
		if number.settledAt.IsZero() {
			want.NeverAnswered++
		}
		if number.settledAt.IsZero() || !number.nextDue.After(w.now) {
			want.Due++
		}
	}
	rejects := int64(0)
	for _, numbers := range got.Rejects {
		rejects += numbers
	}
	if got.Known != want.Known || got.NeverAnswered != want.NeverAnswered || got.Due != want.Due || got.Documents+rejects+got.NeverAnswered != got.Known {
		w.t.Fatalf("status %+v, want %+v", got, want)
	}
}
