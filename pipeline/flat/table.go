package flat

// Key is the key of a Table: a keyed 128-bit hash of what it stands for, or a
// hash joined with a number. Keys that a stranger may choose freely would let
// him aim at one segment.
type Key struct{ Hi, Lo uint64 }

// Less orders keys.
func (k Key) Less(o Key) bool { return k.Hi < o.Hi || k.Hi == o.Hi && k.Lo < o.Lo }

// Table maps keys to values. Each entry has an id, by which timers and other
// tables refer to it; it is never 0 and is given out again after Delete. Values
// never move: a pointer to one is good until its entry is deleted, whatever
// else is put meanwhile. As with Slab, write only through a pointer from Put or
// one of the Mut methods, and do not keep it beyond the operator's call.
//
// Search, Put and Delete take constant time; growth splits one segment of 1,024
// slots at a time. An entry costs its value, 16 bytes of key and 10 to 20 bytes
// of index.
//
// A table has a limit, but does not choose what goes: its owner knows what must
// be emitted for an entry that is cut short, and has the timers. Before a Put
// of a new key it makes room:
//
//	for t.Full() {
//		due, id, ok := timers.PopDue(math.MaxInt64)
//		if !ok {
//			break
//		}
//		if t.Live(id) && t.At(id).due == due {
//			// Emit what the entry holds, then:
//			t.Evict(id)
//		}
//	}
type Table[V any] struct {
	entries Slab[entry[V]]
	index   index
	seed    uint64
	limit   int
	evicted uint64
}

type entry[V any] struct {
	key Key
	val V
}

// NewTable makes an empty table for at most limit entries (0: no limit). V must
// not hold pointers. The seed changes the places of entries, never a result.
func NewTable[V any](limit int, seed uint64) *Table[V] {
	return &Table[V]{entries: makeSlab[entry[V]](), index: makeIndex(), seed: seed, limit: limit}
}

// ID is the id of k's entry, 0 if there is none.
func (t *Table[V]) ID(k Key) uint32 {
	return t.search(k, t.hash(k))
}

func (t *Table[V]) hash(k Key) uint32 { return uint32(mix(k, t.seed) >> 32) }

func (t *Table[V]) search(k Key, h uint32) uint32 {
	id := t.index.first(h)
	if t.holds(id, k) {
		return id
	}
	return t.searchOn(k, h)
}

// holds reports whether a search for k ends with id, the first one under its
// hash.
func (t *Table[V]) holds(id uint32, k Key) bool {
	if id == 0 {
		return len(t.index.spill) == 0
	}
	return t.entries.entries.at(id).key == k
}

// searchOn is search where keys have hashes in common.
func (t *Table[V]) searchOn(k Key, h uint32) uint32 {
	s := t.index.slots(h)
	at := h & segmentMask
	for d := uint32(0); s[at] != 0; d++ {
		e := s[at]
		if uint32(e>>32) == h {
			if t.entries.entries.at(uint32(e)).key == k {
				return uint32(e)
			}
		} else if distance(e, at) < d {
			break
		}
		at = (at + 1) & segmentMask
	}
	for _, e := range t.index.spill {
		if uint32(e>>32) == h && t.entries.entries.at(uint32(e)).key == k {
			return uint32(e)
		}
	}
	return 0
}

// Find is the value of k for reading, nil and false if there is none.
func (t *Table[V]) Find(k Key) (*V, bool) {
	id := t.ID(k)
	if id == 0 {
		return nil, false
	}
	return t.At(id), true
}

// Mut is the value of k for writing, nil and false if there is none.
func (t *Table[V]) Mut(k Key) (*V, bool) {
	id := t.ID(k)
	if id == 0 {
		return nil, false
	}
	return t.MutAt(id), true
}

// Put is the value of k for writing; inserted says that it is new and zero.
// Put takes a key beyond the limit too: see Full.
func (t *Table[V]) Put(k Key) (v *V, inserted bool) {
	id, inserted := t.PutID(k)
	return t.MutAt(id), inserted
}

// PutID is Put that answers with the entry's id.
func (t *Table[V]) PutID(k Key) (id uint32, inserted bool) {
	h := t.hash(k)
	if id := t.search(k, h); id != 0 {
		return id, false
	}
	id = t.entries.Alloc()
	t.entries.Mut(id).key = k
	t.index.insert(h, id)
	return id, true
}

// Delete removes k's entry and reports whether there was one.
func (t *Table[V]) Delete(k Key) bool {
	id := t.ID(k)
	return id != 0 && t.DeleteID(id)
}

// DeleteID removes the entry id and reports whether it was live.
func (t *Table[V]) DeleteID(id uint32) bool {
	if !t.entries.Live(id) {
		return false
	}
	t.index.remove(t.hash(t.KeyAt(id)), id)
	return t.entries.Free(id)
}

// Evict is DeleteID of an entry that goes before its time; Evicted counts it.
func (t *Table[V]) Evict(id uint32) bool {
	ok := t.DeleteID(id)
	if ok {
		t.evicted++
	}
	return ok
}

// Evicted is the number of entries that Evict removed.
func (t *Table[V]) Evicted() uint64 { return t.evicted }

// Live reports whether id is an entry's.
func (t *Table[V]) Live(id uint32) bool { return t.entries.Live(id) }

// At is the value of a live entry for reading.
func (t *Table[V]) At(id uint32) *V { return &t.entries.At(id).val }

// MutAt is the value of a live entry for writing.
func (t *Table[V]) MutAt(id uint32) *V { return &t.entries.Mut(id).val }

// KeyAt is the key of a live entry.
func (t *Table[V]) KeyAt(id uint32) Key { return t.entries.At(id).key }

// Len is the number of entries.
func (t *Table[V]) Len() int { return t.entries.Len() }

// Cap is the limit, 0 for none.
func (t *Table[V]) Cap() int { return t.limit }

// Full reports that one more entry would exceed the limit.
func (t *Table[V]) Full() bool { return t.limit > 0 && t.entries.Len() >= t.limit }

// Bytes is the memory taken.
func (t *Table[V]) Bytes() int { return t.entries.Bytes() + t.index.bytes() }

// Each calls f with the entries by rising id until f returns false: an order
// that depends on the sequence of Put and Delete alone, not on the seed. The
// value is for reading. f may delete the entry it is given and no other.
func (t *Table[V]) Each(f func(k Key, v *V) bool) {
	t.entries.Each(func(_ uint32, e *entry[V]) bool { return f(e.key, &e.val) })
}
