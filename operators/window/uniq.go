package window

import (
	"math/bits"

	"github.com/axiomhq/hyperloglog"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
)

// uniq estimates the number of different values. Up to fewHashes it keeps them
// all, then the registers of a HyperLogLog; which of the two depends on the
// set of values alone, and so does the estimate. Cells: Ref of the hashes or
// the registers, number of hashes, whether there are registers.
type uniq struct{ feed *feed }

const (
	fewHashes   = 512
	precision   = 14
	registers   = 1 << precision
	hashesWords = 2
)

func newUniq(_ *call, f *feed) aggregate { return &uniq{f} }

func (a *uniq) width() int            { return 3 }
func (a *uniq) column() schema.Column { return schema.Column{Type: schema.Int} }

func (a *uniq) add(s *store, u *units, at int) {
	for i, h := range a.feed.sums(u) {
		if !h.IsZero() {
			a.take(s, u.cells[i][at:at+3], h)
		}
	}
}

func (a *uniq) take(s *store, c []int64, h event.Hash) {
	if c[2] == 0 {
		if e, _ := s.entry(c, hashesWords, h, fewHashes); e != nil {
			return
		}
		a.makeDense(s, c)
	}
	raise(s.arena.Mut(flat.Ref(c[0])), h.Lo)
}

// raise puts a hash into the registers.
func raise(regs []byte, hash uint64) {
	at := hash >> (64 - precision)
	rank := byte(bits.LeadingZeros64(hash<<precision|1<<(precision-1))) + 1
	regs[at] = max(regs[at], rank)
}

func (a *uniq) makeDense(s *store, c []int64) {
	r := s.arena.Resize(0, registers)
	regs := s.arena.Mut(r)
	s.each(c, hashesWords, func(e []uint64) { raise(regs, e[1]) })
	s.freeRef(&c[0])
	c[0], c[1], c[2] = int64(r), 0, 1
}

func (a *uniq) merge(s *store, into, from []int64) {
	if from[2] == 0 {
		s.each(from, hashesWords, func(e []uint64) { a.take(s, into, event.Hash{Hi: e[0], Lo: e[1]}) })
		return
	}
	if into[2] == 0 {
		a.makeDense(s, into)
	}
	regs := s.arena.Mut(flat.Ref(into[0]))
	for i, r := range s.arena.Get(flat.Ref(from[0])) {
		regs[i] = max(regs[i], r)
	}
}

func (a *uniq) free(s *store, c []int64) { s.freeRef(&c[0]) }

func (a *uniq) write(s *store, c []int64, out *schema.Rows) {
	if c[2] == 0 {
		out.Int(c[1])
		return
	}
	out.Int(int64(estimate(s.arena.Get(flat.Ref(c[0])))))
}

// estimate lets the library read registers in the format in which it stores
// its dense sketches.
func estimate(regs []byte) uint64 {
	stored := append([]byte{2, precision, 0, 0, 0, 0, registers >> 8, 0}, regs...)
	var sketch hyperloglog.Sketch
	if err := sketch.UnmarshalBinary(stored); err != nil {
		panic("window: registers of a HyperLogLog: " + err.Error())
	}
	return sketch.Estimate()
}
