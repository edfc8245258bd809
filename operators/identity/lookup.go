package identity

import "touchstream/pipeline/event"

// blockRows are looked up together: searches that do not wait for one another
// hide the latency of memory.
const blockRows = 256

// find looks up the identifiers of the rows.
func (r *Resolver) find(b *event.Batch, rows []uint32) {
	for k := range b.Ident {
		col := b.Ident[k]
		if col == nil {
			continue
		}
		found := &r.found[k]
		for i, row := range rows {
			found[i] = 0
			if h := col[row]; !h.IsZero() {
				found[i] = r.idents.ID(keyOf(h))
			}
		}
		for _, id := range found[:len(rows)] {
			if id != 0 {
				r.warmed += r.profiles.At(r.idents.At(id).profile).first
			}
		}
	}
}

// lookUp gives the identifier's entry, 0 if it is unknown: the one found
// before the block unless it is gone since.
func (r *Resolver) lookUp(k event.Ident, h event.Hash) uint32 {
	if id := r.found[k][r.at]; id != 0 && r.idents.Live(id) && r.idents.KeyAt(id) == keyOf(h) {
		return id
	}
	return r.idents.ID(keyOf(h))
}
