package pipeline

import (
	"cmp"
	"math/bits"
	"slices"

	"touchstream/pipeline/event"
)

// keySorter is the memory of sorting.
type keySorter struct {
	other  []orderKey
	counts [1 << digitBits]uint32
}

const (
	// digitBits is the size of a digit of the effective time: so many counters
	// lie in the first cache.
	digitBits = 10
	// countingMin is from how many keys on counting beats comparing.
	countingMin = 64
)

// sort sorts keys by their order. Almost all differ in effective time: by that
// they are sorted digit by digit, stably, without a comparison; those of one
// instant are then compared.
func (q *reorder) sort(keys []orderKey) {
	if len(keys) < countingMin {
		slices.SortStableFunc(keys, q.compare)
		return
	}
	if !q.sorter.byTime(keys) {
		return // of one instant each
	}
	for from := 0; from < len(keys); {
		to := from + 1
		for to < len(keys) && keys[to].eff == keys[from].eff {
			to++
		}
		if to-from > 1 {
			slices.SortStableFunc(keys[from:to], q.compare)
		}
		from = to
	}
}

// byTime sorts by effective time and reports whether some are equal.
func (s *keySorter) byTime(keys []orderKey) (ties bool) {
	least, most, sorted := keys[0].eff, keys[0].eff, true
	for i := 1; i < len(keys); i++ {
		e := keys[i].eff
		sorted = sorted && e >= keys[i-1].eff
		ties = ties || e == keys[i-1].eff
		least, most = min(least, e), max(most, e)
	}
	if sorted {
		return ties
	}
	s.other = slices.Grow(s.other[:0], len(keys))[:len(keys)]
	from, to := keys, s.other
	// Differences of any two times fit an unsigned number.
	for shift := 0; shift < bits.Len64(uint64(most)-uint64(least)); shift += digitBits {
		clear(s.counts[:])
		for i := range from {
			s.counts[digit(from[i].eff, least, shift)]++
		}
		sum := uint32(0)
		for d, n := range s.counts {
			s.counts[d] = sum
			sum += n
		}
		for i := range from {
			at := &s.counts[digit(from[i].eff, least, shift)]
			to[*at] = from[i]
			*at++
		}
		from, to = to, from
	}
	if &from[0] != &keys[0] {
		copy(keys, from)
	}
	return true
}

func digit(eff, least int64, shift int) uint64 {
	return (uint64(eff) - uint64(least)) >> shift & (1<<digitBits - 1)
}

func (q *reorder) less(a, b orderKey) bool {
	if a.eff != b.eff {
		return a.eff < b.eff
	}
	return q.compare(a, b) < 0
}

func (q *reorder) compare(a, b orderKey) int {
	if a.eff != b.eff {
		return cmp.Compare(a.eff, b.eff)
	}
	if a.onTime != b.onTime {
		if b.onTime {
			return -1
		}
		return 1
	}
	if a.time != b.time {
		return cmp.Compare(a.time, b.time)
	}
	if x, y := a.name.Rank(), b.name.Rank(); x != y {
		return cmp.Compare(x, y)
	}
	x, y := q.row(a), q.row(b)
	return event.CompareMessage(x.Batch, int(x.Index), y.Batch, int(y.Index))
}
