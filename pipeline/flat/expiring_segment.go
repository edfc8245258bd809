package flat

const (
	idSlots = 1 << 12
	idMask  = idSlots - 1
	// idMean is the mean number of ids in a segment when a set is at its limit,
	// idFull the number at which a segment makes room: 3 standard deviations
	// more, so that few segments ever split beyond the size laid out.
	idMean = idSlots * 93 / 100
	idFull = idMean + 190
)

// idSegment is a small open-addressed set of 64-bit hashes with times, 12 bytes
// an id. The low half of a hash gives the home, and 0 there means an empty
// slot. It is filled by robin hood hashing: a run is sorted by home.
type idSegment struct {
	low, high, time [idSlots]uint32
}

// lowHalf is the low half of a hash as stored, never 0 and with the same home.
func lowHalf(h uint64) uint32 {
	if low := uint32(h); low != 0 {
		return low
	}
	return idSlots
}

// search finds the slot of a hash, or else the slot where it belongs.
func (s *idSegment) search(low, high uint32) (at uint32, found bool) {
	at = low & idMask
	for d := uint32(0); ; d++ {
		o := s.low[at]
		if o == low && s.high[at] == high {
			return at, true
		}
		if o == 0 || (at-o)&idMask < d {
			return at, false
		}
		at = (at + 1) & idMask
	}
}

// insert puts an id at the slot that search gave, moving the rest of the run by
// one slot. The segment must have an empty slot.
func (s *idSegment) insert(at, low, high, time uint32) {
	end := at
	for s.low[end] != 0 {
		end = (end + 1) & idMask
	}
	if end < at {
		s.shift(0, end)
		s.low[0], s.high[0], s.time[0] = s.low[idMask], s.high[idMask], s.time[idMask]
		end = idMask
	}
	s.shift(at, end)
	s.low[at], s.high[at], s.time[at] = low, high, time
}

// shift moves the slots from ... end-1 up by one.
func (s *idSegment) shift(from, end uint32) {
	copy(s.low[from+1:end+1], s.low[from:end])
	copy(s.high[from+1:end+1], s.high[from:end])
	copy(s.time[from+1:end+1], s.time[from:end])
}

// add is search and insert of an id that is not there.
func (s *idSegment) add(low, high, time uint32) {
	at, _ := s.search(low, high)
	s.insert(at, low, high, time)
}

// purge removes what drop says and closes the gaps. The segment must have an
// empty slot: no run crosses it, so slots can be taken in order from there, and
// each moves back to its home or next to the one before.
func (s *idSegment) purge(drop func(time uint32) bool) (removed int) {
	start := uint32(0)
	for s.low[start] != 0 {
		start++
	}
	next := uint32(0) // Counted from start, as is home.
	for i := uint32(1); i < idSlots; i++ {
		at := (start + i) & idMask
		low := s.low[at]
		if low == 0 {
			continue
		}
		s.low[at] = 0
		if drop(s.time[at]) {
			removed++
			continue
		}
		next = max(next, (low-start)&idMask)
		to := (start + next) & idMask
		s.low[to], s.high[to], s.time[to] = low, s.high[at], s.time[at]
		next++
	}
	return removed
}
