package main

import (
	"testing"
	"time"
)

func TestUntilIsRightOnTheNightsWhenTheClockChanges(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct{ now, until, want string }{
		{"2026-11-24T22:00:00+01:00", "06:30", "2026-11-25T06:30:00+01:00"},
		{"2026-11-24T05:00:00+01:00", "06:30", "2026-11-24T06:30:00+01:00"},
		{"2026-11-24T06:30:00+01:00", "06:30", "2026-11-25T06:30:00+01:00"},
		{"2026-12-31T23:59:59+01:00", "00:00", "2027-01-01T00:00:00+01:00"},
		// In the night to 29 March 2026, 02:00 is followed by 03:00.
		{"2026-03-28T22:00:00+01:00", "06:30", "2026-03-29T06:30:00+02:00"},
		{"2026-03-28T22:00:00+01:00", "02:30", "2026-03-29T03:00:00+02:00"},
		{"2026-03-28T22:00:00+01:00", "02:00", "2026-03-29T03:00:00+02:00"},
		{"2026-03-28T22:00:00+01:00", "03:00", "2026-03-29T03:00:00+02:00"},
		{"2026-03-29T03:10:00+02:00", "02:30", "2026-03-30T02:30:00+02:00"},
		// In the night to 25 October 2026, 03:00 is followed by 02:00.
		{"2026-10-24T22:00:00+02:00", "06:30", "2026-10-25T06:30:00+01:00"},
		{"2026-10-24T22:00:00+02:00", "02:30", "2026-10-25T02:30:00+02:00"},
		{"2026-10-25T02:40:00+02:00", "02:30", "2026-10-25T02:30:00+01:00"},
		{"2026-10-25T02:40:00+01:00", "02:30", "2026-10-26T02:30:00+01:00"},
	}
	for _, c := range cases {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		var until clockTime
		if err := until.UnmarshalText([]byte(c.until)); err != nil {
			t.Fatal(err)
		}
		if got := until.next(now, paris).Format(time.RFC3339); got != c.want {
			t.Errorf("at %s, until %s is %s, want %s", c.now, c.until, got, c.want)
		}
	}
	if !(clockTime{}).next(time.Now(), paris).IsZero() {
		t.Error("no time is set, and yet there is a limit")
	}
}
