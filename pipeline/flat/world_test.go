package flat

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"slices"
)

// world has all structures, and what it takes to go on with random operations:
// all of it is saved, so a loaded world does what the saved one did.
type world struct {
	slab   *Slab[wide]
	none   *Slab[struct{}]
	table  *Table[value]
	arena  *Arena
	timers *Timers
	ids    *Expiring
	parts  Parts

	random rand.PCG
	now    int64
	own    struct { // A Blob.
		live []uint32
		refs []Ref
	}
}

func newWorld(seed uint64) *world {
	w := &world{
		slab:   NewSlab[wide](),
		none:   NewSlab[struct{}](),
		table:  NewTable[value](0, seed),
		arena:  NewArena(),
		timers: NewTimers(),
		ids:    NewExpiring(20_000, 6000),
		random: *rand.NewPCG(seed, 1),
	}
	w.parts.Add(w.slab, w.table, w.arena, w.timers, w.ids, w.none)
	Var(&w.parts, &w.random)
	Var(&w.parts, &w.now)
	w.parts.Blob(
		func(dst []byte) []byte {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(len(w.own.live)))
			return append(append(dst, Bytes(w.own.live)...), Bytes(w.own.refs)...)
		},
		func(src []byte) error {
			if len(src) < 4 {
				return io.ErrUnexpectedEOF
			}
			n := uint64(binary.LittleEndian.Uint32(src)) * 4
			src = src[4:]
			if n > uint64(len(src)) || (uint64(len(src))-n)%8 != 0 {
				return io.ErrUnexpectedEOF
			}
			w.own.live = slices.Clone(Of[uint32](src[:n]))
			w.own.refs = slices.Clone(Of[Ref](bytes.Clone(src[n:])))
			return nil
		})
	return w
}

// run makes n random operations and answers with a digest of their results.
func (w *world) run(n int) uint64 {
	h := fnv.New64a()
	r := rand.New(&w.random)
	for range n {
		w.step(r, func(result ...any) { fmt.Fprintln(h, result...) })
	}
	return h.Sum64()
}

func (w *world) step(r *rand.Rand, tell func(...any)) {
	switch op := r.IntN(100); {
	case op < 12:
		id := w.slab.Alloc()
		w.slab.Mut(id).a = r.Uint64()
		w.own.live = append(w.own.live, id)
		tell(id, w.none.Alloc())
	case op < 20 && len(w.own.live) > 0:
		i := r.IntN(len(w.own.live))
		none := 1 + r.Uint32N(50)
		tell(w.slab.Free(w.own.live[i]), w.none.Live(none) && w.none.Free(none))
		w.own.live = slices.Delete(w.own.live, i, i+1)
	case op < 30 && len(w.own.live) > 0:
		v := w.slab.Mut(w.own.live[r.IntN(len(w.own.live))])
		v.a, v.z = v.z, v.a+1
		tell(v.a, v.z)
	case op < 45:
		k := Key{r.Uint64N(3000), 1}
		id, inserted := w.table.PutID(k)
		v := w.table.MutAt(id)
		v.n++
		v.due = w.now + r.Int64N(40_000)
		w.timers.Set(v.due, id)
		tell(id, inserted, v.n)
	case op < 50:
		tell(w.table.Delete(Key{r.Uint64N(3000), 1}))
	case op < 55:
		w.now += r.Int64N(300)
		for {
			due, id, ok := w.timers.PopDue(w.now)
			if !ok {
				break
			}
			tell(due, id, w.table.Live(id) && w.table.At(id).due == due && w.table.Evict(id))
		}
	case op < 60:
		w.timers.Set(int64(r.Uint64())>>r.IntN(60), 0)
		tell(w.timers.Min())
	case op < 75:
		w.blob(r, tell)
	case op < 76:
		w.ids.Sweep(w.now - 20_000)
		tell(w.ids.Len(), w.ids.Evicted(), w.ids.Covered())
	default:
		for range 5 {
			at := w.now - r.Int64N(25_000)
			if r.IntN(50) == 0 {
				at += 1 << 40
			}
			tell(w.ids.Seen(r.Uint64N(12_000)*0x9e3779b97f4a7c15, at, w.now-20_000))
		}
	}
}

// blob puts, changes or frees a blob of up to four pages.
func (w *world) blob(r *rand.Rand, tell func(...any)) {
	n := 1 + r.IntN(200)
	if r.IntN(20) == 0 {
		n = r.IntN(4 * pageBytes)
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(n + i)
	}
	if len(w.own.refs) < 50 || r.IntN(3) == 0 {
		w.own.refs = append(w.own.refs, w.arena.Put(b))
		tell(w.own.refs[len(w.own.refs)-1])
		return
	}
	i := r.IntN(len(w.own.refs))
	ref := &w.own.refs[i]
	switch r.IntN(4) {
	case 0:
		*ref = w.arena.Replace(*ref, b)
	case 1:
		*ref = w.arena.Resize(*ref, n)
	case 2:
		if m := w.arena.Mut(*ref); len(m) > 0 {
			m[len(m)-1]++
		}
	default:
		w.arena.Free(*ref)
		w.own.refs = slices.Delete(w.own.refs, i, i+1)
		return
	}
	tell(*ref)
}

// dump is what a world shows of itself.
func (w *world) dump() string {
	h := fnv.New64a()
	w.slab.Each(func(id uint32, v *wide) bool { fmt.Fprintln(h, id, v.a, v.z); return true })
	w.none.Each(func(id uint32, _ *struct{}) bool { fmt.Fprintln(h, id); return true })
	w.table.Each(func(k Key, v *value) bool { fmt.Fprintln(h, k, *v, w.table.ID(k)); return true })
	for _, r := range w.own.refs {
		h.Write(w.arena.Get(r))
	}
	due, ok := w.timers.Min()
	return fmt.Sprintln(h.Sum64(), w.slab.Len(), w.none.Len(), w.table.Len(), w.table.Evicted(), w.arena.Len(), w.arena.Bytes(),
		w.timers.Len(), due, ok, w.ids.Len(), w.ids.Evicted(), w.ids.Covered(), w.now, len(w.own.live))
}

// drain pops all timers.
func (w *world) drain() (all []timer) {
	for {
		due, id, ok := w.timers.PopDue(math.MaxInt64)
		if !ok {
			return all
		}
		all = append(all, timer{due, id})
	}
}
