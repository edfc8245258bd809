package flat

// aheadKeys is how many keys are looked up at a time: so many waits for memory
// overlap. More would push the first ones out of what the processor has under
// way.
const aheadKeys = 32

// IDs finds the ids of keys, 0 where there is no entry; ids must have room for
// all of them. It does what a call of ID for each key does in a fraction of the
// time when the table is larger than the caches. The entries themselves are
// asked for, too.
func (t *Table[V]) IDs(keys []Key, ids []uint32) {
	var hashes [aheadKeys]uint32
	for len(keys) > 0 {
		n := min(len(keys), aheadKeys)
		for i, k := range keys[:n] {
			hashes[i] = t.hash(k)
			t.index.touch(hashes[i])
		}
		for i, h := range hashes[:n] {
			ids[i] = t.index.first(h)
			t.entries.Touch(ids[i])
		}
		for i, k := range keys[:n] {
			if !t.holds(ids[i], k) {
				ids[i] = t.searchOn(k, hashes[i])
			}
		}
		keys, ids = keys[n:], ids[n:]
	}
}

// Again is ID for a key of which IDs or ID said id before, while other entries
// came and went: it is faster when id is still k's.
func (t *Table[V]) Again(k Key, id uint32) uint32 {
	if id != 0 && t.entries.Live(id) && t.KeyAt(id) == k {
		return id
	}
	return t.ID(k)
}

// Touch asks for the memory of entry id, as that of Slab.
func (t *Table[V]) Touch(id uint32) { t.entries.Touch(id) }

// TouchKey asks for the memory where a search for k begins.
func (t *Table[V]) TouchKey(k Key) { t.index.touch(t.hash(k)) }
