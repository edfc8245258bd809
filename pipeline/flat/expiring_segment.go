package flat

import "unsafe"

const (
	idBuckets   = 1 << 7
	idMask      = idBuckets - 1
	lineSlots   = 7
	bucketSlots = 4 * lineSlots
	idSlots     = idBuckets * bucketSlots
	// idMean is the mean number of ids in a segment when a set is at its limit,
	// idFull the number at which a segment makes room: 3 standard deviations
	// more, so that few segments ever split beyond the size laid out.
	idMean = idSlots * 88 / 100
	idFull = idMean + 170
	// triesFull is of how many ids of its home an id may take the slot in a
	// segment that is nearly full. The room of a forgotten id is most often
	// found so, and looking for those all over the segment costs more.
	triesFull = 3
)

// idSlot is one id: 63 bits of its hash and the low 32 bits of its time. Of the
// low half the bits from 16 on are the tag, which is never 0, those from 0 the
// number of its home, and bit 15 is 0.
type idSlot struct {
	low, high, time uint32
}

func (id idSlot) home() uint32 { return id.low & idMask }

// away is the other bucket that an id may be in.
func (id idSlot) away() uint32 { return id.low&idMask ^ jump(id.high) }

// jump leads from one bucket of an id to the other. It is odd, so the last bit
// of the home tells which of them a slot lies in.
func jump(high uint32) uint32 { return high&idMask | 1 }

// tags is the id's tag in all lanes of a word.
func (id idSlot) tags() uint64 { return uint64(id.low>>16) * eachLane }

// rest is what a slot keeps of the low half besides the tag: 8 bits, and the
// last one of the home.
func (id idSlot) rest() uint64 { return uint64(id.low>>7&0xff<<1 | id.low&1) }

const (
	eachLane = 0x0001_0001_0001_0001
	topBits  = 0x8000_8000_8000_8000
	restBits = 9
	restMask = 1<<restBits - 1
)

// bucket fills five cache lines. The first one tells nearly always that an id
// is not here, and where a new one goes; of the others only that of its slot is
// read.
type bucket struct {
	tags [lineSlots]uint64 // Of each slot 16 bits, 0 if it is empty.
	// strayed is the low half of the latest time of the ids whose home this is
	// and that lie in their other bucket, if there are any.
	strayed    uint32
	hasStrayed uint16
	// next is where the next id goes. Slots are filled by turns, so it is the
	// one filled longest ago.
	next uint16
	line [bucketSlots / lineSlots]idLine
}

// idLine holds what seven slots have besides their tags.
type idLine struct {
	time, high [lineSlots]uint32
	rest       uint64 // Of each slot restBits bits.
}

// idSegment is a small set of ids by cuckoo hashing: an id is in its home or, if
// that was full, in one other bucket. A home knows until when ids are away.
type idSegment [idBuckets]bucket

// bound tells which times are forgotten: those less than before beyond from.
type bound struct {
	from   uint32
	before uint64
}

func (b bound) forgotten(time uint32) bool { return uint64(time-b.from) < b.before }

// find is where an id is, unless it is not there or forgotten.
func (s *idSegment) find(id idSlot, past bound) (b, i uint32, ok bool) {
	b = id.home()
	if s[b].mayHold(id.tags()) {
		if i, ok = s[b].find(id, past); ok {
			return b, i, true
		}
	}
	if s[b].hasStrayed == 0 || past.forgotten(s[b].strayed) {
		return 0, 0, false
	}
	b = id.away()
	if s[b].mayHold(id.tags()) {
		i, ok = s[b].find(id, past)
	}
	return b, i, ok
}

// mayHold reports whether a slot has the tag: then a lane of the difference is
// 0, so that subtracting 1 there borrows from its top bit.
func (b *bucket) mayHold(tags uint64) bool {
	w := &b.tags
	d0, d1, d2, d3, d4, d5, d6 := w[0]^tags, w[1]^tags, w[2]^tags, w[3]^tags, w[4]^tags, w[5]^tags, w[6]^tags
	return ((d0-eachLane)&^d0|(d1-eachLane)&^d1|(d2-eachLane)&^d2|(d3-eachLane)&^d3|
		(d4-eachLane)&^d4|(d5-eachLane)&^d5|(d6-eachLane)&^d6)&topBits != 0
}

func (b *bucket) find(id idSlot, past bound) (i uint32, ok bool) {
	tag, rest := id.low>>16, id.rest()
	for i := range uint32(bucketSlots) {
		if b.tag(i) != tag {
			continue
		}
		l, k := &b.line[i/lineSlots], i%lineSlots
		if l.high[k] == id.high && l.restOf(k) == rest && !past.forgotten(l.time[k]) {
			return i, true
		}
	}
	return 0, false
}

func (b *bucket) tag(i uint32) uint32 { return uint32(b.tags[i/4]>>(i%4*16)) & 0xffff }

func (l *idLine) restOf(k uint32) uint64 { return l.rest >> (k * restBits & 63) & restMask }

// at is the id in slot i of bucket b.
func (s *idSegment) at(b, i uint32) idSlot { return s[b].at(b, i) }

// at is the id in slot i of the bucket, which is number n of its segment.
func (b *bucket) at(n, i uint32) idSlot {
	l, k := &b.line[i/lineSlots], i%lineSlots
	high, rest := l.high[k], uint32(l.restOf(k))
	home := n
	if (n^rest)&1 != 0 {
		home ^= jump(high)
	}
	return idSlot{low: b.tag(i)<<16 | rest>>1<<7 | home, high: high, time: l.time[k]}
}

// time is that of the id in slot i.
func (b *bucket) time(i uint32) uint32 { return b.line[i/lineSlots].time[i%lineSlots] }

// isRoom reports whether slot i is empty or holds a forgotten id.
func (b *bucket) isRoom(i uint32, past bound) bool {
	return b.tag(i) == 0 || past.forgotten(b.time(i))
}

// touchNext asks for the memory of the next slot.
func (b *bucket) touchNext() { prefetch(unsafe.Pointer(&b.line[b.next/lineSlots])) }

// set puts an id into slot i of its bucket b.
func (s *idSegment) set(b, i uint32, id idSlot, past bound) {
	k := &s[b]
	if i == uint32(k.next) {
		if k.next++; k.next == bucketSlots {
			k.next = 0
		}
	}
	w, shift := &k.tags[i/4], i%4*16
	*w = *w&^(0xffff<<shift) | uint64(id.low>>16)<<shift
	l, n := &k.line[i/lineSlots], i%lineSlots
	l.time[n], l.high[n] = id.time, id.high
	shift = n * restBits & 63
	l.rest = l.rest&^(restMask<<shift) | id.rest()<<shift
	if home := &s[id.home()]; home != k {
		if home.hasStrayed == 0 || id.time-past.from > home.strayed-past.from {
			home.strayed = id.time
		}
		home.hasStrayed = 1
	}
}

// put adds an id that is not there and reports how many slots more are in use,
// 0 or 1. It goes to the next slot of its home or of its other bucket, or takes
// the slot of one of the latest ids there that finds room in its own other
// bucket. So ids stay in their order in time, and next slots are forgotten first.
// Put tries so many of them; ok is false if none can move.
func (s *idSegment) put(id idSlot, past bound, tries uint32) (used uint32, ok bool) {
	home := id.home()
	if i := uint32(s[home].next); s[home].isRoom(i, past) {
		return s.fill(home, i, id, past), true
	}
	b := id.away()
	if i := uint32(s[b].next); s[b].isRoom(i, past) {
		return s.fill(b, i, id, past), true
	}
	last := uint32(s[home].next)
	for range tries {
		if last == 0 {
			last = bucketSlots
		}
		last--
		if s[home].isRoom(last, past) {
			return s.fill(home, last, id, past), true
		}
		o := s.at(home, last)
		b := home ^ jump(o.high)
		if i := uint32(s[b].next); s[b].isRoom(i, past) {
			used = s.fill(b, i, o, past)
			s.set(home, last, id, past)
			return used, true
		}
	}
	return 0, false
}

// search is put for an id for which next slots have no room: of ids that come out
// of order some are forgotten before those in next slots, and a purge empties
// slots anywhere. The id goes to any slot of its buckets that has room, or takes
// the slot of any id of its home for which the other bucket of that id has one.
func (s *idSegment) search(id idSlot, past bound) (used uint32, ok bool) {
	home := id.home()
	for _, b := range [2]uint32{home, id.away()} {
		if i, ok := s[b].room(past); ok {
			return s.fill(b, i, id, past), true
		}
	}
	for i := range uint32(bucketSlots) {
		o := s.at(home, i)
		b := home ^ jump(o.high)
		if to, ok := s[b].room(past); ok {
			used = s.fill(b, to, o, past)
			s.set(home, i, id, past)
			return used, true
		}
	}
	return 0, false
}

// room finds a slot that has room.
func (b *bucket) room(past bound) (i uint32, ok bool) {
	for i := range uint32(bucketSlots) {
		if b.isRoom(i, past) {
			return i, true
		}
	}
	return 0, false
}

// fill puts an id into a slot that has room and reports how many more are in
// use.
func (s *idSegment) fill(b, i uint32, id idSlot, past bound) (used uint32) {
	if s[b].tag(i) == 0 {
		used = 1
	}
	s.set(b, i, id, past)
	return used
}

// purge empties the slots of forgotten ids.
func (s *idSegment) purge(past bound) (removed uint32) {
	for b := range s {
		k := &s[b]
		for i := range uint32(bucketSlots) {
			if k.tag(i) != 0 && past.forgotten(k.time(i)) {
				k.tags[i/4] &^= 0xffff << (i % 4 * 16)
				removed++
			}
		}
		if k.hasStrayed != 0 && past.forgotten(k.strayed) {
			k.hasStrayed = 0
		}
	}
	return removed
}

// halving tells which half of a divided segment an id goes to: by one bit of its
// place.
type halving struct {
	base  uint64
	shift uint8
}

func (h halving) of(high uint32) uint32 { return uint32(uint64(high)*h.base>>(h.shift&63)) & 1 }

// split moves half of the ids that are at home to the same buckets of an empty
// segment, closes up those that stay, and adds those that are away to strays:
// they find room at home now. It reports how many ids either segment has. One
// bucket after another, so that all of it goes on in the nearest cache.
func (s *idSegment) split(other *idSegment, past bound, half halving, strays []idSlot) ([2]uint32, []idSlot) {
	var used [2]uint32
	for b := range uint32(idBuckets) {
		from := s[b]
		s[b] = bucket{}
		to, n := [2]*bucket{&s[b], &other[b]}, [2]uint32{}
		i := uint32(from.next)
		for range bucketSlots {
			l, k := &from.line[i/lineSlots], i%lineSlots
			if tag := from.tag(i); tag != 0 && !past.forgotten(l.time[k]) {
				if id := from.at(b, i); id.home() != b {
					strays = append(strays, id)
				} else {
					h := half.of(id.high)
					to[h].fillEmpty(n[h], id)
					n[h]++
				}
			}
			if i++; i == bucketSlots {
				i = 0
			}
		}
		to[0].next, to[1].next = uint16(n[0]%bucketSlots), uint16(n[1]%bucketSlots)
		used[0], used[1] = used[0]+n[0], used[1]+n[1]
	}
	return used, strays
}

// fillEmpty puts an id that is at home into slot i, in which nothing ever was.
func (b *bucket) fillEmpty(i uint32, id idSlot) {
	b.tags[i/4] |= uint64(id.low>>16) << (i % 4 * 16)
	l, k := &b.line[i/lineSlots], i%lineSlots
	l.time[k], l.high[k] = id.time, id.high
	l.rest |= id.rest() << (k * restBits & 63)
}
