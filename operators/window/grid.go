package window

import (
	"math"
	"time"
)

// grid divides time into panes, and windows into panes: window w consists of
// the panes from w·step up to w·step + span.
type grid struct {
	span, step int64 // panes of a window; panes from window to window

	// Fixed panes.
	origin, pane int64
	// Calendar panes: days, and the time of the wall clock at which they begin.
	zone     *time.Location // nil: fixed
	days     int64
	dayShift int64
	clock    time.Duration

	// The pane asked for last.
	from, to int64
	last     int64
}

// newGrid makes the grid of windows of a size that start at every slide.
func newGrid(size, slide int64, zone *time.Location, offset int64) grid {
	pane := gcd(size, slide)
	g := grid{span: size / pane, step: slide / pane, pane: pane, from: 1, to: 0}
	if pane%day == 0 && zone != time.UTC {
		g.zone, g.days = zone, pane/day
		g.dayShift, g.clock = offset/day, time.Duration(offset%day)*time.Millisecond
		return g
	}
	g.origin = midnight(0, 0, zone) + offset
	return g
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// midnight is the first instant of a day, counted from 1970-01-01, at or after
// the given time of the wall clock.
func midnight(dayNumber int64, clock time.Duration, zone *time.Location) int64 {
	wall := time.Date(1970, 1, 1+int(dayNumber), 0, 0, 0, int(clock), time.UTC)
	t := time.Date(1970, 1, 1+int(dayNumber), 0, 0, 0, int(clock), zone)
	from, to := t.ZoneBounds()
	switch local := wallClock(t); {
	case local.Before(wall) && !to.IsZero():
		// The wall clock jumps over this time: the day begins at the jump.
		t = to
	case local.After(wall) && !from.IsZero():
		t = from
	case local.Equal(wall) && !from.IsZero():
		// The wall clock shows this time twice: the first one counts.
		_, offset := from.Add(-time.Second).Zone()
		if earlier := time.Unix(0, wall.UnixNano()).Add(-time.Duration(offset) * time.Second); earlier.Before(from) {
			t = earlier
		}
	}
	return t.UnixMilli()
}

// wallClock is what the clock on the wall shows, as a time in UTC.
func wallClock(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// paneOf is the number of the pane that holds an instant.
func (g *grid) paneOf(ms int64) int64 {
	if ms >= g.from && ms < g.to {
		return g.last
	}
	return g.find(ms)
}

// find looks for the pane that holds an instant and remembers it.
func (g *grid) find(ms int64) int64 {
	p := int64(0)
	if g.zone == nil {
		p = floorDiv(ms-g.origin, g.pane)
	} else {
		local := wallClock(time.UnixMilli(ms).In(g.zone)).UnixMilli() - g.clock.Milliseconds()
		p = floorDiv(floorDiv(local, day)-g.dayShift, g.days)
		for ms < g.paneStart(p) {
			p--
		}
		for ms >= g.paneStart(p+1) {
			p++
		}
	}
	g.last, g.from, g.to = p, g.paneStart(p), g.paneStart(p+1)
	return p
}

// paneStart is the first instant of a pane.
func (g *grid) paneStart(p int64) int64 {
	if g.zone == nil {
		return g.origin + p*g.pane
	}
	return midnight(p*g.days+g.dayShift, g.clock, g.zone)
}

// windowsOf are the windows from first to last that hold a pane.
func (g *grid) windowsOf(p int64) (first, last int64) {
	return floorDiv(p-g.span, g.step) + 1, floorDiv(p, g.step)
}

// panesOf are the panes of a window, up to but not including end.
func (g *grid) panesOf(w int64) (from, end int64) { return w * g.step, w*g.step + g.span }

// bounds are the start and the end of a window.
func (g *grid) bounds(w int64) (start, end int64) {
	from, to := g.panesOf(w)
	return g.paneStart(from), g.paneStart(to)
}

// add is a + b, at most the greatest instant.
func add(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
