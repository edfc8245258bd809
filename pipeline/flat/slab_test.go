package flat

import (
	"slices"
	"testing"
)

// wide fills a page with few entries, so that small tests cross pages.
type wide struct {
	a uint64
	_ [1000]byte
	z uint64
}

func runSlab(t *testing.T, prog []byte) {
	p := program{prog}
	s := NewSlab[wide]()
	model := map[uint32]uint64{}
	where := map[uint32]*wide{}
	var ids []uint32
	for n := uint64(1); p.more(); n++ {
		switch op := p.num(1); {
		case op < 140:
			id := s.Alloc()
			if _, ok := model[id]; ok || id == 0 {
				t.Fatalf("Alloc gave id %d, which is taken", id)
			}
			v := s.Mut(id)
			if *v != (wide{}) {
				t.Fatalf("entry %d is not zero", id)
			}
			v.a, v.z = n, ^n
			model[id], where[id] = n, v
			ids = append(ids, id)
		case op < 220 && len(ids) > 0:
			i := int(p.num(2)) % len(ids)
			id := ids[i]
			if !s.Free(id) || s.Live(id) {
				t.Fatalf("entry %d was not freed", id)
			}
			delete(model, id)
			ids = slices.Delete(ids, i, i+1)
		case len(ids) > 0:
			id := ids[int(p.num(2))%len(ids)]
			s.Mut(id).a, s.Mut(id).z = n, ^n
			model[id] = n
		}
		if s.Len() != len(model) {
			t.Fatalf("Len = %d, want %d", s.Len(), len(model))
		}
	}
	last := uint32(0)
	s.Each(func(id uint32, v *wide) bool {
		if id <= last || v.a != model[id] || v.z != ^model[id] || v != where[id] {
			t.Fatalf("entry %d after %d: %d, %d at %p; want %d, %d at %p", id, last, v.a, ^v.z, v, model[id], model[id], where[id])
		}
		last = id
		delete(model, id)
		return true
	})
	if len(model) != 0 {
		t.Fatalf("Each did not see %v", model)
	}
}

func TestSlab(t *testing.T) { runPrograms(t, runSlab) }
func FuzzSlab(f *testing.F) { fuzzPrograms(f, runSlab) }

func TestSlabFreeTwice(t *testing.T) {
	if invariants {
		t.Skip("panics with invariants")
	}
	s := NewSlab[int64]()
	id := s.Alloc()
	if !s.Free(id) || s.Free(id) || s.Free(0) || s.Free(1000) {
		t.Error("Free of a dead id is reported as done")
	}
	if a, b := s.Alloc(), s.Alloc(); a == b {
		t.Errorf("id %d given out twice", a)
	}
}

func TestSlabEachMayFree(t *testing.T) {
	s := NewSlab[int64]()
	for range 100 {
		s.Alloc()
	}
	n := 0
	s.Each(func(id uint32, _ *int64) bool { n++; return s.Free(id) && n < 60 })
	if n != 60 || s.Len() != 40 {
		t.Errorf("visited %d, left %d; want 60, 40", n, s.Len())
	}
}

func TestSlabSteadyState(t *testing.T) {
	s := NewSlab[[4]int64]()
	id := s.Alloc()
	s.Free(s.Alloc())
	noAllocs(t, "slab", func() {
		s.Mut(id)[1]++
		s.Free(id)
		id = s.Alloc()
	})
}
