package bench

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"touchstream/pipeline/flat"
)

// state is about what a live session keeps beside its texts.
type state [96]byte

// ahead is for how many keys or ids the memory is asked for at a time.
const ahead = 64

// BenchmarkTable measures flat.Table beside a Go map with the same keys and
// values: a change of an entry that is there (ahead: of 64 that are looked up
// together), the end of one entry with the
// beginning of another, and a whole garbage collection with the table alive.
func BenchmarkTable(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		keys := tableKeys(2 * n)
		b.Run(fmt.Sprintf("flat/%d", n), func(b *testing.B) {
			t := flat.NewTable[state](0, seed)
			for _, k := range keys[:n] {
				t.Put(k)
			}
			used := uint64(t.Bytes())
			b.Run("update", func(b *testing.B) {
				perOp(b, func(i int) {
					v, _ := t.Mut(keys[spread(i, n)])
					v[0]++
				})
			})
			b.Run("update-ahead", func(b *testing.B) {
				var block [ahead]flat.Key
				var ids [ahead]uint32
				perOp(b, func(i int) {
					if i%ahead == 0 {
						for j := range block {
							block[j] = keys[spread(i+j, n)]
						}
						t.IDs(block[:], ids[:])
					}
					t.MutAt(ids[i%ahead])[0]++
				})
			})
			b.Run("replace", func(b *testing.B) {
				perOp(b, func(i int) {
					t.Delete(keys[i%(2*n)])
					t.Put(keys[(i+n)%(2*n)])
				})
			})
			b.Run("collect", func(b *testing.B) { collect(b, used, n, t) })
		})
		b.Run(fmt.Sprintf("map/%d", n), func(b *testing.B) {
			before := liveHeap()
			t := map[flat.Key]*state{}
			for _, k := range keys[:n] {
				t[k] = &state{}
			}
			used := liveHeap() - before
			b.Run("update", func(b *testing.B) {
				perOp(b, func(i int) { t[keys[spread(i, n)]][0]++ })
			})
			b.Run("replace", func(b *testing.B) {
				perOp(b, func(i int) {
					delete(t, keys[i%(2*n)])
					t[keys[(i+n)%(2*n)]] = &state{}
				})
			})
			b.Run("collect", func(b *testing.B) { collect(b, used, n, t) })
		})
	}
}

// collect measures a garbage collection while the table lives, and the bytes
// that an entry takes.
func collect(b *testing.B, used uint64, n int, table any) {
	perOp(b, func(int) { runtime.GC() })
	runtime.KeepAlive(table)
	b.ReportMetric(float64(used)/float64(n), "B/entry")
}

// perOp runs an operation again and again and reports its CPU time, collection
// of its garbage included.
func perOp(b *testing.B, op func(i int)) {
	b.ReportAllocs()
	from := processCPU(b)
	for i := 0; b.Loop(); i++ {
		op(i)
	}
	b.ReportMetric(float64((processCPU(b)-from).Nanoseconds())/float64(b.N), "cpu-ns/op")
	b.ReportMetric(0, "ns/op")
}

// spread visits n places in an order that no cache foresees.
func spread(i, n int) int { return int(uint64(i) * 2_654_435_761 % uint64(n)) }

func tableKeys(n int) []flat.Key {
	r := rand.New(rand.NewPCG(seed, 1))
	keys := make([]flat.Key, n)
	for i := range keys {
		keys[i] = flat.Key{Hi: r.Uint64(), Lo: r.Uint64()}
	}
	return keys
}

// BenchmarkDuplicates asks for message ids that are new, a million in the
// window, beside a Go map with the queue that it needs for forgetting.
func BenchmarkDuplicates(b *testing.B) {
	const window = 1_000_000
	b.Run("expiring", func(b *testing.B) {
		x, r := flat.NewExpiring(window, 4*window), rand.New(rand.NewPCG(seed, 2))
		var asked [ahead]flat.Question
		var seen [ahead]bool
		step := func(i int) {
			if i%ahead != 0 {
				return
			}
			for j := range asked {
				asked[j] = flat.Question{Hash: r.Uint64(), Time: int64(i + j), ForgottenBefore: int64(i - window)}
			}
			x.SeenAll(asked[:], seen[:])
			if slices.Contains(seen[:], true) {
				b.Fatal("a new id was seen")
			}
			if i%4096 == 0 {
				x.Sweep(int64(i - window))
			}
		}
		for i := range 2 * window {
			step(i)
		}
		perOp(b, func(i int) { step(2*window + i) })
		b.ReportMetric(float64(x.Bytes())/float64(x.Len()), "B/entry")
	})
	b.Run("map", func(b *testing.B) {
		before := liveHeap()
		seen, r := map[uint64]struct{}{}, rand.New(rand.NewPCG(seed, 2))
		queue := make([]uint64, window)
		step := func(i int) {
			delete(seen, queue[i%window])
			id := r.Uint64()
			if _, ok := seen[id]; ok {
				b.Fatal("a new id was seen")
			}
			seen[id] = struct{}{}
			queue[i%window] = id
		}
		for i := range 2 * window {
			step(i)
		}
		used := liveHeap() - before
		perOp(b, func(i int) { step(2*window + i) })
		b.ReportMetric(float64(used)/float64(len(seen)), "B/entry")
	})
}

// BenchmarkTimers keeps a million timers, each half an hour ahead: the next
// one pops, and is set anew. Beside it container/heap.
func BenchmarkTimers(b *testing.B) {
	const timers, ahead = 1_000_000, 1_800_000
	r := rand.New(rand.NewPCG(seed, 3))
	b.Run("flat", func(b *testing.B) {
		t := flat.NewTimers()
		for i := range timers {
			t.Set(r.Int64N(ahead), uint32(i+1))
		}
		perOp(b, func(int) {
			due, id, ok := t.PopDue(math.MaxInt64)
			if !ok {
				b.Fatal("no timer")
			}
			t.Set(due+ahead+r.Int64N(1000), id)
		})
		b.ReportMetric(float64(t.Bytes())/timers, "B/entry")
	})
	b.Run("heap", func(b *testing.B) {
		h := &dueHeap{}
		for i := range timers {
			*h = append(*h, dueTimer{r.Int64N(ahead), uint32(i + 1)})
		}
		heap.Init(h)
		perOp(b, func(int) {
			(*h)[0].due += ahead + r.Int64N(1000)
			heap.Fix(h, 0)
		})
	})
}

type dueTimer struct {
	due int64
	id  uint32
}

type dueHeap []dueTimer

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due < h[j].due }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(dueTimer)) }
func (h *dueHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
