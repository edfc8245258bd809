package crowd

import (
	"math"
	"slices"

	"touchstream/pipeline/flat"
)

// device is one device in one store. It has a timer as long as it is in memory.
type device struct {
	store    uint32
	zone     uint32 // 0: in none
	former   uint32 // the zone that it left last, 0: none that could begin a flow
	explicit bool   // placed by Zone Entered or Tag Read
	fixed    bool   // present for so long that it does not count
	timeout  int64  // presence timeout of the kind of its last sighting
	entered  int64  // into the zone
	last     int64  // sighting
	since    int64  // when the present presence in the store began
	left     int64  // the former zone, or the store
	seen     int64  // last sighting in the former zone
	due      int64  // of the timer that counts; 0: none
	current  uint64 // sensor whose signal decides, 0: none
	signals  flat.Ref
	visits   flat.Ref
}

// visit is the latest stay in a zone, for uniques of those who come back.
type visit struct {
	zone          uint32
	_             uint32
	entered, left int64
}

// place puts the device into the zone where it was seen.
func (s *shard) place(d *device, p place, t int64, explicit bool) {
	if d.zone == p.zone {
		if explicit && !d.explicit {
			s.confirm(d, t)
		}
		d.last, d.timeout = t, p.timeout
		return
	}
	if d.zone == 0 {
		d.since = t
	} else {
		s.depart(d, t, true)
	}
	if explicit {
		d.current = 0
		s.forgetWins(d)
	}
	if d.former != 0 && d.former != p.zone && !d.fixed && t-d.left <= d.timeout {
		s.addFlow(d.former, p.zone, t, t-d.seen)
	}
	d.former, d.zone, d.explicit = 0, p.zone, explicit
	d.entered, d.last, d.timeout = t, t, p.timeout
	if !d.fixed {
		s.enter(d, t)
		s.armReset(p.store, resetDevices, t)
	}
}

// depart takes the device out of its zone. A device that stopped counting has
// no exit and begins no flow.
func (s *shard) depart(d *device, t int64, counts bool) {
	if !d.fixed {
		s.leave(d, t, counts)
		s.remember(d, t)
	}
	d.former, d.left, d.seen = 0, t, d.last
	if counts && !d.fixed {
		d.former = d.zone
	}
	d.zone = 0
}

// vanish ends the device's presence in the store.
func (s *shard) vanish(d *device, t int64, counts bool) {
	s.depart(d, t, counts)
	d.fixed, d.explicit, d.current = false, false, 0
	s.arena.Free(d.signals)
	d.signals = 0
}

// exit ends the presence of a device that is in the zone.
func (s *shard) exit(id, zone uint32, t int64) {
	if id == 0 || s.devices.At(id).zone != zone {
		return
	}
	d := s.devices.MutAt(id)
	d.last = t
	s.vanish(d, t, true)
	s.arm(id, d)
}

// leaveAt is when the device is gone unless it is seen again.
func (s *shard) leaveAt(d *device) int64 {
	if d.explicit {
		return d.last + s.cfg.ZoneTimeout
	}
	return d.last + d.timeout
}

// fixedAt is when the device stops counting.
func (s *shard) fixedAt(d *device) int64 {
	if d.fixed || s.cfg.FixedAfter == 0 {
		return math.MaxInt64
	}
	return d.since + s.cfg.FixedAfter
}

// arm sees to it that the device's next timer is set.
func (s *shard) arm(id uint32, d *device) {
	due := d.left + max(d.timeout, s.op.longest)
	if d.zone != 0 {
		due = min(s.leaveAt(d), s.fixedAt(d))
	}
	if d.due == 0 || due < d.due {
		d.due = due
		s.timers.Set(due, id)
	}
}

func (s *shard) fireDevice(id uint32, due int64) {
	if !s.devices.Live(id) || s.devices.At(id).due != due {
		return
	}
	d := s.devices.MutAt(id)
	d.due = 0
	switch {
	case d.zone == 0:
		if d.left+max(d.timeout, s.op.longest) <= due {
			s.drop(d)
			s.devices.DeleteID(id)
			return
		}
	case s.leaveAt(d) <= due:
		s.vanish(d, due, true)
	case s.fixedAt(d) <= due:
		s.leave(d, due, false)
		s.remember(d, due)
		d.fixed = true
	}
	s.arm(id, d)
}

// makeRoom lets one more device fit.
func (s *shard) makeRoom() {
	for s.devices.Full() {
		due, id, ok := s.timers.PopDue(math.MaxInt64)
		if !ok {
			return
		}
		if !s.devices.Live(id) || s.devices.At(id).due != due {
			continue
		}
		d := s.devices.MutAt(id)
		if d.zone != 0 {
			s.vanish(d, s.now, false)
		}
		s.drop(d)
		s.devices.Evict(id)
		s.turn.Count.Evicted++
	}
}

func (s *shard) drop(d *device) {
	s.arena.Free(d.signals)
	s.arena.Free(d.visits)
}

// remember keeps the stay that ends at t for as long as a window reaches back.
func (s *shard) remember(d *device, t int64) {
	s.stays = s.stays[:0]
	for _, v := range flat.Of[visit](s.arena.Get(d.visits)) {
		if v.zone != d.zone && v.left > t-s.op.longest {
			s.stays = append(s.stays, v)
		}
	}
	s.stays = append(s.stays, visit{zone: d.zone, entered: d.entered, left: t})
	d.visits = s.arena.Replace(d.visits, flat.Bytes(s.stays))
}

// wasIn reports whether the device was in its zone in the window that began at
// start, before it entered again.
func (s *shard) wasIn(d *device, start int64) bool {
	stays := flat.Of[visit](s.arena.Get(d.visits))
	i := slices.IndexFunc(stays, func(v visit) bool { return v.zone == d.zone })
	return i >= 0 && (stays[i].left > start || stays[i].entered >= start)
}
