package flat

import (
	"errors"
	"math/bits"
)

// frozenSlab is a slab, or a table, at its freeze.
type frozenSlab struct {
	head                slabHead
	entries, live, free *cut
	// evicted is a table's.
	evicted uint64
}

func (s *Slab[T]) kind() byte { return 'S' }

func (s *Slab[T]) freeze(f *Frozen) frozen { return s.hold(f) }

func (s *Slab[T]) hold(f *Frozen) *frozenSlab {
	return &frozenSlab{
		head:    s.slabHead,
		entries: s.entries.freeze(f, s.used()),
		live:    s.live.freeze(f, (s.used()+63)/64),
		free:    s.free.freeze(f, uint64(s.freed)),
	}
}

// used is the number of entries in use, that of id 0 included.
func (s *slabHead) used() uint64 {
	if s.next == 1 {
		return 0
	}
	return uint64(s.next)
}

func (s *frozenSlab) save(o *writer) error {
	writeValue(o, &s.head)
	o.u64(s.evicted)
	for _, c := range []*cut{s.live, s.free, s.entries} {
		if err := c.save(o); err != nil {
			return err
		}
	}
	return o.err
}

func (s *frozenSlab) drop() {
	s.live.drop()
	s.free.drop()
	s.entries.drop()
}

func (s *Slab[T]) load(r *reader) {
	if s.restore(r) != 0 {
		r.fail("a slab evicts nothing")
	}
}

// restore is load. It answers with the evicted of a table.
func (s *Slab[T]) restore(r *reader) (evicted uint64) {
	readValue(r, &s.slabHead)
	evicted = r.u64()
	if r.err == nil && s.freed >= max(s.next, 1) {
		r.fail("%d entries of %d are free", s.freed, s.next)
	}
	if r.err != nil {
		return 0
	}
	s.live.load(r, (s.used()+63)/64)
	s.free.load(r, uint64(s.freed))
	if r.err == nil {
		r.err = s.checkIDs()
	}
	s.entries.load(r, s.used())
	return evicted
}

// checkIDs makes sure that each id is either live or free, and once.
func (s *Slab[T]) checkIDs() error {
	words := (s.used() + 63) / 64
	if words == 0 {
		return nil
	}
	seen := make([]uint64, words)
	n := uint64(0)
	for i := range seen {
		seen[i] = *s.live.at(uint32(i))
		n += uint64(bits.OnesCount64(seen[i]))
	}
	wrong := errors.New("the list of free entries is not sound")
	for i := range s.freed {
		id := *s.free.at(i)
		if id >= s.next || seen[id>>6]>>(id&63)&1 != 0 {
			return wrong
		}
		seen[id>>6] |= 1 << (id & 63)
	}
	past := seen[words-1]>>((s.next-1)&63)>>1 != 0
	if seen[0]&1 != 0 || past || n+uint64(s.freed) != uint64(s.next-1) {
		return wrong
	}
	return nil
}
