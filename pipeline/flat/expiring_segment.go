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

// bucket fills three cache lines, which lie side by side.
type bucket [bucketSlots]idSlot

// idSegment is a small set of ids by cuckoo hashing: an id is in one of two
// buckets, and moves to the other one to make room. So a search reads two places,
// whatever the load, and an id can be removed by emptying its slot.
type idSegment [idBuckets]bucket

// bound tells which times are forgotten: those less than before beyond from.
type bound struct {
	from   uint32
	before uint64
}

func (b bound) forgotten(time uint32) bool { return uint64(time-b.from) < b.before }

// find is the slot of an id, nil if it is not there.
func (s *idSegment) find(id idSlot) *idSlot {
	first, second := id.homes()
	for i := range s[first] {
		if o := &s[first][i]; o.low == id.low && o.high == id.high {
			return o
		}
	}
	for i := range s[second] {
		if o := &s[second][i]; o.low == id.low && o.high == id.high {
			return o
		}
	}
	return nil
}

// room is a slot of the bucket that is empty or holds a forgotten id.
func (b *bucket) room(past bound) *idSlot {
	for i := range b {
		if o := &b[i]; o.low == 0 || past.forgotten(o.time) {
			return o
		}
	}
	return nil
}

// put adds an id that is not there and reports how many slots more are in use,
// 0 or 1. If the segment has no room for it where put looks, it answers with
// the id that is left over, this one or another; else with an id of low 0.
func (s *idSegment) put(id idSlot, past bound, full bool) (left idSlot, used uint32) {
	first, at := id.homes()
	to := s[first].room(past)
	if to == nil {
		to = s[at].room(past)
	}
	if to == nil && full {
		return id, 0
	}
	for step := uint32(0); to == nil; step++ {
		if step == walkMax {
			return id, 0
		}
		// Change places with one that is here, and take that to its other home.
		o := &s[at][(id.low>>10+step)%bucketSlots]
		*o, id = id, *o
		first, second := id.homes()
		at ^= first ^ second
		to = s[at].room(past)
	}
	if to.low == 0 {
		used = 1
	}
	*to = id
	return idSlot{}, used
}

// purge empties the slots of forgotten ids.
func (s *idSegment) purge(past bound) (removed uint32) {
	for b := range s {
		for i := range s[b] {
			if o := &s[b][i]; o.low != 0 && past.forgotten(o.time) {
				o.low = 0
				removed++
			}
		}
	}
	return removed
}
