package flat

import "math/bits"

const (
	segmentSlots = 1 << 10
	segmentMask  = segmentSlots - 1
	// segmentFull is the number of slots above which a segment splits. Longer
	// runs would cost more than the memory that they save.
	segmentFull = segmentSlots * 13 / 16
	// depthMax leaves the low 10 bits of a hash for the place in a segment.
	depthMax = 22
)

// slots is a small open-addressed table of 32-bit hashes and entry ids, hash in
// the high half of a slot, id in the low half, 0 an empty slot. It is filled by
// robin hood hashing: along a run the distance from home never grows by more
// than one, so a search ends where an entry is nearer its home.
type slots [segmentSlots]uint64

// segment is one part of an index. Its slots lie apart so that they fill an
// allocation of 8 KiB exactly.
type segment struct {
	slots *slots
	used  uint32
	depth uint32 // The number of top bits that all its hashes share.
}

// index finds entry ids by 32-bit hashes. It grows by extendible hashing: the
// top bits of a hash pick a segment through dir, and a full segment splits in
// two, so no insertion moves more than one segment. It holds no keys: its owner
// compares those.
type index struct {
	segments []segment
	dir      []uint32
	depth    uint32 // len(dir) == 1<<depth.
	// spill holds what a segment of the greatest depth has no room for. With
	// hashes that are spread at all it stays empty.
	spill []uint64
}

func makeIndex() index { return makeIndexFor(0) }

// makeIndexFor makes an index with room for n ids, so that few segments split.
func makeIndexFor(n int) index {
	depth := min(uint32(bits.Len(uint(max(n-1, 0))/(segmentSlots*3/4))), depthMax)
	x := index{segments: make([]segment, 1<<depth), dir: make([]uint32, 1<<depth), depth: depth}
	for i := range x.segments {
		x.segments[i] = segment{slots: new(slots), depth: depth}
		x.dir[i] = uint32(i)
	}
	return x
}

// segment is the number of the segment of hash h.
func (x *index) segment(h uint32) uint32 {
	return x.dir[uint64(h)<<x.depth>>32]
}

// insert adds an id under h. The caller has made sure that it is new.
func (x *index) insert(h, id uint32) {
	e := uint64(h)<<32 | uint64(id)
	for {
		n := x.segment(h)
		s := &x.segments[n]
		if s.used < segmentFull {
			s.used++
			s.slots.insert(e)
			return
		}
		if s.depth == depthMax {
			x.spill = append(x.spill, e)
			return
		}
		x.split(n, h)
	}
}

// split divides segment n, that of hash h, by the next bit of its hashes.
func (x *index) split(n, h uint32) {
	if x.segments[n].depth == x.depth {
		dir := make([]uint32, 2*len(x.dir))
		for i, s := range x.dir {
			dir[2*i], dir[2*i+1] = s, s
		}
		x.dir, x.depth = dir, x.depth+1
	}
	m := uint32(len(x.segments))
	old := &x.segments[n]
	low := segment{slots: new(slots), depth: old.depth + 1}
	high := segment{slots: new(slots), depth: old.depth + 1}
	for _, e := range old.slots {
		if e == 0 {
			continue
		}
		half := &low
		if uint32(e>>32)<<old.depth>>31 != 0 {
			half = &high
		}
		half.used++
		half.slots.insert(e)
	}
	*old = low
	x.segments = append(x.segments, high)
	// Of the run in dir that was the old segment's, the second half is new.
	span := 1 << (x.depth - low.depth + 1)
	first := int(uint64(h)<<x.depth>>32) &^ (span - 1)
	for i := first + span/2; i < first+span; i++ {
		x.dir[i] = m
	}
}

// remove takes the id that is stored under h out.
func (x *index) remove(h, id uint32) {
	e := uint64(h)<<32 | uint64(id)
	s := &x.segments[x.segment(h)]
	if s.slots.remove(e) {
		s.used--
		return
	}
	for i := range x.spill {
		if x.spill[i] == e {
			x.spill = append(x.spill[:i], x.spill[i+1:]...)
			return
		}
	}
}

func (x *index) bytes() int {
	return 8*segmentSlots*len(x.segments) + 16*cap(x.segments) + 4*cap(x.dir) + 8*cap(x.spill)
}

func distance(e uint64, at uint32) uint32 { return (at - uint32(e>>32)) & segmentMask }

func (s *slots) insert(e uint64) {
	at := uint32(e>>32) & segmentMask
	for d := uint32(0); ; d++ {
		o := s[at]
		if o == 0 {
			s[at] = e
			return
		}
		if od := distance(o, at); od < d {
			s[at] = e
			e, d = o, od
		}
		at = (at + 1) & segmentMask
	}
}

// remove closes the gap by moving the rest of the run one slot back.
func (s *slots) remove(e uint64) bool {
	at := uint32(e>>32) & segmentMask
	for d := uint32(0); s[at] != e; d++ {
		if s[at] == 0 || distance(s[at], at) < d {
			return false
		}
		at = (at + 1) & segmentMask
	}
	for {
		next := (at + 1) & segmentMask
		o := s[next]
		if o == 0 || distance(o, next) == 0 {
			s[at] = 0
			return true
		}
		s[at] = o
		at = next
	}
}

// mix spreads a key to 64 bits.
func mix(k Key, seed uint64) uint64 {
	x := (k.Hi ^ seed) * 0x9e3779b97f4a7c15
	x ^= x >> 32
	x += k.Lo
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
