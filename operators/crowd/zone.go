package crowd

import (
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// zone is what is going on in one zone now.
type zone struct {
	store   uint32
	index   int32 // in the venue file, -1 without one
	cells   uint32
	name    flat.Ref
	devices int64 // present and counting
	sensed  int64 // of these, those placed by sightings
	count   int64 // people by the door counters
	counted bool  // door counters decide

	level   uint8 // level of service, 0 = A, in the longest window that began at levelAt
	crowded uint8 // windows running at the level that raises an alert
	raised  bool
	levelAt int64
	average float64 // people in that window
	hotAt   int64   // start of the first of the crowded windows
}

// people is the number that the occupancy is made from, before calibration.
func (z *zone) people() int64 {
	if z.counted {
		return z.count
	}
	return z.devices
}

// countsMax bounds the counts of a door, so that sums of them fit.
const countsMax = 1_000_000_000

// cell is one zone's open window of one length.
type cell struct {
	zone, next uint32 // next cell of the zone, by window length
	link       uint32 // next tracked cell of the grid
	tracked    bool
	owes       bool // a row of zeros is due when nothing more comes
	changed    bool // since the last early row
	estimate   bool // of the newest window with devices
	revision   int64
	at         int64 // up to when integral and highest are made
	integral   int64 // people × ms
	highest    int64
	entries    int64
	exits      int64
	uniques    int64
	sensed     int64 // uniques that were placed by sightings
	dwells     flat.Ref
}

// settle adds what was in the zone up to t to its open windows.
func (s *shard) settle(z *zone, t int64) {
	n := z.people()
	for id := z.cells; id != 0; id = s.cells.At(id).next {
		if c := s.cells.Mut(id); c.tracked && t > c.at {
			c.integral += n * (t - c.at)
			c.highest, c.at = max(c.highest, n), t
		}
	}
}

// begin settles the zone and sees to it that its windows are tracked.
func (s *shard) begin(z *zone, t int64) {
	s.settle(z, t)
	i := 0
	for id := z.cells; id != 0; id = s.cells.At(id).next {
		if c := s.cells.Mut(id); !c.tracked {
			s.track(i, id, c, t)
		}
		i++
	}
}

// enter counts the device in.
func (s *shard) enter(d *device, t int64) {
	z := s.zones.MutAt(d.zone)
	s.begin(z, t)
	z.devices++
	if !d.explicit {
		z.sensed++
	}
	i := 0
	for id := z.cells; id != 0; id = s.cells.At(id).next {
		c := s.cells.Mut(id)
		c.changed = true
		if !z.counted {
			c.entries++
		}
		if !s.wasIn(d, s.grids[i].start) {
			c.uniques++
		}
		if !d.explicit {
			c.sensed++
		}
		i++
	}
}

// leave counts the device out; counts says that it is an exit. Who leaves at
// the very start of a window was not in it.
func (s *shard) leave(d *device, t int64, counts bool) {
	z := s.zones.MutAt(d.zone)
	s.settle(z, t)
	z.devices--
	if !d.explicit {
		z.sensed--
	}
	i := 0
	for id := z.cells; id != 0; id = s.cells.At(id).next {
		c := s.cells.Mut(id)
		c.changed = true
		if start := s.grids[i].start; t == start && d.entered < start {
			c.uniques--
			if !d.explicit {
				c.sensed--
			}
		}
		if counts {
			if !z.counted {
				c.exits++
			}
			s.appendValue(&c.dwells, d.last-d.entered)
		}
		i++
	}
}

// confirm makes a sensed device an explicit one. In a window at whose very start
// that happens, or when it comes at once, it was never sensed.
func (s *shard) confirm(d *device, t int64) {
	d.explicit = true
	if d.fixed {
		return
	}
	z := s.zones.MutAt(d.zone)
	z.sensed--
	i := 0
	for id := z.cells; id != 0; id = s.cells.At(id).next {
		if start := s.grids[i].start; t == d.entered || t == start && d.entered < start {
			s.cells.Mut(id).sensed--
		}
		i++
	}
}

// countRead takes what a door counter counted since its last report. From the
// first one on the counters decide.
func (s *shard) countRead(id uint32, in, out, t int64) {
	z := s.zones.MutAt(id)
	if !z.counted {
		s.switchToCounts(z, t)
	}
	if in == event.Absent || in < 0 {
		in = 0
	}
	if out == event.Absent || out < 0 {
		out = 0
	}
	if in+out == 0 {
		return
	}
	in, out = min(in, countsMax), min(out, countsMax)
	s.begin(z, t)
	z.count = min(max(z.count+in-out, 0), countsMax)
	for c := z.cells; c != 0; c = s.cells.At(c).next {
		m := s.cells.Mut(c)
		m.entries, m.exits, m.changed = m.entries+in, m.exits+out, true
	}
	s.armReset(z.store, resetCounts, t)
}

// switchToCounts leaves what devices said about the open windows behind. Those
// that had something to tell still have a row.
func (s *shard) switchToCounts(z *zone, t int64) {
	s.settle(z, t)
	z.counted = true
	for id := z.cells; id != 0; id = s.cells.At(id).next {
		c := s.cells.Mut(id)
		c.owes = c.due()
		c.integral, c.highest, c.entries, c.exits = 0, 0, 0, 0
	}
}

// zeroCounts sets the door counters of a store, or of all with 0, to 0.
func (s *shard) zeroCounts(storeID uint32, t int64) {
	s.zones.Each(func(k flat.Key, v *zone) bool {
		if v.count > 0 && (storeID == 0 || v.store == storeID) {
			z, _ := s.zones.Mut(k)
			s.settle(z, t)
			z.count = 0
			for id := z.cells; id != 0; id = s.cells.At(id).next {
				s.cells.Mut(id).changed = true
			}
		}
		return true
	})
}

// appendValue appends to a list of values.
func (s *shard) appendValue(list *flat.Ref, v int64) {
	n := list.Len() / 8
	*list = s.arena.Resize(*list, (n+1)*8)
	flat.Of[int64](s.arena.Mut(*list))[n] = v
}
