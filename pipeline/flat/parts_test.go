package flat

import (
	"bytes"
	"testing"
)

func TestPartsRoundTrip(t *testing.T) {
	type all struct {
		slab   *Slab[wide]
		table  *Table[value]
		arena  *Arena
		timers *Timers
		ids    *Expiring
		n      [3]int64
		text   string
		parts  Parts
	}
	make := func() *all {
		a := &all{slab: NewSlab[wide](), table: NewTable[value](5, 7), arena: NewArena(), timers: NewTimers(), ids: NewExpiring(1000, 500)}
		a.parts.Add(a.slab, a.table, a.arena, a.timers, a.ids)
		Var(&a.parts, &a.n)
		a.parts.Blob(func(dst []byte) []byte { return append(dst, a.text...) }, func(src []byte) error { a.text = string(src); return nil })
		return a
	}
	a, b := make(), make()
	for n := range 1000 {
		a.slab.Mut(a.slab.Alloc()).a = uint64(n)
		v, _ := a.table.Put(Key{uint64(n), 1})
		v.n = uint64(n)
		a.timers.Set(int64(n*n*n), uint32(n))
		a.ids.Seen(uint64(n)<<30, int64(n), 0)
	}
	r := a.arena.Put([]byte("blob"))
	a.n, a.text = [3]int64{1, 2, 3}, "text"
	f := a.parts.Freeze(NewBudget(1))
	a.n[0], a.text = 9, "other"
	var buf bytes.Buffer
	if err := f.Save(&buf); err != nil {
		t.Fatal(err)
	}
	if err := b.parts.Load(&buf); err != nil {
		t.Fatal(err)
	}
	if b.slab.Len() != 1000 || b.table.Len() != 1000 || b.timers.Len() != 1000 || b.n[0] != 1 || b.text != "text" || string(b.arena.Get(r)) != "blob" {
		t.Errorf("%d, %d, %d, %d, %q, %q", b.slab.Len(), b.table.Len(), b.timers.Len(), b.n, b.text, b.arena.Get(r))
	}
}
