package flat

import (
	"math"
	"math/bits"
	"unsafe"
)

const (
	tickBits    = 8 // A tick is 256 ms.
	digitBits   = 6
	wheelSlots  = 1 << digitBits
	wheelLevels = (64 - tickBits + digitBits - 1) / digitBits
	chunkTimers = 15
	// backTicks is how far before the first timer others may be set that do not
	// count as next: 37 hours.
	backTicks = 1 << 19
)

// Timers is a queue of (due, id) pairs by due, then id. A due is any int64, in
// milliseconds.
//
// There is no way to cancel one: the owner keeps the due that counts with the
// entry and skips a popped timer whose due differs from it. It should keep one
// timer per entry: when an entry's time moves on, leave the timer, and when it
// pops too early, Set it anew. Then the queue is no longer than the table.
//
// It is a small heap of the timers that are next, before a hierarchical wheel
// of the others, 64 slots a level, so a timer moves from one level to a lower
// one at most 10 times. Set takes constant time for what is not next, and
// PopDue, on average, that of a heap of one tick of timers (256 ms), whatever the
// length of the queue; with all dues in one tick it is a plain heap. A timer
// takes about 17 bytes.
type Timers struct {
	near   heap // Those with ticks up to now.
	chunks pages[chunk]
	// bound: no timer is due before it.
	bound int64
	wheel
}

// wheel is what a snapshot copies of the timers at once, besides the height of
// the heap.
type wheel struct {
	now uint64
	n   int

	slot     [wheelLevels * wheelSlots]uint32 // The chunks of those not near, 0 for none.
	occupied [wheelLevels]uint64              // One bit per slot.
	made     uint32
	free     uint32 // The first chunk not in use.
}

// chunk is a part of the list of a slot; only the first one may have room.
type chunk struct {
	next  uint32
	n     uint32
	timer [chunkTimers]timer
}

// NewTimers makes an empty queue.
func NewTimers() *Timers {
	return &Timers{
		near:   heap{node: newPages[timer](smallPageBytes)},
		chunks: newPages[chunk](4 * smallPageBytes),
		bound:  math.MaxInt64,
		wheel:  wheel{made: 1},
	}
}

// tick numbers the ticks from 0 for the smallest due.
func (a timer) tick() uint64 { return (uint64(a.due) ^ 1<<63) >> tickBits }

// Set adds a timer. The same pair may be added twice, and pops twice.
func (t *Timers) Set(due int64, id uint32) {
	x := timer{due, id}
	if t.n == 0 {
		t.now = x.tick() - min(x.tick(), backTicks)
	}
	t.n++
	t.bound = min(t.bound, due)
	t.place(x)
}

// IsDue reports, in almost no time, whether a timer may be due before the given
// time. Where it says so falsely, Min and PopDue see to it that it does not again.
func (t *Timers) IsDue(before int64) bool { return t.bound < before }

// Ahead calls f with the ids of timers due in the ticks before the given time,
// not all of them: for whoever can prepare for them.
func (t *Timers) Ahead(before int64, f func(id uint32)) {
	if !t.IsDue(before) {
		return
	}
	for i := range t.near.n {
		f(t.near.node.at(i).id)
	}
	last := (timer{due: before}).tick()
	for slots := t.occupied[0]; slots != 0; slots &= slots - 1 {
		digit := bits.TrailingZeros64(slots)
		if t.now&^(wheelSlots-1)|uint64(digit) > last {
			return
		}
		for k := t.slot[digit]; k != 0; k = t.chunks.at(k).next {
			c := t.chunks.at(k)
			for _, x := range c.timer[:c.n] {
				f(x.id)
			}
		}
	}
}

// settle notes when the first timer is due and reports whether there is one.
func (t *Timers) settle() bool {
	if t.near.n == 0 {
		t.fill()
	}
	if t.near.n == 0 {
		t.bound = math.MaxInt64
		return false
	}
	t.bound = t.near.min().due
	return true
}

// where is the slot for a tick after now: the level is the highest digit in
// which they differ.
func (t *wheel) where(tick uint64) (level, digit int) {
	level = (bits.Len64(tick^t.now) - 1) / digitBits
	return level, int(tick >> (level * digitBits) % wheelSlots)
}

// place puts a timer near, or in the slot that tells its tick from now.
func (t *Timers) place(x timer) {
	tick := x.tick()
	if tick <= t.now {
		t.near.push(x)
		return
	}
	level, digit := t.where(tick)
	t.occupied[level] |= 1 << digit
	s := &t.slot[level*wheelSlots+digit]
	if *s == 0 || t.chunks.at(*s).n == chunkTimers {
		*s = t.newChunk(*s)
	}
	c := t.chunks.mut(*s)
	c.timer[c.n%chunkTimers] = x
	c.n++
}

// newChunk gives an empty chunk before next.
func (t *Timers) newChunk(next uint32) uint32 {
	k := t.free
	if k != 0 {
		t.free = t.chunks.at(k).next
	} else {
		k = t.made
		t.made++
		for uint64(k) >= t.chunks.len() {
			t.chunks.grow()
		}
	}
	c := t.chunks.mut(k)
	c.next, c.n = next, 0
	return k
}

// fill moves on to the first tick that has timers, if none are near. All below
// a level are sooner than all of it, and its slots are sorted.
func (t *Timers) fill() {
	for level := 0; t.near.n == 0 && level < wheelLevels; level++ {
		if t.occupied[level] == 0 {
			continue
		}
		digit := uint64(bits.TrailingZeros64(t.occupied[level]))
		t.occupied[level] &^= 1 << digit
		shift := level * digitBits
		t.now = (t.now>>(shift+digitBits)<<digitBits | digit) << shift
		s := &t.slot[level*wheelSlots+int(digit)]
		k := *s
		*s = 0
		for k != 0 {
			c := t.chunks.mut(k)
			for _, x := range c.timer[:c.n] {
				t.place(x)
			}
			next := c.next
			c.next = t.free
			t.free, k = k, next
		}
		level = -1
	}
}

// PopDue takes the first timer whose due is smaller than before. A timer due at
// the greatest int64 never pops.
func (t *Timers) PopDue(before int64) (due int64, id uint32, ok bool) {
	if !t.settle() {
		return 0, 0, false
	}
	x := t.near.min()
	if x.due >= before {
		return 0, 0, false
	}
	t.near.pop()
	t.n--
	return x.due, x.id, true
}

// Min is the smallest due.
func (t *Timers) Min() (due int64, ok bool) {
	if !t.settle() {
		return 0, false
	}
	return t.bound, true
}

// Len is the number of timers, stale ones included.
func (t *Timers) Len() int { return t.n }

// Bytes is the memory taken.
func (t *Timers) Bytes() int {
	return int(unsafe.Sizeof(*t)) + t.near.node.bytes() + t.chunks.bytes()
}
