package window

import (
	"bytes"
	"cmp"
	"slices"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
)

// top lists the k most frequent values, ties by value. Cells: book of counts
// with the values' texts.
type top struct {
	feed   *feed
	k      int
	ranked []ranked
}

type ranked struct {
	count int64
	text  []byte
}

const (
	topWords = 4 // key, count, Ref of the text
	topMax   = 100_000
)

func newTop(c *call, f *feed) aggregate { return &top{feed: f, k: c.integer} }

func (a *top) width() int            { return 2 }
func (a *top) column() schema.Column { return schema.Column{Type: schema.Texts} }

func (a *top) add(s *store, u *units, at int) {
	texts := a.feed.bytes(u)
	for i, h := range a.feed.sums(u) {
		if !h.IsZero() {
			a.take(s, u.cells[i][at:at+2], h, texts[i], 1)
		}
	}
}

func (a *top) take(s *store, c []int64, h event.Hash, text []byte, n uint64) {
	e, isNew := s.entry(c, topWords, h, topMax)
	if e == nil {
		s.count.Evicted++
		return
	}
	if isNew {
		e[3] = uint64(s.arena.Put(text))
	}
	e[2] += n
}

func (a *top) merge(s *store, into, from []int64) {
	s.each(from, topWords, func(e []uint64) {
		a.take(s, into, hashOf(e), s.arena.Get(flat.Ref(e[3])), e[2])
	})
}

func (a *top) free(s *store, c []int64) {
	s.each(c, topWords, func(e []uint64) { s.arena.Free(flat.Ref(e[3])) })
	s.freeRef(&c[0])
}

func (a *top) write(s *store, c []int64, out *schema.Rows) {
	a.ranked = a.ranked[:0]
	s.each(c, topWords, func(e []uint64) {
		a.ranked = append(a.ranked, ranked{int64(e[2]), s.arena.Get(flat.Ref(e[3]))})
	})
	slices.SortFunc(a.ranked, func(x, y ranked) int {
		return cmp.Or(cmp.Compare(y.count, x.count), bytes.Compare(x.text, y.text))
	})
	out.Texts(min(a.k, len(a.ranked)), func(i int) []byte { return a.ranked[i].text })
}
