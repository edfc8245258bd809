package flat

import (
	"math"
	"math/bits"
	"unsafe"
)

const (
	// blocksMax is the number of blocks of time that are counted apart.
	blocksMax = 1 << 16
	// purgeMin is the number of ids that must leave a full segment for it not
	// to split: the price of a purge is shared by so many insertions.
	purgeMin = 64
	// spareDepth is how often a segment may split beyond the number laid out.
	spareDepth = 2
	// timeMax bounds times and floors, so that sums of them never overflow.
	timeMax = 1 << 61
)

// Expiring is a set of message ids, each with its event time in milliseconds.
// Who asks says which times are forgotten for him (those before his watermark −
// window): partitions differ in that. An id is dropped when its time is below
// the floor, which only rises: that of Sweep, or, when more than the limit of
// ids are kept, the time that keeps the newest. That rule works on blocks of
// time of 1/64 to 1/32 of the window: the block with the oldest times goes as a
// whole. Evicted counts these ids, Covered is the window that is left. Neither
// the layout nor how often Sweep is called decides what is seen.
//
// Seen takes constant time. An id takes 13 bytes when the set is at its limit,
// for which it is laid out: segments of 4,096 slots double in number until they
// are 93 % full. The room of a forgotten id is taken by the next one that needs
// it, or freed by Sweep; memory is kept at its peak. Times should lie within 500
// windows and 24 days of the floor; others work too, at a higher price.
type Expiring struct {
	segments pages[idSegment]
	used     []uint32
	depth    []uint8
	dir      []uint32

	// others holds the few ids that do not fit: with times beyond
	// [from, from+span), or of a segment that must not split. othersDue has the
	// time of each, so none of the others is below the floor.
	others    *Table[int64]
	othersDue *Timers

	// count has the ids put per block of 1<<blockShift ms, as a ring; blocks
	// before the one that begins at oldest are forgotten. live is their sum.
	count []uint32
	idBounds
	idHead
}

// idBounds is what follows from the window and the limit.
type idBounds struct {
	window     int64
	limit      int
	base       uint64 // The number of segments at depth 0.
	span       int64  // The range of times in segments, at most 2^32.
	depthMax   uint8
	blockShift uint8
}

// idHead is what a snapshot copies of an Expiring at once, besides its lists.
type idHead struct {
	floor      int64 // Ids with smaller times are dropped.
	asked      int64 // The highest floor that Sweep was told.
	from       int64 // No time in segments is smaller.
	oldest     int64
	live       int
	evicted    uint64
	sweepFloor int64
	sweepNext  uint32
	dirDepth   uint8
	started    bool
}

// NewExpiring makes an empty set for at most limit ids, which should be kept
// for window milliseconds.
func NewExpiring(window int64, limit int) *Expiring {
	limit = max(limit, 1)
	base, doublings := uint64(limit+idMean-1)/idMean, uint8(0)
	for base > 31 {
		base, doublings = (base+1)/2, doublings+1
	}
	shift := min(bits.Len64(uint64(max(window, 1))/64), 24)
	blocks := min(blocksMax, 1<<(32-shift))
	x := &Expiring{
		segments:  newPages[idSegment](1),
		others:    NewTable[int64](0, 0),
		othersDue: NewTimers(),
		count:     make([]uint32, blocks),
		idBounds: idBounds{
			window:     window,
			limit:      limit,
			base:       base,
			span:       int64(blocks) << shift,
			depthMax:   doublings + spareDepth,
			blockShift: uint8(shift),
		},
		idHead: idHead{floor: math.MinInt64, asked: math.MinInt64, sweepFloor: math.MinInt64},
	}
	for range base {
		x.dir = append(x.dir, x.addSegment(0))
	}
	return x
}

// Question asks whether the id with a hash is kept with a time not below
// ForgottenBefore. Hashes must be keyed: 63 bits are taken for the id.
type Question struct {
	Hash                  uint64
	Time, ForgottenBefore int64
}

// askedAhead is for how many ids memory is asked at a time, so that the waits
// for it overlap.
const askedAhead = 32

// SeenAll answers questions one after another as Seen does; seen must have room
// for all of them. It waits once for many.
func (x *Expiring) SeenAll(asked []Question, seen []bool) {
	var ids [askedAhead]idSlot
	var buckets [askedAhead]*bucket
	for len(asked) > 0 {
		n := min(len(asked), askedAhead)
		for i, q := range asked[:n] {
			id := newID(q.Hash, clampTime(q.Time))
			buckets[i] = &x.segments.at(x.segment(id.high))[id.home()]
			prefetch(unsafe.Pointer(buckets[i]))
			ids[i] = id
		}
		past := x.past()
		for i, b := range buckets[:n] {
			b.touchNext()
			if buckets[i] = nil; b.hasStrayed != 0 && !past.forgotten(b.strayed) {
				buckets[i] = &x.segments.at(x.segment(ids[i].high))[ids[i].away()]
				prefetch(unsafe.Pointer(buckets[i]))
			}
		}
		for _, b := range buckets[:n] {
			if b != nil {
				b.touchNext()
			}
		}
		for i, q := range asked[:n] {
			seen[i] = x.ask(ids[i], clampTime(q.Time), q.ForgottenBefore)
		}
		asked, seen = asked[n:], seen[n:]
	}
}

// Seen reports whether the id with hash h is kept with a time not below
// forgottenBefore. If not, it keeps it with its time, the later one if it had
// one; a time below the floor is not kept.
func (x *Expiring) Seen(h uint64, timeMs, forgottenBefore int64) bool {
	timeMs = clampTime(timeMs)
	return x.ask(newID(h, timeMs), timeMs, forgottenBefore)
}

func (x *Expiring) ask(id idSlot, timeMs, forgottenBefore int64) bool {
	if !x.started {
		x.start(timeMs)
	}
	forgottenBefore = max(forgottenBefore, x.floor)
	n := x.segment(id.high)
	s, kept := x.segments.at(n), int64(math.MinInt64)
	b, i, isKept := s.find(id, x.past())
	if isKept {
		kept = x.timeOf(s[b].time(i))
		if kept >= forgottenBefore {
			return true
		}
	}
	if x.others.Len() > 0 {
		if k := x.others.ID(id.key()); k != 0 {
			return x.seenApart(k, timeMs, forgottenBefore)
		}
	}
	if timeMs < x.floor || kept >= timeMs {
		return false
	}
	switch {
	case !x.fits(timeMs):
		x.other(id, timeMs)
	case isKept:
		x.segments.mut(n).set(b, i, id, x.past())
		x.count1(timeMs)
	default:
		x.insert(id, timeMs)
	}
	if x.Len() > x.limit {
		x.shrink()
	}
	return false
}

// seenApart is Seen for an id of the others.
func (x *Expiring) seenApart(k uint32, timeMs, forgottenBefore int64) bool {
	kept := *x.others.At(k)
	if kept >= forgottenBefore {
		return true
	}
	if timeMs > kept {
		*x.others.MutAt(k) = timeMs
		x.othersDue.Set(timeMs, k)
	}
	return false
}

func clampTime(t int64) int64 { return min(max(t, -timeMax), timeMax) }

// start lays the range of times around the first one.
func (x *Expiring) start(timeMs int64) {
	x.started = true
	x.from = timeMs - x.span/2
	x.oldest = x.block(x.from)
}

// Sweep raises the floor: nobody will ask with a smaller forgottenBefore, or for
// him more is forgotten. It frees the room of dropped ids in one segment.
func (x *Expiring) Sweep(forgottenBefore int64) {
	if forgottenBefore > x.asked {
		x.asked = clampTime(forgottenBefore)
		if !x.started {
			x.start(x.asked)
		}
		x.raise(x.asked)
	}
	if x.sweepNext == 0 {
		x.sweepFloor = x.floor
	}
	x.purge(x.sweepNext)
	x.sweepNext++
	if int(x.sweepNext) == len(x.used) {
		x.sweepNext = 0
		x.from = max(x.from, x.sweepFloor)
	}
}

// Len is the number of ids kept; of the oldest block of time it counts dropped
// ones too, and an id that was kept again, once for each of its times.
func (x *Expiring) Len() int { return x.live + x.others.Len() }

// Cap is the limit.
func (x *Expiring) Cap() int { return x.limit }

// Evicted is the number of ids that were forgotten because of the limit.
func (x *Expiring) Evicted() uint64 { return x.evicted }

// Covered is the window in milliseconds that is really covered: the configured
// one unless the limit has cut it.
func (x *Expiring) Covered() int64 {
	if x.floor <= x.asked {
		return x.window
	}
	cut := uint64(x.floor) - uint64(x.asked)
	return x.window - int64(min(cut, uint64(max(x.window, 0))))
}

// Bytes is the memory taken.
func (x *Expiring) Bytes() int {
	return x.segments.bytes() + 5*cap(x.used) + 4*cap(x.dir) + 4*len(x.count) + x.others.Bytes() + x.othersDue.Bytes()
}

// raise moves the floor up.
func (x *Expiring) raise(floor int64) {
	if floor <= x.floor {
		return
	}
	x.floor = floor
	x.dropOthers()
	if floor <= x.from {
		return
	}
	switch ahead := floor - x.from; {
	case ahead >= x.span:
		x.forgetAll()
	case ahead >= x.span/2:
		for n := range x.used {
			x.purge(uint32(n))
		}
		x.from = floor
	}
	for end := x.block(floor); x.oldest < end; {
		x.dropBlock()
	}
}

// forgetAll empties the segments: no time in them is above the floor.
func (x *Expiring) forgetAll() {
	for n := range x.used {
		if x.used[n] > 0 {
			*x.segments.mut(uint32(n)) = idSegment{}
			x.used[n] = 0
		}
	}
	clear(x.count)
	x.live = 0
	x.from = x.floor
	x.oldest = x.block(x.floor)
}

// shrink forgets the oldest ids until the limit holds.
func (x *Expiring) shrink() {
	for x.Len() > x.limit {
		before := x.Len()
		due, ok := x.othersDue.Min()
		if ok && (x.live == 0 || due < x.oldest) {
			x.floor = max(x.floor, due+1)
		} else {
			x.dropBlock()
			x.floor = max(x.floor, x.oldest)
		}
		x.dropOthers()
		x.evicted += uint64(before - x.Len())
	}
}

// dropBlock counts the oldest block of time no more.
func (x *Expiring) dropBlock() {
	c := x.countOf(x.oldest)
	x.live -= int(*c)
	*c = 0
	x.oldest += 1 << x.blockShift
}

// dropOthers removes the forgotten ids among those kept apart.
func (x *Expiring) dropOthers() {
	for {
		due, id, ok := x.othersDue.PopDue(x.floor)
		if !ok {
			return
		}
		if x.others.Live(id) && *x.others.At(id) == due {
			x.others.DeleteID(id)
		}
	}
}

// fits reports whether segments can hold the time. A block less than the span
// keeps the first and the last block apart in the ring.
func (x *Expiring) fits(t int64) bool {
	return t >= x.from && t-x.from < x.span-1<<x.blockShift
}

// timeOf is the time of which a segment has the low 32 bits.
func (x *Expiring) timeOf(low uint32) int64 { return x.from + int64(low-uint32(x.from)) }

func (x *Expiring) block(t int64) int64 { return t >> x.blockShift << x.blockShift }

func (x *Expiring) countOf(t int64) *uint32 { return &x.count[int(t>>x.blockShift)&(len(x.count)-1)] }

func (x *Expiring) count1(t int64) {
	*x.countOf(t)++
	x.live++
}
