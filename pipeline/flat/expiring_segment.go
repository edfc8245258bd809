package flat

const (
	idBuckets   = 1 << 8
	idMask      = idBuckets - 1
	bucketSlots = 16
	idSlots     = idBuckets * bucketSlots
	// idMean is the mean number of ids in a segment when a set is at its limit,
	// idFull the number at which a segment makes room: 3 standard deviations
	// more, so that few segments ever split beyond the size laid out.
	idMean = idSlots * 93 / 100
	idFull = idMean + 190
	// walkMax bounds how many ids move to make room for one.
	walkMax = 100
)

// idSlot is one id: the halves of its hash and the low 32 bits of its time. The
// low half is never 0: that is an empty slot.
type idSlot struct {
	low, high, time uint32
}

// homes are the two buckets that an id may be in.
func (id idSlot) homes() (first, second uint32) { return id.low & idMask, id.high & idMask }

// bucket fills three cache lines. A search reads the first one, and of the
// others only what belongs to an id whose low half is the one sought.
type bucket struct {
	low, high, time [bucketSlots]uint32
}

// idSegment is a small set of ids by cuckoo hashing: an id is in one of two
// buckets, and moves to the other one to make room. So a search reads two cache
// lines, whatever the load, and an id can be removed by emptying its slot.
type idSegment [idBuckets]bucket

// bound tells which times are forgotten: those less than before beyond from.
type bound struct {
	from   uint32
	before uint64
}

func (b bound) forgotten(time uint32) bool { return uint64(time-b.from) < b.before }

// find is the place of an id's time, nil if it is not there.
func (s *idSegment) find(id idSlot) *uint32 {
	first, second := id.homes()
	if t := s[first].find(id); t != nil {
		return t
	}
	return s[second].find(id)
}

func (b *bucket) find(id idSlot) *uint32 {
	for i, low := range &b.low {
		if low == id.low && b.high[i] == id.high {
			return &b.time[i]
		}
	}
	return nil
}

// at is the id in slot i.
func (b *bucket) at(i uint32) idSlot {
	i %= bucketSlots
	return idSlot{b.low[i], b.high[i], b.time[i]}
}

func (b *bucket) set(i uint32, id idSlot) {
	i %= bucketSlots
	b.low[i], b.high[i], b.time[i] = id.low, id.high, id.time
}

// room is a slot of the bucket that is empty or holds a forgotten id.
func (b *bucket) room(past bound) (slot uint32, ok bool) {
	for i, low := range &b.low {
		if low == 0 || past.forgotten(b.time[i]) {
			return uint32(i), true
		}
	}
	return 0, false
}

// put adds an id that is not there and reports how many slots more are in use,
// 0 or 1. If the segment has no room for it where put looks, it answers with
// the id that is left over, this one or another; else with an id of low 0.
func (s *idSegment) put(id idSlot, past bound, full bool) (left idSlot, used uint32) {
	at, second := id.homes()
	to, ok := s[at].room(past)
	if !ok {
		at = second
		to, ok = s[at].room(past)
	}
	if !ok && full {
		return id, 0
	}
	for step := uint32(0); !ok; step++ {
		if step == walkMax {
			return id, 0
		}
		// Change places with one that is here, and take that to its other home.
		i := (id.low>>10 + step) % bucketSlots
		o := s[at].at(i)
		s[at].set(i, id)
		id = o
		first, second := id.homes()
		at ^= first ^ second
		to, ok = s[at].room(past)
	}
	if s[at].low[to] == 0 {
		used = 1
	}
	s[at].set(to, id)
	return idSlot{}, used
}

// purge empties the slots of forgotten ids.
func (s *idSegment) purge(past bound) (removed uint32) {
	for b := range s {
		for i, low := range &s[b].low {
			if low != 0 && past.forgotten(s[b].time[i]) {
				s[b].low[i] = 0
				removed++
			}
		}
	}
	return removed
}
