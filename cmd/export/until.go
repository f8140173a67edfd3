package main

import (
	"fmt"
	"time"
)

// clockTime is a time of the day, HH:MM.
type clockTime struct {
	set          bool
	hour, minute int
}

// UnmarshalText reads HH:MM.
func (c *clockTime) UnmarshalText(text []byte) error {
	at, err := time.Parse("15:04", string(text))
	if err != nil {
		return fmt.Errorf("%q is no time of the day as 06:30", text)
	}
	*c = clockTime{set: true, hour: at.Hour(), minute: at.Minute()}
	return nil
}

// next is the next moment after now when the zone's clocks show that time, or zero when none is set. A time that the
// change to summer time skips is the moment of the change; of one that comes twice, each counts.
func (c clockTime) next(now time.Time, zone *time.Location) time.Time {
	if !c.set {
		return time.Time{}
	}
	local := now.In(zone)
	for day := 0; ; day++ {
		if at := c.on(local.Year(), local.Month(), local.Day()+day, zone, now); !at.IsZero() {
			return at
		}
	}
}

// on is the first moment after now, on that day, when the clocks show the time, or pass over it; zero if there is none.
func (c clockTime) on(year int, month time.Month, day int, zone *time.Location, now time.Time) time.Time {
	midnight := time.Date(year, month, day, 0, 0, 0, 0, zone)
	_, before := midnight.Zone()
	_, after := time.Date(year, month, day+1, 0, 0, 0, 0, zone).Zone()
	shown := false
	for _, offset := range []int{max(before, after), min(before, after)} { // the larger offset's moment comes first
		at := time.Date(year, month, day, c.hour, c.minute, 0, 0, time.FixedZone("", offset)).In(zone)
		if at.Hour() != c.hour || at.Minute() != c.minute {
			continue
		}
		shown = true
		if at.After(now) {
			return at
		}
	}
	if _, change := midnight.ZoneBounds(); !shown && change.After(now) {
		return change
	}
	return time.Time{}
}
