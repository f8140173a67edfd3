package page

import (
	"math"
	"time"

	"omega-export/internal/report"
)

// fewest is how many columns a time line is drawn with at least, lest a short run become one broad block.
const fewest = 12

// columns is a time line as it is drawn: fewer and wider bins.
type columns struct {
	start time.Time
	width time.Duration
	bins  []report.Bin
}

// gather makes at most that many columns of a time line's bins.
func gather(line report.Timeline, most int) columns {
	each := max(1, (len(line.Bins)+most-1)/most)
	gathered := columns{start: line.Start, width: time.Duration(each) * seconds(float64(line.BinSeconds))}
	for i := 0; i < len(line.Bins); i += each {
		var sum report.Bin
		for _, bin := range line.Bins[i:min(i+each, len(line.Bins))] {
			sum = sum.Plus(bin)
		}
		gathered.bins = append(gathered.bins, sum)
	}
	return gathered
}

// padded is the columns with empty ones behind, up to the fewest.
func (c columns) padded() columns {
	for len(c.bins) < fewest {
		c.bins = append(c.bins, report.Bin{})
	}
	return c
}

// at is when a column begins.
func (c columns) at(column int) time.Time { return c.start.Add(time.Duration(column) * c.width) }

// series are the columns' values of one kind.
func (c columns) series(value func(report.Bin) float64) []float64 {
	values := make([]float64, len(c.bins))
	for i, bin := range c.bins {
		values[i] = max(value(bin), 0)
	}
	return values
}

// share is the calls over the slots of a column. A column in which the quota allowed less than half a call has none.
func share(bin report.Bin) float64 {
	if bin.Slots < 0.5 {
		return 0
	}
	return min(float64(bin.Calls)/bin.Slots, 1)
}

// tick is a mark on an axis: where, from 0 to 1, and what stands there.
type tick struct {
	at    float64
	label string
}

// bands are the outages' stretches.
func (c columns) bands(outages []report.Down) []band {
	var shaded []band
	whole := float64(c.width) * float64(len(c.bins))
	for _, outage := range outages {
		from, to := float64(outage.From.Sub(c.start))/whole, float64(outage.To.Sub(c.start))/whole
		if from, to = min(max(from, 0), 1), min(max(to, 0), 1); whole > 0 && to > from {
			shaded = append(shaded, band{from, to})
		}
	}
	return shaded
}

// timeTicks marks round times of the day, at most that many.
func (c columns) timeTicks(zone *time.Location, most int) []tick {
	whole := c.width * time.Duration(len(c.bins))
	if whole <= 0 {
		return nil
	}
	steps := []time.Duration{
		10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
	}
	step := steps[len(steps)-1]
	for _, candidate := range steps {
		if int(whole/candidate) <= most {
			step = candidate
			break
		}
	}
	for whole/step > time.Duration(most) {
		step *= 2
	}
	local := c.start.In(zone)
	midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone)
	first := midnight.Add((local.Sub(midnight) + step - 1) / step * step)
	var ticks []tick
	for at := first; at.Sub(c.start) <= whole && len(ticks) <= most+1; at = at.Add(step) {
		ticks = append(ticks, tick{float64(at.Sub(c.start)) / float64(whole), clock(at.In(zone), step)})
	}
	return ticks
}

// clock is a time as a mark tells it: a day at midnight, if whole days are in sight.
func clock(at time.Time, step time.Duration) string {
	switch {
	case step < time.Minute:
		return at.Format("15:04:05")
	case step >= 24*time.Hour, step >= 3*time.Hour && at.Hour() == 0:
		return at.Format("2 Jan")
	}
	return at.Format("15:04")
}

// valueTicks marks round values from 0 to a round one that is not less than the highest.
func valueTicks(highest float64) (ticks []tick, top float64) {
	if !(highest > 0) || math.IsInf(highest, 1) {
		highest = 1
	}
	rough := highest / 4
	unit := math.Pow(10, math.Floor(math.Log10(rough)))
	step := 10 * unit
	for _, factor := range []float64{1, 2, 5} {
		if factor*unit >= rough {
			step = factor * unit
			break
		}
	}
	step = max(step, 1) // these are counts
	intervals := max(math.Ceil(highest/step), 1)
	top = intervals * step
	for i := range int(intervals) + 1 {
		value := float64(i) * step
		ticks = append(ticks, tick{value / top, whole(int64(min(value, math.MaxInt64/2)))})
	}
	return ticks, top
}
