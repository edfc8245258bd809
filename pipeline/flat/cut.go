package flat

import (
	"errors"
	"fmt"
	"hash/maphash"
	"reflect"
	"runtime"
	"sync/atomic"
)

var errDropped = errors.New("flat: the snapshot was dropped before it was saved")

// cut is what a snapshot holds of one list of pages. Each page is at first
// only pointed to, and goes its way once:
//
//	nil     → claimed → written  save copies the live page out
//	nil     → a copy  → written  the owner writes to it first, save takes the copy
//	nil     → written            the snapshot is dropped
//
// The owner and save step from one state to the next by compare and swap, so
// neither needs a lock, and whoever was first decides.
type cut struct {
	page  func(n int) []byte // A live page.
	pages int
	size  int          // A page in bytes.
	bytes int64        // The pages up to the end of their content.
	kind  reflect.Type // The element.
	state []atomic.Pointer[byte]
	sum   []uint64 // With the build tag invariants, of each page.
	of    *Frozen
}

var claimed, written = new(byte), new(byte)

// newCut makes c the cut of f for pages that had the cut before, whose memory it
// uses if nobody else does any more: a freeze that asks for new memory may wait
// milliseconds for the system to clear it.
func newCut(f *Frozen, before *cut, c cut) *cut {
	if before != nil && !before.of.over.Load() {
		panic("flat: a structure is frozen again before its snapshot is saved or dropped")
	}
	c.of = f
	f.bytes += c.bytes
	at := before
	if at == nil || !at.of.isThrough() {
		at = &cut{}
	}
	if c.size > 0 {
		if c.state = at.state[:0]; cap(c.state) < c.pages {
			c.state = make([]atomic.Pointer[byte], 0, c.pages+c.pages/2)
		}
		c.state = c.state[:c.pages]
		clear(c.state)
	}
	if invariants {
		for n := range c.state {
			c.sum = append(c.sum, sumOf(c.page(n)))
		}
	}
	*at = c
	return at
}

var seed = maphash.MakeSeed()

func sumOf(page []byte) uint64 { return maphash.Bytes(seed, page) }

// check panics if a page that nobody has announced to write to has changed.
func (c *cut) check(n int, live []byte) {
	if sumOf(live) != c.sum[n] {
		panic(fmt.Sprintf("flat: a page of %v was written to, after a freeze, through a pointer for reading or an old one", c.kind))
	}
}

// preserve makes sure that the owner may write to page n, which holds live.
func (c *cut) preserve(n uint32, live []byte) {
	if c == nil || int(n) >= len(c.state) {
		return // The page is younger than the cut.
	}
	s := &c.state[n]
	for {
		switch s.Load() {
		case nil:
			if invariants {
				c.check(int(n), live)
			}
			kept, ok := c.of.budget.take(len(live), s)
			if !ok {
				continue
			}
			if copy(kept, live); s.CompareAndSwap(nil, &kept[0]) {
				return
			}
			c.of.budget.reuse(kept)
			c.of.budget.give(len(live))
		case claimed:
			runtime.Gosched() // Until save has copied the page, which takes microseconds.
		default:
			return
		}
	}
}

// save writes what the pages were at the freeze.
func (c *cut) save(o *writer) error {
	o.u64(layoutOf(c.kind))
	o.u64(uint64(c.bytes))
	left := c.bytes
	for n := range c.state {
		size := min(left, int64(c.size))
		left -= size
		if err := c.savePage(o, n, int(size)); err != nil {
			return err
		}
	}
	return o.err
}

// savePage writes the first size bytes of page n.
func (c *cut) savePage(o *writer, n, size int) error {
	o.room(size) // So that a claimed page does not wait for the writer.
	if o.err != nil {
		return o.err
	}
	s := &c.state[n]
	if s.CompareAndSwap(nil, claimed) {
		live := c.page(n)
		if invariants {
			c.check(n, live)
		}
		o.add(live[:size])
		s.Store(written)
		c.of.budget.wake()
		return nil
	}
	kept := s.Load()
	if kept == written {
		return errDropped
	}
	o.add(bytesAt(kept, size))
	if c.finish(s, kept) {
		c.of.budget.reuse(bytesAt(kept, c.size))
	}
	return nil
}

// drop gives up what is not written. At its end save touches no live page.
func (c *cut) drop() {
	for n := range c.state {
		s := &c.state[n]
		for kept := s.Load(); kept != written; kept = s.Load() {
			if kept == claimed {
				runtime.Gosched()
				continue
			}
			c.finish(s, kept)
		}
	}
}

// finish moves a page from kept, a copy or nil, to written, unless the other side
// has.
func (c *cut) finish(s *atomic.Pointer[byte], kept *byte) (moved bool) {
	if moved = s.CompareAndSwap(kept, written); moved && kept != nil {
		c.of.budget.give(c.size)
	}
	return moved
}
