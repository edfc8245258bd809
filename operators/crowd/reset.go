package crowd

import (
	"time"

	"touchstream/pipeline/flat"
	"touchstream/pipeline/venue"
)

// Kinds of daily resets of a store.
const (
	resetDevices = iota
	resetCounts
)

// armReset sets the store's next reset of the kind, at t or later.
func (s *shard) armReset(storeID uint32, kind int, t int64) {
	at := s.cfg.ResetAt
	if kind == resetCounts {
		at = s.cfg.CounterReset
	}
	if at < 0 || s.stores.At(storeID).armed[kind] {
		return
	}
	st := s.stores.MutAt(storeID)
	st.armed[kind] = true
	loc := time.UTC
	if st.index >= 0 {
		loc = s.op.venue.Stores[st.index].Location
	}
	s.resets.Set(nextLocal(loc, at, t), storeID<<1|uint32(kind))
}

// nextLocal is the first instant at t or later at which clocks in the zone show
// the time of day, in ms from midnight.
func nextLocal(loc *time.Location, timeOfDay, t int64) int64 {
	year, month, day := time.UnixMilli(t).In(loc).Date()
	midnight := time.Date(year, month, day-1, 0, 0, 0, 0, time.UTC).UnixMilli()
	for {
		if at := venue.Instant(loc, midnight+timeOfDay); at >= t {
			return at
		}
		midnight += dayMs
	}
}

func (s *shard) fireReset(timer uint32, due int64) {
	id, kind := timer>>1, timer&1
	s.stores.MutAt(id).armed[kind] = false
	if kind == resetCounts {
		s.zeroCounts(id, due)
		return
	}
	s.devices.Each(func(k flat.Key, v *device) bool {
		if v.store == id && v.zone != 0 {
			n := s.devices.ID(k)
			d := s.devices.MutAt(n)
			s.vanish(d, due, false)
			s.arm(n, d)
		}
		return true
	})
}
