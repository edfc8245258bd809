package flat

import "fmt"

// smallPageBytes is the page size of side structures, of which a small table
// would otherwise pay a large page each.
const smallPageBytes = 4 << 10

// Slab is a paged list of fixed-size entries, each with an id that stays its
// own until it is freed. Ids begin at 1; 0 is never given out, so it can mean
// "none". Entries never move: a pointer to one is good until it is freed.
// Freed ids are given out again, the last freed first. Memory is kept at its
// peak.
type Slab[T any] struct {
	entries pages[T]
	live    pages[uint64] // One bit per id.
	free    pages[uint32] // A stack of freed ids.
	slabHead
}

// slabHead is what a snapshot copies of a slab at once.
type slabHead struct {
	freed uint32 // The height of the stack.
	next  uint32 // The id after the highest one ever given out.
}

// NewSlab makes an empty slab. T must not hold pointers.
func NewSlab[T any]() *Slab[T] {
	s := makeSlab[T]()
	return &s
}

func makeSlab[T any]() Slab[T] {
	return Slab[T]{
		entries:  newPages[T](pageBytes),
		live:     newPages[uint64](smallPageBytes),
		free:     newPages[uint32](smallPageBytes),
		slabHead: slabHead{next: 1},
	}
}

// Alloc gives a zeroed entry.
func (s *Slab[T]) Alloc() uint32 {
	var id uint32
	if s.freed > 0 {
		s.freed--
		id = *s.free.at(s.freed)
		var zero T
		*s.entries.mut(id) = zero
	} else {
		id = s.next
		s.next++
		for uint64(id) >= s.entries.len() {
			s.entries.grow()
		}
		for uint64(id>>6) >= s.live.len() {
			s.live.grow()
		}
		s.entries.mut(id)
	}
	*s.live.mut(id >> 6) |= 1 << (id & 63)
	s.touchNext()
	return id
}

// touchNext asks for the memory of the entry that Alloc gives next.
func (s *Slab[T]) touchNext() {
	next := s.next
	if s.freed > 0 {
		next = *s.free.at(s.freed - 1)
	}
	s.entries.touch(next)
}

// Free gives the entry back and reports whether it was live; freeing one that
// is not does nothing (with the build tag invariants it panics).
func (s *Slab[T]) Free(id uint32) bool {
	if !s.Live(id) {
		if invariants {
			panic(fmt.Sprintf("flat: slab entry %d freed, which is not live", id))
		}
		return false
	}
	*s.live.mut(id >> 6) &^= 1 << (id & 63)
	if uint64(s.freed) >= s.free.len() {
		s.free.grow()
	}
	*s.free.mut(s.freed) = id
	s.freed++
	return true
}

// Live reports whether id is given out.
func (s *Slab[T]) Live(id uint32) bool {
	return id < s.next && *s.live.at(id >> 6)>>(id&63)&1 != 0
}

// At is the entry for reading.
func (s *Slab[T]) At(id uint32) *T {
	if invariants {
		s.check(id)
	}
	return s.entries.at(id)
}

// Mut is the entry for writing. Each step asks anew: a pointer from Mut must
// not be written through after the call into the operator has returned.
func (s *Slab[T]) Mut(id uint32) *T {
	if invariants {
		s.check(id)
	}
	return s.entries.mut(id)
}

// Touch asks for the memory of an entry, or its first 256 bytes, and does not
// wait for it: for entries that will be read some rows ahead. It changes
// nothing, and any id may be given.
func (s *Slab[T]) Touch(id uint32) { s.entries.touch(id) }

func (s *Slab[T]) check(id uint32) {
	if !s.Live(id) {
		panic(fmt.Sprintf("flat: slab entry %d used, which is not live", id))
	}
}

// Len is the number of live entries.
func (s *Slab[T]) Len() int { return int(s.next - 1 - s.freed) }

// Bytes is the memory taken.
func (s *Slab[T]) Bytes() int { return s.entries.bytes() + s.live.bytes() + s.free.bytes() }

// Each calls f with the live entries by rising id until f returns false. f may
// free the entry it is given and no other; what it allocates may or may not be
// seen.
func (s *Slab[T]) Each(f func(id uint32, v *T) bool) {
	for id := uint32(1); id < s.next; id++ {
		if s.Live(id) && !f(id, s.entries.at(id)) {
			return
		}
	}
}
