package flat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

type value struct {
	n   uint64
	due int64
}

// unmix is the key that mix takes to h: one half counts as 1.
func unmix(h, seed uint64) Key { return Key{1 ^ seed ^ mixHi, h ^ mixLo} }

func runTable(t *testing.T, prog []byte) {
	p := program{prog}
	seed := p.num(1)
	// Half of the programs aim all keys at one place of the index.
	aimed := p.num(1)&1 != 0
	key := func() Key {
		n := p.num(2) % 6000
		if aimed {
			return unmix(0x1234567800000000|n, seed)
		}
		return Key{n >> 4, n & 15}
	}
	tab := NewTable[value](0, seed)
	model := map[Key]value{}
	for n := uint64(1); p.more(); n++ {
		op, k := p.num(1), key()
		want, there := model[k]
		switch {
		case op < 120:
			v, inserted := tab.Put(k)
			if inserted == there || *v != want {
				t.Fatalf("Put(%v) = %v, %v; want %v, %v", k, *v, inserted, want, !there)
			}
			v.n = n
			model[k] = value{n: n}
		case op < 200:
			if got := tab.Delete(k); got != there {
				t.Fatalf("Delete(%v) = %v, want %v", k, got, there)
			}
			delete(model, k)
		case op < 230:
			v, ok := tab.Mut(k)
			if ok != there {
				t.Fatalf("Mut(%v) = %v, want %v", k, ok, there)
			}
			if ok {
				v.n = n
				model[k] = value{n: n}
			}
		default:
			v, ok := tab.Find(k)
			if ok != there || ok && *v != want {
				t.Fatalf("Find(%v) = %v, %v; want %v, %v", k, v, ok, want, there)
			}
		}
		if tab.Len() != len(model) {
			t.Fatalf("Len = %d, want %d", tab.Len(), len(model))
		}
	}
	checkTable(t, tab, model)
}

func checkTable(t *testing.T, tab *Table[value], model map[Key]value) {
	t.Helper()
	for k, want := range model {
		id := tab.ID(k)
		if id == 0 || !tab.Live(id) || tab.KeyAt(id) != k || *tab.At(id) != want {
			t.Fatalf("entry %d of %v: want %v", id, k, want)
		}
	}
	seen := 0
	tab.Each(func(k Key, v *value) bool {
		if want, ok := model[k]; !ok || *v != want {
			t.Fatalf("Each gives %v: %v, want %v, %v", k, *v, want, ok)
		}
		seen++
		return true
	})
	if seen != len(model) {
		t.Fatalf("Each gives %d entries, want %d", seen, len(model))
	}
	used := len(tab.index.spill)
	for n, s := range tab.index.segments {
		used += int(s.used)
		for at, e := range s.slots {
			if e != 0 && tab.index.number[tab.index.top(uint32(e>>32))] != uint32(n) {
				t.Fatalf("segment %d slot %d holds a hash of segment %d", n, at, tab.index.number[tab.index.top(uint32(e>>32))])
			}
		}
	}
	if used != len(model) {
		t.Fatalf("%d slots used, want %d", used, len(model))
	}
}

func TestTable(t *testing.T) { runPrograms(t, runTable) }
func FuzzTable(f *testing.F) { fuzzPrograms(f, runTable) }

func TestTableGrows(t *testing.T) {
	tab := NewTable[value](0, 3)
	model := map[Key]value{}
	r := rand.New(rand.NewPCG(1, 2))
	first, _ := tab.Put(Key{})
	model[Key{}] = value{}
	for n := range uint64(200_000) {
		k := Key{r.Uint64(), r.Uint64()}
		v, _ := tab.Put(k)
		v.n = n
		model[k] = value{n: n}
	}
	checkTable(t, tab, model)
	if v, _ := tab.Find(Key{}); v != first {
		t.Error("growth moved an entry")
	}
	if got := float64(tab.Bytes()) / float64(tab.Len()); got > 16+16+22 {
		t.Errorf("%.1f bytes per entry of 32", got)
	}
	for k := range model {
		if !tab.Delete(k) {
			t.Fatalf("%v is missing", k)
		}
	}
	checkTable(t, tab, map[Key]value{})
}

func TestTableOneHash(t *testing.T) {
	const seed = 9
	tab := NewTable[value](0, seed)
	model := map[Key]value{}
	for n := range uint64(3000) {
		k := unmix(math.MaxUint32<<32|n, seed)
		tab.Put(k)
		model[k] = value{}
	}
	if len(tab.index.spill) == 0 {
		t.Fatal("one hash for 3,000 keys left the spill empty")
	}
	checkTable(t, tab, model)
	for n := uint64(0); n < 3000; n += 2 {
		k := unmix(math.MaxUint32<<32|n, seed)
		if !tab.Delete(k) {
			t.Fatalf("%v is missing", k)
		}
		delete(model, k)
	}
	checkTable(t, tab, model)
}

// Keys that differ in few bits must spread as random ones do.
func TestTableSpread(t *testing.T) {
	f := func(title string, key func(n uint64) Key) {
		t.Helper()
		tab := NewTable[value](0, 0)
		for n := range uint64(100_000) {
			tab.Put(key(n))
		}
		if got := len(tab.index.segments); got > 260 {
			t.Errorf("%s: %d segments for 100,000 keys", title, got)
		}
	}
	f("counter in Lo", func(n uint64) Key { return Key{5, n} })
	f("counter in Hi", func(n uint64) Key { return Key{n, 5} })
	f("minutes in Lo", func(n uint64) Key { return Key{77, n * 60000} })
	f("both", func(n uint64) Key { return Key{n, n} })
	f("high bits", func(n uint64) Key { return Key{n << 44, n >> 3 << 50} })
	f("grid", func(n uint64) Key { return Key{n % 300, n / 300} })
}

func TestTableSameOrder(t *testing.T) {
	list := func(seed uint64) []Key {
		tab := NewTable[value](0, seed)
		r := rand.New(rand.NewPCG(4, 4))
		for range 5000 {
			k := Key{r.Uint64N(2000), 1}
			if r.IntN(3) == 0 {
				tab.Delete(k)
			} else {
				tab.Put(k)
			}
		}
		var keys []Key
		tab.Each(func(k Key, _ *value) bool { keys = append(keys, k); return true })
		return keys
	}
	if a, b := list(1), list(2); !slices.Equal(a, b) {
		t.Error("the order of Each depends on the seed")
	}
}

// The rule of the doc comment: over the limit the smallest due goes first.
func TestTableEvictsOldest(t *testing.T) {
	const limit = 50
	tab, timers := NewTable[value](limit, 1), NewTimers()
	r := rand.New(rand.NewPCG(8, 8))
	model := map[Key]int64{}
	for n := range uint64(2000) {
		k, due := Key{r.Uint64N(200), 0}, int64(r.IntN(100000))<<12|int64(n)
		if tab.ID(k) == 0 {
			for tab.Full() {
				due, id, _ := timers.PopDue(math.MaxInt64)
				if tab.Live(id) && tab.At(id).due == due {
					tab.Evict(id)
				}
			}
			if len(model) == limit {
				var oldest Key
				for k, d := range model {
					if m, ok := model[oldest]; !ok || d < m {
						oldest = k
					}
				}
				delete(model, oldest)
			}
		}
		id, _ := tab.PutID(k)
		tab.MutAt(id).due = due
		timers.Set(due, id)
		model[k] = due
		for k, due := range model {
			if v, ok := tab.Find(k); !ok || v.due != due {
				t.Fatalf("step %d: %v has %v, %v; want due %d", n, k, v, ok, due)
			}
		}
		if tab.Len() != len(model) || tab.Len() > tab.Cap() {
			t.Fatalf("step %d: %d entries, want %d", n, tab.Len(), len(model))
		}
	}
	if tab.Evicted() == 0 {
		t.Error("nothing was evicted")
	}
}

func TestTableSteadyState(t *testing.T) {
	tab := NewTable[value](0, 0)
	for n := range uint64(600) {
		tab.Put(Key{n, n})
	}
	n := uint64(0)
	noAllocs(t, "table", func() {
		tab.Find(Key{n, n})
		tab.Find(Key{n, 1 << 40})
		tab.Delete(Key{n, n})
		tab.Put(Key{n + 600, n + 600})
		n++
	})
}

func benchKeys(n int) []Key {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	keys := make([]Key, n)
	for i := range keys {
		keys[i] = Key{r.Uint64(), r.Uint64()}
	}
	return keys
}

// session is as large as a session's entry.
type session [15]int64

func BenchmarkTable(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000} {
		keys := benchKeys(2 * n)
		tab := NewTable[session](0, 1)
		std := map[Key]session{}
		for _, k := range keys[:n] {
			tab.Put(k)
			std[k] = session{}
		}
		b.Run(fmt.Sprintf("find/%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				v, _ := tab.Mut(keys[i*7919%n])
				v[0]++
			}
		})
		b.Run(fmt.Sprintf("find/%d/map", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				k := keys[i*7919%n]
				v := std[k]
				v[0]++
				std[k] = v
			}
		})
		b.Run(fmt.Sprintf("miss/%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				tab.Find(keys[n+i*7919%n])
			}
		})
		b.Run(fmt.Sprintf("miss/%d/map", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				_ = std[keys[n+i*7919%n]]
			}
		})
		b.Run(fmt.Sprintf("replace/%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				tab.Delete(keys[i%(2*n)])
				tab.Put(keys[(i+n)%(2*n)])
			}
		})
		b.Run(fmt.Sprintf("replace/%d/map", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				delete(std, keys[i%(2*n)])
				std[keys[(i+n)%(2*n)]] = session{}
			}
		})
	}
	b.Run("insert", func(b *testing.B) {
		keys := benchKeys(1_000_000)
		tab := NewTable[session](0, 1)
		for i := 0; b.Loop(); i++ {
			if i%len(keys) == 0 {
				tab = NewTable[session](0, 1)
			}
			tab.Put(keys[i%len(keys)])
		}
	})
	b.Run("insert/map", func(b *testing.B) {
		keys := benchKeys(1_000_000)
		std := map[Key]session{}
		for i := 0; b.Loop(); i++ {
			if i%len(keys) == 0 {
				std = map[Key]session{}
			}
			std[keys[i%len(keys)]] = session{}
		}
	})
}

// TestIDsAgreeWithID asks for keys that are there, that are not, and that have
// one hash, in numbers around a block.
func TestIDsAgreeWithID(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	tab := NewTable[[40]byte](0, 1)
	for n := range 20_000 {
		k := Key{uint64(r.IntN(8_000)), 1}
		if n%3 == 0 {
			tab.Delete(k)
		} else {
			tab.Put(k)
		}
	}
	for _, n := range []int{0, 1, aheadKeys - 1, aheadKeys, aheadKeys + 1, 1000} {
		keys, ids := make([]Key, n), make([]uint32, n)
		for i := range keys {
			keys[i] = Key{uint64(r.IntN(16_000)), 1}
			ids[i] = r.Uint32()
		}
		tab.IDs(keys, ids)
		for i, k := range keys {
			if want := tab.ID(k); ids[i] != want {
				t.Fatalf("%v of %d: %d, want %d", k, n, ids[i], want)
			}
			if got := tab.Again(k, uint32(r.IntN(8_000))); got != ids[i] {
				t.Fatalf("%v again: %d, want %d", k, got, ids[i])
			}
		}
	}
}

// TestTouchTakesAnyID also before there is anything.
func TestTouchTakesAnyID(t *testing.T) {
	tab := NewTable[[40]byte](0, 1)
	for range 2 {
		for _, id := range []uint32{0, 1, 2, 1000, math.MaxUint32} {
			tab.Touch(id)
		}
		tab.Put(Key{1, 1})
	}
}
