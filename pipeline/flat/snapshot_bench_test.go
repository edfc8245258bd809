package flat

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"
)

// benchState is a state as sessions have it: a table, a blob an entry, a timer
// an entry, and as many message ids.
type benchState struct {
	table  *Table[session]
	blobs  *Table[Ref]
	arena  *Arena
	timers *Timers
	ids    *Expiring
	parts  Parts
}

func newBenchState(n int) *benchState {
	s := &benchState{NewTable[session](0, 1), NewTable[Ref](0, 2), NewArena(), NewTimers(), NewExpiring(int64(n), n+n/16), Parts{}}
	s.parts.Add(s.table, s.blobs, s.arena, s.timers, s.ids)
	return s
}

func fullBenchState(n int) *benchState {
	s := newBenchState(n)
	r := rand.New(rand.NewPCG(1, 1))
	blob := make([]byte, 200)
	for i := range n {
		k := Key{r.Uint64(), r.Uint64()}
		id, _ := s.table.PutID(k)
		v, _ := s.blobs.Put(k)
		*v = s.arena.Put(blob[:16+i%180])
		s.timers.Set(r.Int64N(1_800_000), id)
		s.ids.Seen(k.Hi, int64(i), 0)
	}
	return s
}

func (s *benchState) bytes() int {
	return s.table.Bytes() + s.blobs.Bytes() + s.arena.Bytes() + s.timers.Bytes() + s.ids.Bytes()
}

func BenchmarkFreeze(b *testing.B) {
	s := fullBenchState(1_000_000)
	for b.Loop() {
		s.parts.Freeze(nil).Drop()
	}
}

// BenchmarkSave shows the throughput of one goroutine, BenchmarkLoad too.
func BenchmarkSave(b *testing.B) {
	s := fullBenchState(1_000_000)
	var all bytes.Buffer
	if err := s.parts.Freeze(nil).Save(&all); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(all.Len()))
	for b.Loop() {
		if err := s.parts.Freeze(nil).Save(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	s := fullBenchState(1_000_000)
	var all bytes.Buffer
	if err := s.parts.Freeze(nil).Save(&all); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(all.Len()))
	for b.Loop() {
		to := newBenchState(1_000_000)
		if err := to.parts.Load(bytes.NewReader(all.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWriteFrozen writes to random entries of a million right after a
// freeze: with nobody to save it, and while it is saved.
func BenchmarkWriteFrozen(b *testing.B) {
	const n = 1_000_000
	s := fullBenchState(n)
	for _, writes := range []int{1_000, 10_000, 100_000, 1_000_000} {
		for _, how := range []string{"none", "kept", "saved"} {
			b.Run(fmt.Sprintf("%d/%s", writes, how), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 1))
				var longest time.Duration
				for b.Loop() {
					b.StopTimer()
					done := make(chan struct{})
					var f *Frozen
					if how != "none" {
						budget := NewBudget(1 << 30)
						f = s.parts.Freeze(budget)
						budget.Prepare()
					}
					go func() {
						defer close(done)
						if how == "saved" {
							_ = f.Save(io.Discard)
						}
					}()
					b.StartTimer()
					for range writes / 100 {
						start := time.Now()
						for range 100 {
							s.table.MutAt(1 + r.Uint32N(n))[0]++
						}
						longest = max(longest, time.Since(start))
					}
					b.StopTimer()
					<-done
					if f != nil {
						if f.budget.taken > 0 {
							b.ReportMetric(float64(f.budget.taken)/1e6, "MB-copied")
						}
						f.Drop()
					}
					b.StartTimer()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(writes), "ns/write")
				b.ReportMetric(float64(longest.Microseconds()), "µs-longest-100")
			})
		}
	}
}

// BenchmarkSmallStates shows what 64 shards of small tables take.
func BenchmarkSmallStates(b *testing.B) {
	for b.Loop() {
		total := 0
		for range 64 {
			total += fullBenchState(100).bytes()
		}
		b.ReportMetric(float64(total)/64/1024, "KiB/shard")
	}
}

func BenchmarkMut(b *testing.B) {
	const n = 1 << 12
	s := NewSlab[session]()
	for range n {
		s.Alloc()
	}
	for i := uint32(0); b.Loop(); i++ {
		s.Mut(1 + i*7919%(n-1))[0]++
	}
}

func BenchmarkLoadTable(b *testing.B) {
	const n = 2_000_000
	t := NewTable[value](0, 1)
	r := rand.New(rand.NewPCG(1, 1))
	for range n {
		t.Put(Key{r.Uint64(), r.Uint64()})
	}
	var parts Parts
	parts.Add(t)
	var all bytes.Buffer
	if err := parts.Freeze(nil).Save(&all); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(all.Len()))
	for b.Loop() {
		if err := parts.Load(bytes.NewReader(all.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/entry")
}
