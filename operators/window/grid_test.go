package window

import (
	"testing"
	"time"
	_ "time/tzdata"
)

func at(t *testing.T, text string) int64 {
	t.Helper()
	x, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return x.UnixMilli()
}

func TestTumbling(t *testing.T) {
	f := func(size int64, zone string, offset int64, event, start, end string) {
		t.Helper()
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		g := newGrid(size, size, loc, offset)
		first, last := g.windowsOf(g.paneOf(at(t, event)))
		if first != last {
			t.Fatalf("windows %d to %d hold one event", first, last)
		}
		s, e := g.bounds(first)
		if s != at(t, start) || e != at(t, end) {
			t.Errorf("%s in %s: [%s, %s), want [%s, %s)", event, zone,
				time.UnixMilli(s).UTC().Format(time.RFC3339), time.UnixMilli(e).UTC().Format(time.RFC3339), start, end)
		}
	}
	const hour = 3_600_000
	// Fixed lengths from the local epoch.
	f(hour, "UTC", 0, "2026-03-01T10:59:59Z", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z")
	f(hour, "UTC", 0, "2026-03-01T11:00:00Z", "2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z")
	f(hour, "UTC", 15*60_000, "2026-03-01T11:00:00Z", "2026-03-01T10:15:00Z", "2026-03-01T11:15:00Z")
	f(hour, "Asia/Kolkata", 0, "2026-03-01T10:10:00Z", "2026-03-01T09:30:00Z", "2026-03-01T10:30:00Z")
	f(6*hour, "Europe/Warsaw", 0, "2026-01-01T00:00:00Z", "2025-12-31T23:00:00Z", "2026-01-01T05:00:00Z")
	f(6*hour, "Europe/Warsaw", 0, "2026-07-01T00:00:00Z", "2026-06-30T23:00:00Z", "2026-07-01T05:00:00Z")
	// Before 1970.
	f(hour, "UTC", 0, "1969-12-31T23:30:00Z", "1969-12-31T23:00:00Z", "1970-01-01T00:00:00Z")
	f(day, "UTC", 0, "1955-11-05T06:15:00Z", "1955-11-05T00:00:00Z", "1955-11-06T00:00:00Z")
	// The epoch was a Thursday.
	f(7*day, "UTC", 0, "2026-03-01T00:00:00Z", "2026-02-26T00:00:00Z", "2026-03-05T00:00:00Z")
	f(7*day, "UTC", 4*day, "2026-03-01T00:00:00Z", "2026-02-23T00:00:00Z", "2026-03-02T00:00:00Z")
	f(7*day, "Europe/Warsaw", 4*day, "2026-03-30T10:00:00Z", "2026-03-29T22:00:00Z", "2026-04-05T22:00:00Z")
	// Days of 23 and 25 hours.
	f(day, "Europe/Warsaw", 0, "2026-03-28T23:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")
	f(day, "Europe/Warsaw", 0, "2026-03-28T22:59:59Z", "2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z")
	f(day, "Europe/Warsaw", 0, "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")
	f(day, "Europe/Warsaw", 6*hour, "2026-10-25T04:59:00Z", "2026-10-24T04:00:00Z", "2026-10-25T05:00:00Z")
	f(day, "America/New_York", 0, "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z")
	f(day, "Europe/Warsaw", 0, "1969-07-20T20:17:00Z", "1969-07-19T23:00:00Z", "1969-07-20T23:00:00Z")
	// A wall clock that jumps over midnight, and one that shows it twice.
	f(day, "America/Sao_Paulo", 0, "2018-11-04T10:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z")
	f(day, "America/Havana", 0, "2026-03-08T10:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z")
	f(day, "America/Sao_Paulo", 0, "2018-02-17T12:00:00Z", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z")
	// The offset lies in the hour that is there twice, or never.
	f(day, "Europe/Warsaw", 2*hour+1_800_000, "2026-10-25T00:45:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z")
	f(day, "Europe/Warsaw", 2*hour+1_800_000, "2026-03-29T01:15:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z")
}

// TestDaysFollow checks, over twenty years in many zones, that days follow one
// another without a gap and begin on their date.
func TestDaysFollow(t *testing.T) {
	for _, name := range []string{"Europe/Warsaw", "America/Sao_Paulo", "Asia/Beirut", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Tehran", "America/Asuncion", "Pacific/Apia"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		g := newGrid(day, day, zone, 0)
		for d := int64(14_000); d < 21_300; d++ {
			start, next := g.paneStart(d), g.paneStart(d+1)
			if next < start || next-start > 25*3_600_000 {
				t.Fatalf("%s: day %d has %d ms", name, d, next-start)
			}
			if next == start {
				continue // Left out of the calendar.
			}
			if got := g.paneOf(start); got != d {
				t.Fatalf("%s: the start of day %d is in day %d", name, d, got)
			}
			if got := g.paneOf(next - 1); got != d {
				t.Fatalf("%s: the end of day %d is in day %d", name, d, got)
			}
			want := time.Date(1970, 1, 1+int(d), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
			if got := time.UnixMilli(start).In(zone).Format(time.DateOnly); got != want {
				t.Fatalf("%s: day %d begins on %s, want %s", name, d, got, want)
			}
		}
	}
}

func TestSlidingPanes(t *testing.T) {
	f := func(size, slide int64) {
		t.Helper()
		g := newGrid(size, slide, time.UTC, 7)
		for ms := int64(-200); ms < 200; ms++ {
			first, last := g.windowsOf(g.paneOf(ms))
			for w := first - 2; w <= last+2; w++ {
				start, end := g.bounds(w)
				holds := start <= ms && ms < end
				if holds != (first <= w && w <= last) || start != 7+w*slide || end != start+size {
					t.Fatalf("size %d, slide %d: %d and window %d [%d, %d)", size, slide, ms, w, start, end)
				}
			}
		}
	}
	f(10, 10)
	f(60, 5)
	f(12, 8)
	f(7, 3)
	f(5, 1)
}
