package pipeline

import "time"

// remindEvery is how often a log repeats that something still lasts: an outage of three hours is a dozen lines.
const remindEvery = 15 * time.Minute

// seldom says when a thing that lasts is worth another line. It is for one goroutine.
type seldom struct {
	what string
	last time.Time
}

// again says whether to tell of it: it is another thing than the last time, or that was long ago.
func (s *seldom) again(what string, now time.Time) bool {
	if what == s.what && now.Sub(s.last) < remindEvery {
		return false
	}
	s.what, s.last = what, now
	return true
}

// fell tells that the API is down, once an outage. It belongs to the recorder's goroutine.
func (l *lane) fell() {
	if l.down {
		return
	}
	l.down = true
	since := l.outage.begun()
	l.watcher.Down(l.supplier.Code, since)
	l.span.AddEvent("the API is down")
}

// rose tells that it answers again.
func (l *lane) rose(lasted time.Duration) {
	l.down = false
	l.log.Info("the API answers again", "down_for", lasted.Round(time.Second).String())
	l.watcher.Down(l.supplier.Code, time.Time{})
	l.span.AddEvent("the API answers again")
}
