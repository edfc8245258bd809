package crowd

import (
	"math"
	"slices"

	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
)

// grid is the open window of one length, which all zones share, with the cells
// that have something to tell in it.
type grid struct {
	size, start int64
	first, last uint32 // tracked cells
	flows       *flat.Table[flow]
}

// floor is the start of the window of the size that t lies in.
func floor(t, size int64) int64 {
	r := t % size
	if r < 0 {
		r += size
	}
	return t - r
}

// track lets the cell take part in the open window from t on.
func (s *shard) track(i int, id uint32, c *cell, t int64) {
	g := &s.grids[i]
	if g.first == 0 {
		g.start, g.first = floor(t, g.size), id
	} else {
		s.cells.Mut(g.last).link = id
	}
	g.last = id
	s.arena.Free(c.dwells)
	*c = cell{zone: c.zone, next: c.next, estimate: c.estimate, tracked: true, at: t}
}

// nextEnd is the first end of an open window, with i < 0 if none is open. Of
// equal ends that of the earlier size in the configuration comes first.
func (s *shard) nextEnd() (end int64, i int) {
	end, i = math.MaxInt64, -1
	for k := range s.grids {
		if g := &s.grids[k]; g.first != 0 && g.start+g.size < end {
			end, i = g.start+g.size, k
		}
	}
	return end, i
}

// close emits the rows of the open window and opens the next one.
func (s *shard) close(i int) {
	g := &s.grids[i]
	end := g.start + g.size
	s.rows = s.rows[:0]
	id, before := g.first, uint32(0)
	for id != 0 {
		c := s.cells.Mut(id)
		z := s.zones.MutAt(c.zone)
		s.settle(z, end)
		isZero := c.highest == 0 && c.entries == 0
		due := c.due()
		if due {
			s.emit(i, c, z, end)
			s.rows = append(s.rows, c.zone)
		}
		c.owes = due && !isZero
		next := c.link
		if c.owes || z.devices > 0 || z.people() > 0 {
			s.reopen(c, z)
			before = id
		} else {
			c.tracked, c.link = false, 0
			if before == 0 {
				g.first = next
			} else {
				s.cells.Mut(before).link = next
			}
			if g.last == id {
				g.last = before
			}
		}
		id = next
	}
	s.emitFlows(i, true)
	if g.size == s.op.longest {
		s.judge(g.start, g.size)
	}
	g.start = end
}

// due reports whether the window has a row.
func (c *cell) due() bool { return c.highest > 0 || c.entries > 0 || c.exits > 0 || c.owes }

func (s *shard) reopen(c *cell, z *zone) {
	s.arena.Free(c.dwells)
	c.dwells = 0
	c.integral, c.highest, c.entries, c.exits, c.revision, c.changed = 0, 0, 0, 0, 0, false
	c.uniques, c.sensed = z.devices, z.sensed
}

// showEarly emits the current picture of open windows when a multiple of early
// has passed since the last one.
func (s *shard) showEarly() {
	if s.cfg.Early == 0 || s.now == math.MinInt64 {
		return
	}
	at := floor(s.now, s.cfg.Early)
	if at <= s.shown {
		return
	}
	s.shown = at
	for i := range s.grids {
		g := &s.grids[i]
		if g.start >= s.now {
			continue
		}
		for id := g.first; id != 0; id = s.cells.At(id).link {
			c := s.cells.Mut(id)
			z := s.zones.MutAt(c.zone)
			s.settle(z, s.now)
			if c.due() && (c.changed || z.people() > 0 || c.revision == 0) {
				s.emit(i, c, z, s.now)
				c.changed = false
			}
		}
		s.emitFlows(i, false)
	}
}

// emit writes the row of a zone's window as it stands at the time until.
func (s *shard) emit(i int, c *cell, z *zone, until int64) {
	g := &s.grids[i]
	calibration, area, capacity := 1.0, 0.0, 0.0
	if z.index >= 0 {
		v := &s.op.venue.Zones[z.index]
		calibration, area, capacity = v.Calibration, v.AreaM2, float64(v.Capacity)
	}
	if c.uniques > 0 {
		c.estimate = calibration != 1 || c.sensed > 0
	}
	people := calibration
	if z.counted {
		people = 1
	}
	average := float64(c.integral) / float64(until-g.start) * people
	c.revision++
	if c.revision > 1 {
		s.turn.Count.Revisions++
	}
	out := s.turn.Out(0)
	out.Begin()
	s.putStore(out, z.store)
	s.putZone(out, c.zone)
	out.Int(g.size)
	out.Time(g.start)
	out.Float(average)
	out.Float(float64(c.highest) * people)
	out.Float(float64(z.people()) * people)
	out.Float(float64(c.entries) * people)
	out.Float(float64(c.exits) * people)
	out.Float(float64(c.uniques) * calibration)
	s.quantiles(out, c.dwells, 50, 90)
	density, level := math.NaN(), ""
	if area > 0 {
		density = average / area
		level = levels[levelOf(density)]
	}
	out.Float(density)
	out.String(level)
	out.Float(ratio(average, capacity))
	out.Flag(c.estimate && !z.counted)
	out.Int(c.revision)
	out.End()
	if g.size == s.op.longest && until == g.start+g.size {
		z.level, z.levelAt, z.average = 0, g.start, average
		if area > 0 {
			z.level = levelOf(density)
		} else if c.highest > 0 {
			z.level = noLevel
		}
	}
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

// quantiles writes percentiles of a list by nearest rank, absent ones of an
// empty list.
func (s *shard) quantiles(out *schema.Rows, list flat.Ref, percents ...int) {
	s.values = append(s.values[:0], flat.Of[int64](s.arena.Get(list))...)
	slices.Sort(s.values)
	for _, p := range percents {
		if n := len(s.values); n == 0 {
			out.Int(schema.Absent)
		} else {
			out.Int(s.values[(n*p+99)/100-1])
		}
	}
}
