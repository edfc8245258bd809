package flat

import (
	"errors"
	"math"
	"math/bits"
)

// frozenTimers keeps of the wheel the slots that are in use: most are not, and
// there are many wheels.
type frozenTimers struct {
	now        uint64
	timers     int
	occupied   [wheelLevels]uint64
	slots      []uint32 // in order
	made, free uint32

	n            uint32
	node, chunks *cut
}

func (t *Timers) kind() byte { return 'Q' }

func (t *Timers) freeze(f *Frozen) frozen { return t.hold(f) }

func (t *Timers) hold(f *Frozen) *frozenTimers {
	z := &frozenTimers{now: t.now, timers: t.n, occupied: t.occupied, made: t.made, free: t.free, n: t.near.n}
	used := 0
	for _, digits := range t.occupied {
		used += bits.OnesCount64(digits)
	}
	z.slots = make([]uint32, 0, used)
	for level, digits := range t.occupied {
		for ; digits != 0; digits &= digits - 1 {
			z.slots = append(z.slots, t.slot[level*wheelSlots+bits.TrailingZeros64(digits)])
		}
	}
	z.node = t.near.node.freeze(f, uint64(t.near.n))
	z.chunks = t.chunks.freeze(f, t.used())
	return z
}

// wheel is the wheel that was frozen.
func (t *frozenTimers) wheel() *wheel {
	w := &wheel{now: t.now, n: t.timers, occupied: t.occupied, made: t.made, free: t.free}
	slots := t.slots
	for level, digits := range t.occupied {
		for ; digits != 0; digits &= digits - 1 {
			w.slot[level*wheelSlots+bits.TrailingZeros64(digits)], slots = slots[0], slots[1:]
		}
	}
	return w
}

// used is the number of chunks, that of number 0 included.
func (t *wheel) used() uint64 {
	if t.made == 1 {
		return 0
	}
	return uint64(t.made)
}

func (t *frozenTimers) save(o *writer) error {
	writeValue(o, t.wheel())
	o.u64(uint64(t.n))
	if err := t.node.save(o); err != nil {
		return err
	}
	return t.chunks.save(o)
}

func (t *frozenTimers) drop() {
	t.node.drop()
	t.chunks.drop()
}

func (t *Timers) load(r *reader) {
	readValue(r, &t.wheel)
	t.bound = math.MinInt64
	near := r.u64()
	if near > 1<<32-1 || t.made == 0 {
		r.fail("%d timers are next, in %d chunks", near, t.made)
	}
	if r.err != nil {
		return
	}
	t.near.n = uint32(near)
	t.near.node.load(r, near)
	t.chunks.load(r, t.used())
	if r.err == nil {
		r.err = t.check()
	}
}

// check makes sure that the heap is one, and that each chunk is in one list and
// each timer where place puts it: else PopDue might not end.
func (t *Timers) check() error {
	for i := range t.near.n {
		x := *t.near.node.at(i)
		if x.tick() > t.now || i > 0 && x.less(*t.near.node.at((i - 1) / 4)) {
			return errors.New("the heap of timers is not sound")
		}
	}
	wrong := errors.New("the lists of timers are not sound")
	n, left := uint64(t.near.n), t.made-1
	for s, k := range t.slot {
		level, digit := s/wheelSlots, s%wheelSlots
		if t.occupied[level]>>digit&1 != 0 != (k != 0) {
			return wrong
		}
		for full := false; k != 0; full = true {
			if k >= t.made || left == 0 {
				return wrong
			}
			c := t.chunks.at(k)
			if c.n == 0 || c.n > chunkTimers || full && c.n < chunkTimers {
				return wrong
			}
			for _, x := range c.timer[:c.n] {
				if l, d := t.where(x.tick()); x.tick() <= t.now || l != level || d != digit {
					return wrong
				}
			}
			n += uint64(c.n)
			k = c.next
			left--
		}
	}
	for k := t.free; k != 0; k = t.chunks.at(k).next {
		if k >= t.made || left == 0 {
			return wrong
		}
		left--
	}
	if left != 0 || n != uint64(t.n) {
		return wrong
	}
	return nil
}

// each calls f with all timers, in no order.
func (t *Timers) each(f func(timer)) {
	for i := range t.near.n {
		f(*t.near.node.at(i))
	}
	for _, k := range t.slot {
		for ; k != 0; k = t.chunks.at(k).next {
			c := t.chunks.at(k)
			for _, x := range c.timer[:c.n] {
				f(x)
			}
		}
	}
}
