package identity

import "touchstream/pipeline/event"

// blockRows are looked up together: searches that do not wait for one another
// hide the latency of memory.
const blockRows = 256

// find looks up the identifiers of the rows, and asks for the memory of their
// profiles.
func (r *Resolver) find(b *event.Batch, rows []uint32) {
	for k := range b.Ident {
		col := b.Ident[k]
		if col == nil {
			continue
		}
		n := 0
		for i, row := range rows {
			if h := col[row]; !h.IsZero() {
				r.keys[n], r.places[n] = keyOf(h), uint8(i)
				n++
			}
		}
		r.idents.IDs(r.keys[:n], r.known[:n])
		found := &r.found[k]
		clear(found[:len(rows)])
		for i, id := range r.known[:n] {
			found[r.places[i]] = id
			if id != 0 {
				r.profiles.Touch(r.idents.At(id).profile)
			}
		}
	}
}

// lookUp gives the identifier's entry, 0 if it is unknown: the one found
// before the block unless it is gone since.
func (r *Resolver) lookUp(k event.Ident, h event.Hash) uint32 {
	return r.idents.Again(keyOf(h), r.found[k][r.at])
}
