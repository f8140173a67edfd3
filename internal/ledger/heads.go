package ledger

import (
	"context"
	"database/sql"
	"math"
)

// headQuery reads what waits in one rhythm of a plan's lane, a range of the index plan_left. The never answered are of
// rhythm 0 and due time 0, so the one query serves both parts of what is due.
const headQuery = `SELECT p.demande_id, p.next_due, p.place, coalesce(c.run_id, 0)
	FROM plan p INDEXED BY plan_left LEFT JOIN claims c ON c.demande_id = p.demande_id
	WHERE p.run_id = ?1 AND p.lane = ?2 AND p.rhythm = ?3 AND p.state = 0 AND (p.next_due, p.place) > (?4, ?5) AND p.next_due <= ?6
	ORDER BY p.next_due, p.place LIMIT ?7`

// rhythmsQuery is the rhythms that a plan's lane holds, by a seek in the index each.
const rhythmsQuery = `WITH RECURSIVE held (rhythm) AS (
	SELECT min(rhythm) FROM plan INDEXED BY plan_left WHERE run_id = ?1 AND lane = ?2 AND state = 0 AND rhythm > 0
	UNION ALL
	SELECT (SELECT min(p.rhythm) FROM plan p INDEXED BY plan_left WHERE p.run_id = ?1 AND p.lane = ?2 AND p.state = 0 AND p.rhythm > held.rhythm)
	FROM held WHERE held.rhythm IS NOT NULL)
	SELECT rhythm FROM held WHERE rhythm IS NOT NULL`

// waiting is a number that waits in a plan and that no other run has.
type waiting struct{ id, nextDue, place int64 }

// head is the first numbers of one rhythm, read some at a time.
type head struct {
	rhythm         int64
	latest         int64 // due time
	size           int   // numbers read at a time
	nextDue, place int64 // of the last one read
	ended          bool  // there are no more than those in the buffer
	buffer         []waiting
}

// waits says whether a number is there.
func (h *head) waits() bool { return len(h.buffer) > 0 }

// planHeads reads the heads of one lane of a run's plan.
type planHeads struct {
	query *sql.Stmt
	run   int64
	lane  int
	taken func(claimer int64) (bool, error)
}

// open reads the first numbers of a rhythm.
func (p *planHeads) open(ctx context.Context, rhythm, latest int64, size int) (*head, error) {
	h := &head{rhythm: rhythm, latest: latest, size: size, nextDue: math.MinInt64}
	return h, p.fill(ctx, h)
}

// openRhythms opens all but the never answered.
func (p *planHeads) openRhythms(ctx context.Context, tx *sql.Tx, latest int64, size int) ([]*head, error) {
	rhythms, err := int64s(ctx, tx, rhythmsQuery, p.run, p.lane)
	if err != nil {
		return nil, err
	}
	heads := make([]*head, len(rhythms))
	for i, rhythm := range rhythms {
		if heads[i], err = p.open(ctx, rhythm, latest, size); err != nil {
			return nil, err
		}
	}
	return heads, nil
}

// advance takes the first number off.
func (p *planHeads) advance(ctx context.Context, h *head) error {
	h.buffer = h.buffer[1:]
	return p.fill(ctx, h)
}

// fill reads on until a number is there or none is left.
func (p *planHeads) fill(ctx context.Context, h *head) error {
	for len(h.buffer) == 0 && !h.ended {
		if err := p.read(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

func (p *planHeads) read(ctx context.Context, h *head) error {
	rows, err := p.query.QueryContext(ctx, p.run, p.lane, h.rhythm, h.nextDue, h.place, h.latest, h.size)
	if err != nil {
		return err
	}
	defer rows.Close()
	found := 0
	for rows.Next() {
		var number waiting
		var claimer int64
		if err := rows.Scan(&number.id, &number.nextDue, &number.place, &claimer); err != nil {
			return err
		}
		found++
		h.nextDue, h.place = number.nextDue, number.place
		taken, err := p.taken(claimer)
		if err != nil {
			return err
		}
		if !taken {
			h.buffer = append(h.buffer, number)
		}
	}
	h.ended = found < h.size
	return rows.Err()
}

// mostOverdue is the head whose first number has the greatest ratio of its age to its interval, which is the greatest of
// its lateness to its interval; of equals the one listed first. It is nil if none waits.
func mostOverdue(heads []*head, now int64) *head {
	var best *head
	var most float64
	for _, h := range heads {
		if !h.waits() {
			continue
		}
		lateness := float64(now-h.buffer[0].nextDue) / interval(h.rhythm)
		if best == nil || lateness > most || lateness == most && h.buffer[0].place < best.buffer[0].place {
			best, most = h, lateness
		}
	}
	return best
}
