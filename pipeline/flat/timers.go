package flat

import "unsafe"

// Timers is a queue of (due, id) pairs by due, then id. A due is any int64.
//
// There is no way to cancel one: the owner keeps the due that counts with the
// entry and skips a popped timer whose due differs from it. It should keep one
// timer per entry: when an entry's time moves on, leave the timer, and when it
// pops too early, Set it anew. Then the queue is no longer than the table.
//
// It is a heap of four children per node in pages, 16 bytes a timer. Set takes
// O(log n) at worst, constant time for dues that mostly rise; PopDue takes
// O(log n); Min is constant.
type Timers struct {
	heap pages[timer]
	n    uint32
}

type timer struct {
	due int64
	id  uint32
}

func (a timer) less(b timer) bool { return a.due < b.due || a.due == b.due && a.id < b.id }

// NewTimers makes an empty queue.
func NewTimers() *Timers { return &Timers{heap: newPages[timer](pageBytes)} }

// Set adds a timer. The same pair may be added twice, and pops twice.
func (t *Timers) Set(due int64, id uint32) {
	if uint64(t.n) == t.heap.len() {
		t.heap.grow()
	}
	x := timer{due, id}
	i := t.n
	t.n++
	for i > 0 {
		up := (i - 1) / 4
		p := *t.heap.at(up)
		if !x.less(p) {
			break
		}
		*t.heap.mut(i) = p
		i = up
	}
	*t.heap.mut(i) = x
}

// PopDue takes the first timer whose due is smaller than before. A timer due at
// the greatest int64 never pops.
func (t *Timers) PopDue(before int64) (due int64, id uint32, ok bool) {
	if t.n == 0 {
		return 0, 0, false
	}
	top := *t.heap.at(0)
	if top.due >= before {
		return 0, 0, false
	}
	t.n--
	if t.n > 0 {
		t.sink(*t.heap.at(t.n))
	}
	return top.due, top.id, true
}

// sink puts x at the root and lets it down to its place.
func (t *Timers) sink(x timer) {
	i := uint32(0)
	for {
		c := 4*i + 1
		if c >= t.n {
			break
		}
		least, at := *t.heap.at(c), c
		for k := c + 1; k < min(c+4, t.n); k++ {
			if v := *t.heap.at(k); v.less(least) {
				least, at = v, k
			}
		}
		if !least.less(x) {
			break
		}
		*t.heap.mut(i) = least
		i = at
	}
	*t.heap.mut(i) = x
}

// Min is the smallest due.
func (t *Timers) Min() (due int64, ok bool) {
	if t.n == 0 {
		return 0, false
	}
	return t.heap.at(0).due, true
}

// Len is the number of timers, stale ones included.
func (t *Timers) Len() int { return int(t.n) }

// Bytes is the memory taken.
func (t *Timers) Bytes() int { return int(unsafe.Sizeof(*t)) + t.heap.bytes() }
