package flat

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
)

func TestChunksGiveZeroedPartsThatAreApart(t *testing.T) {
	var c chunks
	var wg sync.WaitGroup
	parts := make([][][]byte, 4)
	for g := range parts {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(g)))
			for range 200 {
				size := 1 + r.IntN(64<<10)
				if r.IntN(50) == 0 {
					size = chunkBytes/4 + r.IntN(1<<20)
				}
				b := c.take(size)
				if len(b) != size || cap(b) != size {
					t.Errorf("%d bytes with room for %d, want %d", len(b), cap(b), size)
				}
				if bytes.Count(b, []byte{0}) != size {
					t.Errorf("a part of %d bytes is not zero", size)
				}
				for i := range b {
					b[i] = byte(g + 1)
				}
				parts[g] = append(parts[g], b)
			}
		})
	}
	wg.Wait()
	for g, of := range parts {
		for _, b := range of {
			if bytes.Count(b, []byte{byte(g + 1)}) != len(b) {
				t.Fatalf("a part of %d bytes was written to through another", len(b))
			}
		}
	}
}

// TestDroppedTablesAreFreed makes tables of 600 MB in all, one after another.
func TestDroppedTablesAreFreed(t *testing.T) {
	before := allocated()
	for round := range 40 {
		tab := NewTable[[96]byte](0, 1)
		for i := range 100_000 {
			tab.Put(Key{uint64(i), uint64(round)})
		}
	}
	if got := allocated() - before; got > 4*chunkBytes {
		t.Errorf("%d bytes are in use when all tables are dropped", got)
	}
}

func TestSmallTablesTakeNoChunk(t *testing.T) {
	before := allocated()
	all, size := make([]*Table[[96]byte], 1000), 0
	for i := range all {
		all[i] = NewTable[[96]byte](0, 1)
		all[i].Put(Key{1, 1})
		size += all[i].Bytes()
	}
	if got, most := allocated()-before, int64(size)*5/4; got > most {
		t.Errorf("%d bytes for tables of %d, want at most %d", got, size, most)
	}
	runtime.KeepAlive(all)
}

// allocated is what the heap holds that is in use.
func allocated() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
