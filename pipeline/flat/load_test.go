package flat

import (
	"bytes"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// loadAny loads anything: it must end with an error, or with a state that works.
func loadAny(t *testing.T, b []byte) error {
	t.Helper()
	w := newWorld(1)
	err := w.parts.Load(bytes.NewReader(b))
	if err == nil {
		// What the owner holds of the parts, the parts cannot check.
		w.own.live, w.own.refs = nil, nil
		w.now = min(max(w.now, 0), 1<<40)
		w.run(300)
		w.dump()
		w.drain()
	}
	return err
}

func savedWorld(tb testing.TB, seed uint64, n int) []byte {
	tb.Helper()
	w := newWorld(seed)
	w.run(n)
	var file bytes.Buffer
	if err := w.parts.Freeze(nil).Save(&file); err != nil {
		tb.Fatal(err)
	}
	return file.Bytes()
}

// loadable is a small state of one part, that of the kind, and what to do with
// it, which must end whatever was loaded.
func loadable(kind byte) (parts *Parts, use func()) {
	parts = new(Parts)
	r := rand.New(rand.NewPCG(1, 1))
	switch kind % 5 {
	case 0:
		s := NewSlab[[3]int64]()
		parts.Add(s)
		use = func() {
			for range 100 {
				s.Mut(s.Alloc())[1]++
				if id := 1 + r.Uint32N(50); s.Live(id) {
					s.Free(id)
				}
			}
		}
	case 1:
		t := NewTable[value](0, 1)
		parts.Add(t)
		use = func() {
			for range 100 {
				t.Put(Key{r.Uint64N(100), 1})
				t.Delete(Key{r.Uint64N(100), 1})
			}
		}
	case 2:
		a := NewArena()
		parts.Add(a)
		use = func() {
			for range 20 {
				a.Free(a.Put(make([]byte, r.IntN(100))))
				a.Put(make([]byte, r.IntN(200)))
				a.Put(make([]byte, r.IntN(3*pageBytes)))
			}
		}
	case 3:
		t := NewTimers()
		parts.Add(t)
		use = func() {
			for range 100 {
				t.Set(r.Int64N(1<<30), 1)
			}
			for ok := true; ok; {
				_, _, ok = t.PopDue(math.MaxInt64)
			}
		}
	default:
		x := NewExpiring(1<<31, 60)
		parts.Add(x)
		now := int64(0)
		use = func() {
			for range 100 {
				now += r.Int64N(1 << 30)
				x.Seen(r.Uint64(), now+r.Int64N(1<<40)*r.Int64N(2), now-1<<31)
				x.Sweep(now - 1<<31)
			}
		}
	}
	return parts, use
}

func FuzzLoad(f *testing.F) {
	for kind := range byte(5) {
		parts, use := loadable(kind)
		for range 3 {
			var file bytes.Buffer
			if err := parts.Freeze(nil).Save(&file); err != nil {
				f.Fatal(err)
			}
			f.Add(kind, file.Bytes())
			use()
		}
	}
	f.Fuzz(func(_ *testing.T, kind byte, b []byte) {
		parts, use := loadable(kind)
		if parts.Load(bytes.NewReader(b)) == nil {
			use()
		}
	})
}

// Damaged files are refused, or do no harm, and take little memory.
func TestLoadDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	refused := 0
	for seed := range uint64(3) {
		good := savedWorld(t, seed, 20<<(4*seed))
		if err := loadAny(t, good); err != nil {
			t.Fatal(err)
		}
		if err := loadAny(t, good[:len(good)-1]); err == nil {
			t.Error("a file that is cut short is loaded")
		}
		for range 300 {
			bad := bytes.Clone(good)
			switch r.IntN(4) {
			case 0:
				bad = bad[:r.IntN(len(bad))]
			case 1:
				i := r.IntN(len(bad))
				bad = append(bad[:i], bad[min(len(bad), i+1+r.IntN(16)):]...)
			default:
				for range 1 + r.IntN(3) {
					i := r.IntN(len(bad) - 8)
					if r.IntN(2) == 0 {
						i = r.IntN(min(len(bad)-8, 2000))
					}
					for k := range 1 + r.IntN(8) {
						bad[i+k] = byte(r.Uint32() >> r.IntN(9))
					}
				}
			}
			var m0, m1 runtime.MemStats
			runtime.ReadMemStats(&m0)
			err := loadAny(t, bad)
			runtime.ReadMemStats(&m1)
			if err != nil {
				refused++
			}
			if took := m1.TotalAlloc - m0.TotalAlloc; took > 64<<20 {
				t.Errorf("%d bytes were allocated for a file of %d: %v", took, len(bad), err)
			}
		}
	}
	if refused < 300 {
		t.Errorf("%d damaged files of 900 are refused, too few for a test", refused)
	}
}

// What is saved of one state is not loaded into another.
func TestLoadOther(t *testing.T) {
	type a struct{ X, Y int64 }
	type b struct{ Y, X int64 }
	save := func(part Part) []byte {
		var p Parts
		p.Add(part)
		var file bytes.Buffer
		if err := p.Freeze(nil).Save(&file); err != nil {
			t.Fatal(err)
		}
		return file.Bytes()
	}
	f := func(title string, from, to Part, ok bool) {
		t.Helper()
		var p Parts
		p.Add(to)
		if err := p.Load(bytes.NewReader(save(from))); (err == nil) != ok {
			t.Errorf("%s: %v", title, err)
		}
	}
	f("the same", NewSlab[a](), NewSlab[a](), true)
	f("other fields", NewSlab[a](), NewSlab[b](), false)
	f("another size", NewSlab[int64](), NewSlab[int32](), false)
	f("another kind", NewTimers(), NewArena(), false)
	f("a slab as a table", NewSlab[entry[int64]](), NewTable[int64](0, 0), false)
	f("another window", NewExpiring(1000, 100), NewExpiring(2000, 100), false)
	f("another limit", NewExpiring(1000, 100), NewExpiring(1000, 101), false)
	f("another seed and limit of a table", NewTable[int64](0, 1), NewTable[int64](5, 2), true)
}
