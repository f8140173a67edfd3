package ledger

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// model is the ledger in plain maps, as its contract tells it.
type model struct {
	numbers  map[string]*modelNumber
	claims   map[string]*process // by number
	unsealed []modelAnswer
	lots     map[int64][]modelAnswer
	campaign time.Time // begin of the open campaign of All; zero if none is
}

// process is one of several that work on the ledger, and its run.
type process struct {
	ledger *Ledger
	run    Run // of id 0: none
	plan   []*modelPlace
	given  map[string]bool
}

// modelPlace is a number in the plan of a run, as it was when planned.
type modelPlace struct {
	numero  string
	lane    int
	never   bool
	nextDue time.Time
	rhythm  int64
	done    bool // settled, or final
	handed  bool
}

type modelNumber struct {
	id        int64
	code      string
	settledAt time.Time
	nextDue   time.Time
	every     time.Duration
	lastSum   string
	statut    string
	changedAt time.Time
	unchanged int
	motif     string
	rejects   int
	failed    int
}

type modelAnswer struct {
	line   string
	typ    string
	status int
	kind   int
}

// begin begins a run of a process, beside those that live.
func (m *model) begin(p *process, living []*process, run Run, at time.Time) Run {
	run.Since = at
	switch {
	case run.Refresh == All:
		if !m.campaign.IsZero() {
			run.Since = m.campaign
		}
		m.campaign = run.Since
	case !slices.ContainsFunc(living, func(other *process) bool { return other.run.Refresh == All }):
		m.campaign = time.Time{}
	}
	p.run = run
	return run
}

// end ends the run of a process, or lets it die.
func (m *model) end(p *process) {
	maps.DeleteFunc(m.claims, func(_ string, claimer *process) bool { return claimer == p })
	p.run, p.plan, p.given = Run{}, nil, nil
}

// entry is a line of a list.
type entry struct {
	numero, code string
	lane         int
}

func (m *model) list(p *process, list []entry, final string) Planned {
	var counts Planned
	listed := map[string]bool{}
	p.plan, p.given = nil, map[string]bool{}
	for _, entry := range list {
		if listed[entry.numero] {
			continue
		}
		listed[entry.numero] = true
		counts.Listed++
		number := m.numbers[entry.numero]
		if number == nil {
			number = &modelNumber{id: int64(len(m.numbers)) + 1}
			m.numbers[entry.numero] = number
			counts.New++
		}
		number.code = entry.code
		place := &modelPlace{numero: entry.numero, lane: entry.lane, never: number.settledAt.IsZero(), nextDue: number.nextDue}
		if !place.never {
			place.rhythm = rhythmOf(number.every)
			place.done = p.run.Refresh == All && !number.settledAt.Before(p.run.Since)
		}
		if number.statut == final && p.run.Refresh != All {
			place.done = true
			counts.Final++
		}
		p.plan = append(p.plan, place)
	}
	return counts
}

// due is the numbers of a plan that are due, with those claimed by others, in the order in which they are handed out.
func (m *model) due(p *process, now time.Time) []*modelPlace {
	var due []*modelPlace
	for _, place := range p.plan {
		isDue := place.never || p.run.Refresh == All || p.run.Refresh == Due && !place.nextDue.After(now)
		if isDue && !place.done && !place.handed {
			due = append(due, place)
		}
	}
	lateness := func(place *modelPlace) float64 {
		return float64(now.Sub(place.nextDue).Microseconds()) / interval(place.rhythm)
	}
	slices.SortStableFunc(due, func(a, b *modelPlace) int {
		switch {
		case a.never && b.never:
			return 0
		case a.never:
			return -1
		case b.never:
			return 1
		case a.rhythm == b.rhythm:
			return a.nextDue.Compare(b.nextDue)
		}
		return cmp.Compare(lateness(b), lateness(a))
	})
	return due
}

// next hands out the next numbers of a lane.
func (m *model) next(p *process, lane int, now time.Time, limit int) []string {
	page := []string{}
	for _, place := range m.due(p, now) {
		if place.lane == lane && m.claims[place.numero] == nil && len(page) < limit {
			page = append(page, place.numero)
			m.claims[place.numero], place.handed = p, true
		}
	}
	return page
}

// left is what Left tells.
func (m *model) left(p *process, now time.Time) (mine, others int) {
	for _, place := range m.due(p, now) {
		if m.claims[place.numero] == nil {
			mine++
		} else {
			others++
		}
	}
	for _, claimer := range m.claims {
		if claimer == p {
			mine++
		}
	}
	return mine, others
}

func (m *model) record(processes []*process, numero string, answer Answer) {
	number := m.numbers[numero]
	kept := modelAnswer{typ: answer.Type, status: answer.HTTPStatus, kind: kindArchived}
	body := answer.Body
	if answer.Settles {
		number.settledAt, number.nextDue, number.every, number.motif = answer.ReceivedAt, answer.NextDue, answer.Every, answer.Motif
		delete(m.claims, numero)
		for _, p := range processes {
			for _, place := range p.plan {
				place.done = place.done || place.numero == numero
			}
		}
		if kept.kind = kindReject; answer.Motif == "" {
			kept.kind = number.document(answer)
		} else {
			number.rejects++
			number.failed++
			if answer.Motif != "erreur_serveur" {
				number.failed = 0
			}
		}
		if kept.kind == kindUnchanged {
			body = nil
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

// document notes a document, and says of which kind it is.
func (n *modelNumber) document(answer Answer) int {
	n.rejects, n.failed, n.statut = 0, 0, answer.Statut
	if n.lastSum == string(answer.SHA256) {
		n.unchanged++
		return kindUnchanged
	}
	n.lastSum, n.changedAt, n.unchanged = string(answer.SHA256), answer.ReceivedAt, 0
	return kindChanged
}

// demande is what NextDue tells of a number.
func (n *modelNumber) demande(numero string) Demande {
	var sum []byte
	if n.lastSum != "" {
		sum = []byte(n.lastSum)
	}
	return Demande{
		ID: n.id, Numero: numero, CodeCDGF: n.code, DernierSHA256: sum, Statut: n.statut, ChangedAt: n.changedAt, Unchanged: n.unchanged,
		SettledAt: n.settledAt, Motif: n.motif, Rejects: n.rejects, FailedRuns: n.failed,
	}
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

// world drives a ledger and its model with the same random operations, by several processes: open ledgers of one folder,
// of which one that is closed before its run ends is as one that was killed.
type world struct {
	t         *testing.T
	random    *rand.Rand
	dir       string
	processes []*process
	ledger    *Ledger // of the process whose turn it is
	model     model
	now       time.Time
}

func TestTheLedgerDoesWhatItsModelDoes(t *testing.T) {
	for seed := range int64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := &world{t: t, random: rand.New(rand.NewSource(seed)), dir: t.TempDir(), now: begun}
			w.model = model{numbers: map[string]*modelNumber{}, lots: map[int64][]modelAnswer{}, claims: map[string]*process{}}
			for range 3 {
				w.processes = append(w.processes, &process{ledger: open(t, w.dir)})
			}
			for range 160 {
				w.now = w.now.Add(time.Duration(w.random.Int63n(int64(time.Hour)))).Truncate(time.Microsecond)
				w.step(w.processes[w.random.Intn(len(w.processes))])
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

func (w *world) step(p *process) {
	w.ledger = p.ledger
	choice := w.random.Intn(16)
	switch {
	case p.run.ID == 0 || choice == 0:
		w.begin(p)
	case choice == 1:
		w.seal()
	case choice == 2:
		w.publish()
	case choice < 8:
		w.page(p)
	case choice == 8:
		w.release(p)
	default:
		w.record(p)
	}
	if p.run.ID != 0 {
		w.left(p)
	}
}

// living is the processes that have a run.
func (w *world) living() []*process {
	return slices.DeleteFunc(slices.Clone(w.processes), func(p *process) bool { return p.run.ID == 0 })
}

// begin ends the run, or lets it die with its process, and plans the next.
func (w *world) begin(p *process) {
	switch {
	case p.run.ID == 0:
	case w.random.Intn(2) == 0: // the process dies: the run never ends
		if err := p.ledger.Close(); err != nil {
			w.t.Fatal(err)
		}
		p.ledger = open(w.t, w.dir)
		w.model.end(p)
	default:
		w.end(p)
	}
	w.ledger = p.ledger
	refresh := []Refresh{Missing, Due, Due, All, All}[w.random.Intn(5)]
	run := begin(w.t, p.ledger, refresh, w.now)
	if want := w.model.begin(p, w.living(), run, w.now); run != want {
		w.t.Fatalf("run %+v, want %+v", run, want)
	}
	w.plan(p)
}

func (w *world) end(p *process) {
	// The campaign is that of the last run of refresh all: only its end ends it.
	last := w.random.Intn(2) == 0 && p.run.Refresh == All && !slices.ContainsFunc(w.living(), func(other *process) bool { return other.run.ID > p.run.ID })
	if err := p.ledger.EndRun(w.t.Context(), p.run.ID, w.now, last, 0); err != nil {
		w.t.Fatal(err)
	}
	if last {
		w.model.campaign = time.Time{}
	}
	w.model.end(p)
}

func (w *world) plan(p *process) {
	const final = "FINI"
	plan, err := p.ledger.NewPlan(w.t.Context(), p.run, PlanOptions{Final: []string{final}})
	if err != nil {
		w.t.Fatal(err)
	}
	plan.size = 1 + w.random.Intn(30)
	var list []entry
	for range w.random.Intn(120) {
		line := entry{fmt.Sprint("N", w.random.Intn(80)), fmt.Sprint("C", w.random.Intn(10)/9), w.random.Intn(10) / 7}
		list = append(list, line)
		if _, err := plan.Add(w.t.Context(), line.numero, line.code, line.lane); err != nil {
			w.t.Fatal(err)
		}
	}
	got, err := plan.Commit(w.t.Context())
	if want := w.model.list(p, list, final); err != nil || got != want {
		w.t.Fatalf("planned %+v, want %+v (%v)", got, want, err)
	}
	lanes, err := p.ledger.CountDueByLane(w.t.Context(), p.run, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	counted := map[int]LaneDue{}
	for _, place := range w.model.due(p, w.now) {
		lane := counted[place.lane]
		if lane.Lane = place.lane; place.never {
			lane.Never++
		} else {
			lane.Again++
		}
		counted[place.lane] = lane
	}
	var want []LaneDue
	for _, lane := range slices.Sorted(maps.Keys(counted)) {
		want = append(want, counted[lane])
	}
	if !slices.Equal(lanes, want) {
		w.t.Fatalf("due by lane are %+v, want %+v", lanes, want)
	}
}

func (w *world) page(p *process) {
	limit, lane := 1+w.random.Intn(20), w.random.Intn(10)/7
	page := page(w.t, p.ledger, p.run, lane, w.now, limit)
	if got, want := numeros(page), w.model.next(p, lane, w.now, limit); !equal(got, want) {
		w.t.Fatalf("page %v, want %v", got, want)
	}
	for _, got := range page {
		if want := w.model.numbers[got.Numero].demande(got.Numero); !reflect.DeepEqual(got, want) {
			w.t.Fatalf("page with %+v, want %+v", got, want)
		}
		if p.given[got.Numero] {
			w.t.Fatalf("%s comes twice", got.Numero)
		}
		p.given[got.Numero] = true
	}
}

// release gives some numbers back, and some that are not the run's to give.
func (w *world) release(p *process) {
	var ids []int64
	for _, numero := range slices.Sorted(maps.Keys(w.model.numbers)) {
		if w.random.Intn(4) > 0 {
			continue
		}
		ids = append(ids, w.model.numbers[numero].id)
		if w.model.claims[numero] != p {
			continue
		}
		delete(w.model.claims, numero)
		delete(p.given, numero)
		for _, place := range p.plan {
			if place.numero == numero {
				place.handed = false
			}
		}
	}
	if err := p.ledger.Release(w.t.Context(), p.run, ids); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) left(p *process) {
	mine, others, err := p.ledger.Left(w.t.Context(), p.run, w.now)
	if wantMine, wantOthers := w.model.left(p, w.now); err != nil || int(mine) != wantMine || int(others) != wantOthers {
		w.t.Fatalf("left are %d and %d, want %d and %d (%v)", mine, others, wantMine, wantOthers, err)
	}
}

// record answers some numbers, handed out or not.
func (w *world) record(p *process) {
	known := slices.Sorted(maps.Keys(w.model.numbers))
	if len(known) == 0 {
		return
	}
	var answers []Answer
	for range 1 + w.random.Intn(8) {
		numero := known[w.random.Intn(len(known))]
		answer := document(w.model.numbers[numero].id, fmt.Sprint("body ", w.random.Intn(3)), w.now)
		answer.Type = fmt.Sprint("T", w.random.Intn(2))
		answer.Statut = []string{"EN_COURS", "EN_COURS", "EN_COURS", "FINI"}[w.random.Intn(4)]
		answer.Every = time.Duration(1+w.random.Intn(30)) * time.Hour
		answer.NextDue = w.now.Add(answer.Every)
		switch w.random.Intn(5) {
		case 0:
			answer.Motif, answer.Type, answer.HTTPStatus = []string{"introuvable", "erreur_serveur"}[w.random.Intn(2)], "", []int{0, 404}[w.random.Intn(2)]
		case 1:
			answer.Settles, answer.Motif, answer.Type = false, "reponse_illisible", ""
		case 2:
			answer.Motif, answer.Type, answer.Body = "reponse_illisible", "", []byte{}
		}
		answers = append(answers, answer)
		w.model.record(w.processes, numero, answer)
	}
	if err := p.ledger.Record(w.t.Context(), p.run, answers); err != nil {
		w.t.Fatal(err)
	}
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
