package pipeline

import (
	"time"

	"omega-export/internal/omega"
	"omega-export/internal/report"
)

// note puts a call on the run's time line.
func (r *recorder) note(res result, came report.Result) {
	answer := &res.answer
	if answer.WrittenAt.IsZero() {
		return // it cost no slot
	}
	call := report.Call{At: answer.WrittenAt, Kind: noteKind(answer.Kind), Result: came}
	if !answer.ReceivedAt.IsZero() {
		call.Latency = answer.ReceivedAt.Sub(answer.WrittenAt)
	}
	r.report.recorder.Call(call)
}

func noteKind(kind omega.Kind) report.Kind {
	switch kind {
	case omega.Document:
		return report.KindDocument
	case omega.Rejected:
		return report.KindRejected
	case omega.Forbidden:
		return report.KindForbidden
	case omega.Unauthorized:
		return report.KindUnauthorized
	case omega.TooMany:
		return report.KindTooMany
	case omega.TooLarge:
		return report.KindTooLarge
	case omega.Cancelled:
		return report.KindCancelled
	}
	return report.KindTransient
}

// meter tells the run's recorder what a lane's time goes into. It is of the lane's dispatching goroutine.
type meter struct {
	recorder *report.Recorder
	interval time.Duration // between two slots
	last     time.Time     // up to when the time is told
}

func newMeter(recorder *report.Recorder, interval time.Duration) *meter {
	now := time.Now()
	recorder.Begin(now)
	return &meter{recorder: recorder, interval: interval, last: now}
}

// idle says that since the last time told there was nothing to ask for.
func (m *meter) idle() {
	now := time.Now()
	m.recorder.Wait(report.Nothing, now.Sub(m.last))
	m.last = now
}

// busy says that since the last time told there was something to ask for, whether a slot was used or not.
func (m *meter) busy() {
	now := time.Now()
	m.recorder.Slots(m.last, now, m.interval)
	m.last = now
}

// waited says that something kept the lane from calling since that moment.
func (m *meter) waited(reason report.Reason, since time.Time) {
	m.recorder.Wait(reason, time.Since(since))
}

// held says that a slot was waited for since that moment, and that the pacer gave none before resume.
func (m *meter) held(since, resume time.Time) {
	if !resume.After(since) {
		return
	}
	// Up to one interval is what any slot is waited for.
	m.recorder.Wait(report.RetryAfter, min(resume.Sub(since), time.Since(since))-m.interval)
}
