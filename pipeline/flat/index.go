package flat

import (
	"math/bits"
	"unsafe"
)

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
	// dir has for each value of the top bits the slots, and number that of the
	// segment, of which a search has no need.
	dir    []*slots
	number []uint32
	depth  uint32 // len(dir) == 1<<depth.
	// spill holds what a segment of the greatest depth has no room for. With
	// hashes that are spread at all it stays empty.
	spill []uint64
}

func makeIndex() index { return makeIndexFor(0) }

// makeIndexFor makes an index with room for n ids, so that few segments split.
func makeIndexFor(n int) index {
	depth := min(uint32(bits.Len(uint(max(n-1, 0))/(segmentSlots*3/4))), depthMax)
	x := index{dir: make([]*slots, 1<<depth), number: make([]uint32, 1<<depth), depth: depth}
	for i := range x.dir {
		x.addSegment(depth)
		x.dir[i], x.number[i] = x.segments[i].slots, uint32(i)
	}
	return x
}

func (x *index) addSegment(depth uint32) {
	s := carve[uint64](segmentSlots, len(x.segments)*segmentSlots*8)
	x.segments = append(x.segments, segment{slots: (*slots)(s), depth: depth})
}

// top is the place of hash h in dir.
func (x *index) top(h uint32) uint64 { return uint64(h) << (x.depth & 31) >> 32 }

// slots are those where hash h is looked for.
func (x *index) slots(h uint32) *slots { return x.dir[x.top(h)] }

// segment is the segment of hash h.
func (x *index) segment(h uint32) *segment { return &x.segments[x.number[x.top(h)]] }

// insert adds an id under h. The caller has made sure that it is new.
func (x *index) insert(h, id uint32) {
	e := uint64(h)<<32 | uint64(id)
	for {
		s := x.segment(h)
		if s.used < segmentFull {
			s.used++
			s.slots.insert(e)
			return
		}
		if s.depth == depthMax {
			x.spill = append(x.spill, e)
			return
		}
		x.split(h)
	}
}

// split divides the segment of hash h by the next bit of its hashes.
func (x *index) split(h uint32) {
	if x.segment(h).depth == x.depth {
		dir, number := make([]*slots, 2*len(x.dir)), make([]uint32, 2*len(x.dir))
		for i, s := range x.dir {
			dir[2*i], dir[2*i+1] = s, s
			number[2*i], number[2*i+1] = x.number[i], x.number[i]
		}
		x.dir, x.number, x.depth = dir, number, x.depth+1
	}
	m := uint32(len(x.segments))
	low := x.segment(h)
	x.addSegment(low.depth + 1)
	low, high := x.segment(h), &x.segments[m]
	old := *low.slots
	*low.slots, low.used = slots{}, 0
	for _, e := range old {
		if e == 0 {
			continue
		}
		half := low
		if uint32(e>>32)<<low.depth>>31 != 0 {
			half = high
		}
		half.used++
		half.slots.insert(e)
	}
	low.depth++
	// Of the run in dir that was the old segment's, the second half is new.
	span := 1 << (x.depth - low.depth + 1)
	first := int(uint64(h)<<x.depth>>32) &^ (span - 1)
	for i := first + span/2; i < first+span; i++ {
		x.dir[i], x.number[i] = high.slots, m
	}
}

// remove takes the id that is stored under h out.
func (x *index) remove(h, id uint32) {
	e := uint64(h)<<32 | uint64(id)
	s := x.segment(h)
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
	return 8*segmentSlots*len(x.segments) + 16*cap(x.segments) + 8*cap(x.dir) + 4*cap(x.number) + 8*cap(x.spill)
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

// first is the first id under h, 0 if there is none outside spill. Only its key
// can tell whether it is the one sought.
func (x *index) first(h uint32) uint32 {
	s := x.slots(h)
	at := h & segmentMask
	for d := uint32(0); s[at] != 0; d++ {
		e := s[at]
		if uint32(e>>32) == h {
			return uint32(e)
		}
		if distance(e, at) < d {
			break
		}
		at = (at + 1) & segmentMask
	}
	return 0
}

// touch asks for the memory where a search for h begins.
func (x *index) touch(h uint32) {
	prefetch(unsafe.Pointer(&x.slots(h)[h&segmentMask]))
}

// Bits without a pattern keep a half that is a small number from being nothing.
const mixHi, mixLo = 0x9e3779b97f4a7c15, 0xff51afd7ed558ccd

// mix folds a key to 64 bits by the product of its halves. They are spread
// already, or one of them is, so that is enough.
func mix(k Key, seed uint64) uint64 {
	hi, lo := bits.Mul64(k.Hi^seed^mixHi, k.Lo^mixLo)
	return hi ^ lo
}
