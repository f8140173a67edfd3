package omega

import "time"

// margins are the bounds of what is added to the interval between two requests.
type margins struct {
	first   time.Duration // to begin with
	least   time.Duration // the floor of creeping
	most    time.Duration
	step    time.Duration // at least, at a refusal
	careful int           // accepted calls without creeping, after a refusal
}

// marginsFor gives, at one call a second, 20 ms to begin with, at least 2, at most 500, and steps of at least 5. They
// are there for the network's jitter, which a longer interval does not change; at a shorter one they shrink with it,
// lest the margin eat the quota (20 ms of 50 calls a second would be half of it).
func marginsFor(interval time.Duration) margins {
	unit := min(interval, time.Second)
	return margins{first: unit / 50, least: unit / 500, most: unit / 2, step: unit / 200, careful: 200}
}

// margin learns from the answers how far beyond the interval requests must be spaced.
//
// An accepted call takes 1 % off the distance to a low mark: halfway in 70 calls. A refusal doubles the margin, adding
// one step at least; no creeping follows for 200 accepted calls. The low mark is the floor until a refusal: then it
// is half a step above what was refused, since creeping back there would be refused again. It is forgotten in some
// 20,000 accepted calls, for networks get better too.
type margin struct {
	bounds  margins
	now     time.Duration
	low     time.Duration
	careful int // accepted calls to go before creeping
}

func newMargin(bounds margins, start time.Duration) margin {
	if start <= 0 {
		start = bounds.first
	}
	return margin{bounds: bounds, now: max(bounds.least, min(start, bounds.most)), low: bounds.least}
}

func (m *margin) accepted() {
	if m.careful > 0 {
		m.careful--
		return
	}
	if m.now > m.low {
		m.now -= (m.now-m.low)/100 + 1
	}
	m.low -= (m.low - m.bounds.least + 19_999) / 20_000
	m.now = max(m.now, m.low)
}

func (m *margin) refused() {
	m.low = min(m.now+m.bounds.step/2, m.bounds.most)
	m.now = min(max(2*m.now, m.now+m.bounds.step), m.bounds.most)
	m.careful = m.bounds.careful
}

// elsewhere takes over what another process has made of the margin. before is what it was when last seen here; zero:
// never. Only a refusal can have made it larger. Who is careful does not follow one that creeps.
func (m *margin) elsewhere(now, before time.Duration) {
	now = max(m.bounds.least, min(now, m.bounds.most))
	switch {
	case before == 0:
		m.now = now
	case now > before && now > m.now:
		m.low = min(m.now+m.bounds.step/2, m.bounds.most)
		m.now = now
		m.careful = m.bounds.careful
	case now < before && m.careful == 0:
		m.now = max(m.low, m.now-(before-now)) // what crept here since then counts too
	}
}
