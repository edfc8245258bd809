package window

import (
	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
)

// An aggregate is one output column. Its state is a fixed number of 64-bit
// cells for each window of a group; zero cells are the state of no value. What
// does not fit lies in the store's arena, with its Ref in a cell.
type aggregate interface {
	width() int
	// column gives the type of its column.
	column() schema.Column
	// add takes a set of units; the state of unit i begins at u.cells[i][at].
	add(s *store, u *units, at int)
	// merge adds the state from to into; from stays as it is.
	merge(s *store, into, from []int64)
	// free gives back what the cells refer to.
	free(s *store, cells []int64)
	write(s *store, cells []int64, out *schema.Rows)
}

// store holds the cells of a shard.
type store struct {
	arena *flat.Arena
	aggs  []aggregate
	at    []int // where each aggregate's cells begin
	width int
	count *pipeline.Counts // of the turn
	empty []int64
}

// newStore makes a shard's aggregates; those of one operand share its feed.
func newStore(p *plan, hasher *event.Hasher) *store {
	s := &store{arena: flat.NewArena(), count: &pipeline.Counts{}}
	all := functions()
	feeds := map[string]*feed{}
	for _, c := range p.calls {
		f := feeds[c.operand.name]
		if f == nil {
			f = &feed{operand: c.operand, hasher: hasher, whole: !p.items}
			feeds[c.operand.name] = f
		}
		a := all[c.function].build(c, f)
		s.aggs = append(s.aggs, a)
		s.at = append(s.at, s.width)
		s.width += a.width()
	}
	s.empty = make([]int64, s.width)
	return s
}

// alloc makes cells of no value.
func (s *store) alloc() flat.Ref { return s.arena.Resize(0, 8*s.width) }

// cells are the cells for writing.
func (s *store) cells(r flat.Ref) []int64 { return flat.Of[int64](s.arena.Mut(r)) }

// release gives back cells and what they refer to.
func (s *store) release(r flat.Ref) {
	cells := s.cells(r)
	for i, a := range s.aggs {
		a.free(s, cells[s.at[i]:])
	}
	s.arena.Free(r)
}

// fold adds the units to their cells.
func (s *store) fold(u *units) {
	for i, a := range s.aggs {
		a.add(s, u, s.at[i])
	}
}

func (s *store) merge(into, from []int64) {
	for i, a := range s.aggs {
		at := s.at[i]
		a.merge(s, into[at:at+a.width()], from[at:at+a.width()])
	}
}

func (s *store) write(cells []int64, out *schema.Rows) {
	for i, a := range s.aggs {
		a.write(s, cells[s.at[i]:], out)
	}
}

// A book is an open-addressed table in the arena: cells[0] is its Ref, cells[1]
// the number of its entries, each of stride words of which the first two are
// the key. A key is never zero.

// entry finds or makes the entry of a key; nil if it is new and there are
// limit entries already.
func (s *store) entry(cells []int64, stride int, h event.Hash, limit int64) (e []uint64, isNew bool) {
	var words []uint64
	if cells[0] != 0 {
		words = flat.Of[uint64](s.arena.Mut(flat.Ref(cells[0])))
		if e = probe(words, stride, h); e[0]|e[1] != 0 {
			return e, false
		}
	}
	if cells[1] >= limit {
		return nil, false
	}
	if (cells[1]+1)*4 > int64(len(words)/stride)*3 {
		words = s.growBook(cells, stride, words)
		e = probe(words, stride, h)
	}
	cells[1]++
	e[0], e[1] = h.Hi, h.Lo
	return e, true
}

// probe finds the key's entry or the empty one where it belongs.
func probe(words []uint64, stride int, h event.Hash) []uint64 {
	mask := len(words)/stride - 1
	for i := int((h.Hi^h.Lo)*0x9e3779b97f4a7c15>>40) & mask; ; i = (i + 1) & mask {
		e := words[i*stride : (i+1)*stride : (i+1)*stride]
		if e[0]|e[1] == 0 || e[0] == h.Hi && e[1] == h.Lo {
			return e
		}
	}
}

func (s *store) growBook(cells []int64, stride int, old []uint64) []uint64 {
	n := max(4, 2*len(old)/stride)
	r := s.arena.Resize(0, n*stride*8)
	words := flat.Of[uint64](s.arena.Mut(r))
	for i := 0; i < len(old); i += stride {
		if e := old[i : i+stride]; e[0]|e[1] != 0 {
			copy(probe(words, stride, event.Hash{Hi: e[0], Lo: e[1]}), e)
		}
	}
	s.arena.Free(flat.Ref(cells[0]))
	cells[0] = int64(r)
	return words
}

// each calls f with the book's entries, in no order that means anything.
func (s *store) each(cells []int64, stride int, f func(e []uint64)) {
	if cells[0] == 0 {
		return
	}
	words := flat.Of[uint64](s.arena.Mut(flat.Ref(cells[0])))
	for i := 0; i < len(words); i += stride {
		if e := words[i : i+stride]; e[0]|e[1] != 0 {
			f(e)
		}
	}
}

func (s *store) freeRef(cell *int64) {
	s.arena.Free(flat.Ref(*cell))
	*cell = 0
}

// hashOf is the key of a book's entry.
func hashOf(e []uint64) event.Hash { return event.Hash{Hi: e[0], Lo: e[1]} }
