package pipeline

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"omega-export/internal/ledger"
)

// The world of these tests. Demandes were created evenly over the 120 days before the first night. Each goes through 3 to
// 6 statuses and stays in the last, which for some 73 % of them has come before the first night; nobody tells the program
// which statuses are last. The time in a status is log-normal: its median is 4 days (sigma 1, mean 6.6 days); for one
// demande in five, of the slow types, 10 days (sigma 1.5, mean 31 days). A document says the day of its last change.
//
// In each of 30 nights there are 28,800 slots: 8 hours at one call a second. Changes count once the demande is known; a
// change waits from its moment to the answer that shows it, or to the end.
const (
	nights     = 30
	nightHours = 8 * time.Hour
	nightSlots = 28_800
)

func TestDueFindsChangesSoonerAndWithFewerCallsThanRoundRobin(t *testing.T) {
	worlds := []struct {
		demandes int
		seed     uint64
	}{{40_000, 0}, {40_000, 1}, {40_000, 2}, {100_000, 0}} // the last has far more work than slots
	if testing.Short() || raceDetected() {
		worlds = worlds[:1]
	}
	for _, w := range worlds {
		lives := newLives(w.demandes, w.seed)
		due := nightly(lives, nightSlots, mostOverdue)
		robin := nightly(lives, nightSlots, longestAgo)
		t.Logf("%d demandes, seed %d, %.1f %% final at the start", w.demandes, w.seed, 100*finalShare(lives))
		t.Log("due:        ", due)
		t.Log("round-robin:", robin)
		if due.nights() >= robin.nights() {
			t.Errorf("due finds a change after %.3f nights, round-robin after %.3f", due.nights(), robin.nights())
		}
		if due.wasted() >= robin.wasted() || due.calls > robin.calls {
			t.Errorf("of due's %d calls %.2f %% find nothing, of round-robin's %d %.2f %%", due.calls, 100*due.wasted(), robin.calls, 100*robin.wasted())
		}
	}
}

// The nights above are simulated over a stand-in for the ledger's order, for the real one would take minutes.
func TestTheNightsAreAsTheLedgerOrdersThem(t *testing.T) {
	if testing.Short() || raceDetected() {
		t.Skip("43,200 answers in a real ledger take two seconds, and a minute or two under the race detector")
	}
	const slots = nightSlots / 20
	lives := newLives(2_000, 0)
	books, err := ledger.Open(t.Context(), t.TempDir(), ledger.Options{Mode: "reel"})
	if err != nil {
		t.Fatal(err)
	}
	defer books.Close()
	real := ledgerNights{t: t, books: books, lives: lives, known: make([]known, len(lives))}
	for night := range nights {
		real.night(firstNight().Add(time.Duration(night)*day), slots)
	}
	real.seeTheEnd(lives, real.known)
	want := nightly(lives, slots, mostOverdue)
	t.Log("the ledger:  ", real.found)
	t.Log("the stand-in:", want)
	if math.Abs(real.nights()/want.nights()-1) > 0.1 || math.Abs(float64(real.calls)/float64(want.calls)-1) > 0.05 {
		t.Errorf("the ledger's nights are not those of its stand-in")
	}
}

// ledgerNights asks in the order of a real ledger.
type ledgerNights struct {
	found
	t     *testing.T
	books *ledger.Ledger
	lives []life
	known []known
}

// night is one run.
func (n *ledgerNights) night(begins time.Time, slots int) {
	ctx := n.t.Context()
	run, err := n.books.BeginRun(ctx, ledger.Due, begins)
	n.fail(err)
	plan, err := n.books.NewPlan(ctx, run, ledger.PlanOptions{})
	n.fail(err)
	for i := range n.lives {
		_, err := plan.Add(ctx, number(i), "A", 0)
		n.fail(err)
	}
	_, err = plan.Commit(ctx)
	n.fail(err)
	now := begins
	for left := slots; left > 0; {
		page, err := n.books.NextDue(ctx, run, 0, now, min(pageSize, left))
		n.fail(err)
		if len(page) == 0 {
			break
		}
		answers := make([]ledger.Answer, len(page))
		for i, demande := range page {
			answers[i] = n.answer(demande, now)
			now = now.Add(nightHours / time.Duration(slots))
		}
		n.fail(n.books.Record(ctx, run, answers))
		left -= len(page)
	}
	n.fail(n.books.EndRun(ctx, run.ID, now, true, 0))
}

func (n *ledgerNights) answer(demande ledger.Demande, now time.Time) ledger.Answer {
	var i int
	_, err := fmt.Sscanf(demande.Numero, "N%d", &i)
	n.fail(err)
	n.ask(n.lives[i], &n.known[i], now)
	every := n.known[i].every
	return ledger.Answer{
		DemandeID: demande.ID, HTTPStatus: 200, SHA256: []byte{byte(n.known[i].statuses)}, Type: "T", ReceivedAt: now,
		Settles: true, NextDue: now.Add(every), Every: every,
	}
}

func (n *ledgerNights) fail(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

func firstNight() time.Time { return time.Date(2026, time.November, 2, 21, 0, 0, 0, time.UTC) }

func lastMorning() time.Time { return firstNight().Add((nights-1)*day + nightHours) }

// life is when a demande gets each of its statuses.
type life []time.Time

func newLives(demandes int, seed uint64) []life {
	random := rand.New(rand.NewPCG(seed, seed))
	lives := make([]life, demandes)
	for i := range lives {
		median, sigma := 4.0, 1.0
		if random.IntN(5) == 0 {
			median, sigma = 10, 1.5
		}
		at := firstNight().Add(-time.Duration(random.Float64() * float64(120*day)))
		for range 3 + random.IntN(4) {
			lives[i] = append(lives[i], at)
			at = at.Add(time.Duration(median * math.Exp(sigma*random.NormFloat64()) * float64(day)))
		}
	}
	return lives
}

// statuses is how many statuses the demande has had by then.
func (l life) statuses(by time.Time) int {
	had := 0
	for had < len(l) && !l[had].After(by) {
		had++
	}
	return had
}

func finalShare(lives []life) float64 {
	final := 0
	for _, l := range lives {
		if l.statuses(firstNight()) == len(l) {
			final++
		}
	}
	return float64(final) / float64(len(lives))
}

// known is what the ledger knows of a demande. The zero value was never answered.
type known struct {
	statuses  int // that the last answer showed, with all before
	settledAt time.Time
	changedAt time.Time
	every     time.Duration
}

// found is what the nights have brought, of the demandes known already.
type found struct {
	calls, nothing int // of the calls, those that showed no change
	changes        int
	waited         float64 // days, of all changes together
}

func (f found) nights() float64 { return f.waited / float64(f.changes) }
func (f found) wasted() float64 { return float64(f.nothing) / float64(f.calls) }

func (f found) String() string {
	return fmt.Sprintf("%d changes found after %.3f nights on average, %d calls, %.2f %% of them found nothing", f.changes, f.nights(), f.calls, 100*f.wasted())
}

// order is in which order demandes are asked for in the night that begins: the greatest urgency first, and before that
// those never answered.
type order func(begins time.Time, k *known) (urgency float64, due bool)

// mostOverdue is the ledger's order: of those that are due, the most overdue, measured by their own intervals. What falls
// due in the second half of a night waits for the next.
func mostOverdue(begins time.Time, k *known) (float64, bool) {
	return float64(begins.Sub(k.settledAt)) / float64(k.every), !k.settledAt.Add(k.every).After(begins.Add(nightHours / 2))
}

func longestAgo(begins time.Time, k *known) (float64, bool) {
	return float64(begins.Sub(k.settledAt)), true
}

func usualPolicy() duePolicy { return duePolicy{atLeast: 20 * time.Hour, atMost: 30 * day} }

// nightly asks for as many demandes as each night has slots.
func nightly(lives []life, slots int, by order) found {
	var result found
	books := make([]known, len(lives))
	for night := range nights {
		begins := firstNight().Add(time.Duration(night) * day)
		numbers := tonight(begins, books, by)
		for slot, i := range numbers[:min(len(numbers), slots)] {
			result.ask(lives[i], &books[i], begins.Add(time.Duration(slot)*nightHours/time.Duration(slots)))
		}
	}
	result.seeTheEnd(lives, books)
	return result
}

// seeTheEnd counts the changes that no answer has shown.
func (f *found) seeTheEnd(lives []life, books []known) {
	for i := range lives {
		f.see(lives[i], &books[i], lastMorning())
	}
}

// tonight is whom to ask for, in their order.
func tonight(begins time.Time, books []known, by order) []int {
	var numbers []int
	urgencies := make([]float64, len(books))
	for i := range books {
		due := true
		urgencies[i] = math.Inf(1)
		if !books[i].settledAt.IsZero() {
			urgencies[i], due = by(begins, &books[i])
		}
		if due {
			numbers = append(numbers, i)
		}
	}
	slices.SortStableFunc(numbers, func(a, b int) int { return cmp.Compare(urgencies[b], urgencies[a]) })
	return numbers
}

// ask is one call and its answer.
func (f *found) ask(l life, k *known, now time.Time) {
	changed := false
	if k.settledAt.IsZero() {
		k.statuses, k.changedAt = l.statuses(now), now
	} else {
		f.calls++
		if changed = f.see(l, k, now); changed {
			k.changedAt = now
		} else {
			f.nothing++
		}
	}
	k.settledAt = now
	statusSince := l[max(k.statuses-1, 0)].Truncate(day)
	k.every = usualPolicy().every(history{now: now, changed: changed, statusSince: statusSince, changedAt: k.changedAt})
}

// see counts the changes that show by then.
func (f *found) see(l life, k *known, by time.Time) bool {
	shown := l[k.statuses:l.statuses(by)]
	for _, at := range shown {
		f.changes++
		f.waited += by.Sub(at).Hours() / 24
	}
	k.statuses += len(shown)
	return len(shown) > 0
}
