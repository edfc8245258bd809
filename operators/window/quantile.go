package window

import (
	"cmp"
	"math"
	"slices"

	"github.com/DataDog/sketches-go/ddsketch/mapping"

	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// quantile keeps a DDSketch: the number of values in each logarithmic bin.
// Cells: book of bins, number of values, least and greatest value.
type quantile struct {
	feed    *feed
	share   float64
	mapping *mapping.LogarithmicMapping
	bins    []bin
}

type bin struct {
	index int64 // of the magnitude's bin
	sign  int64
	count int64
}

const (
	relativeError = 0.01
	binWords      = 3
	binsMax       = 1 << 20
)

func newQuantile(c *call, f *feed) aggregate {
	m, err := mapping.NewLogarithmicMapping(relativeError)
	if err != nil {
		panic(err)
	}
	return &quantile{feed: f, share: c.number, mapping: m}
}

func (a *quantile) width() int            { return 5 }
func (a *quantile) column() schema.Column { return schema.Column{Type: schema.Float, Nullable: true} }

func (a *quantile) add(s *store, u *units, at int) {
	for i, v := range a.feed.floats(u) {
		if v != v || math.Abs(v) > a.mapping.MaxIndexableValue() {
			continue
		}
		c := u.cells[i][at : at+5]
		e, _ := s.entry(c, binWords, a.key(v), binsMax)
		e[2]++
		a.extend(c, sortable(v), sortable(v), 1)
	}
}

// key is the bin of a value as a book's key: the bin's index and its sign.
func (a *quantile) key(v float64) event.Hash {
	switch {
	case v > a.mapping.MinIndexableValue():
		return event.Hash{Hi: uint64(int64(a.mapping.Index(v))), Lo: 3}
	case v < -a.mapping.MinIndexableValue():
		return event.Hash{Hi: uint64(int64(a.mapping.Index(-v))), Lo: 1}
	}
	return event.Hash{Lo: 2}
}

func (a *quantile) extend(c []int64, least, greatest, n int64) {
	if c[2] == 0 {
		c[3], c[4] = least, greatest
	}
	c[2], c[3], c[4] = c[2]+n, min(c[3], least), max(c[4], greatest)
}

func (a *quantile) merge(s *store, into, from []int64) {
	if from[2] == 0 {
		return
	}
	s.each(from, binWords, func(e []uint64) {
		to, _ := s.entry(into, binWords, hashOf(e), binsMax)
		to[2] += e[2]
	})
	a.extend(into, from[3], from[4], from[2])
}

func (a *quantile) free(s *store, c []int64) { s.freeRef(&c[0]) }

func (a *quantile) write(s *store, c []int64, out *schema.Rows) {
	if c[2] == 0 {
		out.Float(math.NaN())
		return
	}
	a.bins = a.bins[:0]
	s.each(c, binWords, func(e []uint64) {
		sign := int64(e[1]) - 2
		a.bins = append(a.bins, bin{int64(e[0]) * sign, sign, int64(e[2])})
	})
	slices.SortFunc(a.bins, func(x, y bin) int { return cmp.Or(cmp.Compare(x.sign, y.sign), cmp.Compare(x.index, y.index)) })
	v := a.valueAt(float64(a.share * float64(c[2]-1)))
	out.Float(max(unsortable(c[3]), min(unsortable(c[4]), v)))
}

// valueAt is the value of the bin that holds a rank, counted from 0. A rank
// between two values means the one nearer to zero, as in the sketch's library.
func (a *quantile) valueAt(rank float64) float64 {
	negatives := int64(0)
	for _, b := range a.bins {
		if b.sign < 0 {
			negatives += b.count
		}
	}
	if rank < float64(negatives) {
		rank = min(math.Ceil(rank), float64(negatives-1))
	}
	seen := int64(0)
	for _, b := range a.bins {
		if seen += b.count; float64(seen) > rank {
			if b.sign == 0 {
				return 0
			}
			return float64(b.sign) * a.mapping.Value(int(b.index*b.sign))
		}
	}
	return math.NaN()
}
