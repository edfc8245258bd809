package pipeline

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"touchstream/pipeline/event"
)

// TestSortOfKeys sorts keys of all spreads and compares with comparing: equal
// ones stay as they were.
func TestSortOfKeys(t *testing.T) {
	want := event.Want{Columns: event.SetOf(event.MessageID)}
	q := newReorder(&emptyBatches{want: want}, newViewTable())
	for _, id := range []string{"b", "a", "b", "c"} {
		row := q.slab.Add()
		q.slab.Str[event.MessageID][row] = q.slab.Put([]byte(id))
	}
	r := rand.New(rand.NewPCG(7, 7))
	for _, n := range []int{0, 1, 2, countingMin - 1, countingMin, 500, 5000} {
		for _, spread := range []int64{1, 7, 1 << digitBits, 1 << (digitBits + 3), 1 << 35, math.MaxInt64} {
			for _, shape := range []string{"random", "sorted", "almost"} {
				keys := make([]orderKey, n)
				for i := range keys {
					k := &keys[i]
					k.eff = r.Int64N(spread)
					if shape == "almost" {
						k.eff = (k.eff%9 + int64(i)) % spread
					}
					if spread == math.MaxInt64 && r.IntN(2) == 0 {
						k.eff = -k.eff - 1
					}
					k.time, k.slot = k.eff-r.Int64N(2), uint32(r.IntN(4))
					k.onTime, k.name = k.time == k.eff, [...]event.Name{event.StoreEntered, event.Page}[r.IntN(2)]
				}
				if shape == "sorted" {
					slices.SortStableFunc(keys, q.compare)
				}
				expected := slices.Clone(keys)
				slices.SortStableFunc(expected, q.compare)
				q.sort(keys)
				for i := range keys {
					if keys[i] != expected[i] {
						t.Fatalf("%d %s keys within %d: key %d is %v, not %v", n, shape, spread, i, keys[i], expected[i])
					}
				}
			}
		}
	}
}
