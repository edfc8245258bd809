package window

import (
	"touchstream/pipeline/schema"
)

// uniqExact counts different values by 128-bit hashes. Cells: book of hashes.
type uniqExact struct{ feed *feed }

// exactMax is where the arena's longest blob is full.
const exactMax = 12_000_000

func newUniqExact(_ *call, f *feed) aggregate { return &uniqExact{f} }

func (a *uniqExact) width() int            { return 2 }
func (a *uniqExact) column() schema.Column { return schema.Column{Type: schema.Int} }

func (a *uniqExact) add(s *store, u *units, at int) {
	for i, h := range a.feed.sums(u) {
		if h.IsZero() {
			continue
		}
		if e, _ := s.entry(u.cells[i][at:at+2], hashesWords, h, exactMax); e == nil {
			s.count.Evicted++
		}
	}
}

func (a *uniqExact) merge(s *store, into, from []int64) {
	s.each(from, hashesWords, func(e []uint64) {
		if e, _ := s.entry(into, hashesWords, hashOf(e), exactMax); e == nil {
			s.count.Evicted++
		}
	})
}

func (a *uniqExact) free(s *store, c []int64)                    { s.freeRef(&c[0]) }
func (a *uniqExact) write(_ *store, c []int64, out *schema.Rows) { out.Int(c[1]) }
