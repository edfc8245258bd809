package identity

import (
	"math/bits"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// blockRows are looked up together: searches that do not wait for one another
// hide the latency of memory. What more rows bring falls out of the nearest
// cache again.
const blockRows = 64

// block is what is known of some rows before they are resolved one by one.
type block struct {
	// carried has a bit for each kind of identifier that a row carries.
	carried [blockRows]uint8
	// found are their entries, 0 those that were unknown.
	found [event.NumIdents][blockRows]uint32
	at    int // the row at work
	// isStale: an entry was evicted since, and its place may be another's.
	isStale bool
	// born are the profiles that cannot be found by their ids yet.
	born []uint32

	keys   [blockRows]flat.Key // of one column's identifiers
	places [blockRows]uint8    // their rows
	known  [blockRows]uint32   // their entries
}

// find looks up the identifiers of the rows, and asks for the memory of their
// profiles.
func (r *Resolver) find(b *event.Batch, rows []uint32) {
	r.isStale = false
	clear(r.carried[:len(rows)])
	for k := range b.Ident {
		col, c := b.Ident[k], event.Ident(k).Column()
		if col == nil || b.NoIdent[k] {
			continue
		}
		n := 0
		for i, row := range rows {
			if h := col[row]; !h.IsZero() {
				r.keys[n], r.places[n] = keyOf(h), uint8(i)
				r.carried[i] |= 1 << k
				n++
			}
		}
		r.idents.IDs(r.keys[:n], r.known[:n])
		for i, id := range r.known[:n] {
			r.found[k][r.places[i]] = id
			if id != 0 {
				r.profiles.Touch(r.idents.At(id).profile)
				continue
			}
			row := rows[r.places[i]]
			flat.Touch(&b.Message[row])
			if isRaw(event.Ident(k)) {
				flat.TouchBytes(b.Bytes(b.Str[c][row]))
			}
		}
	}
}

// carries goes through the kinds of identifiers of the row at work, strongest
// first.
func (r *Resolver) carries(yield func(k event.Ident) bool) {
	for m := r.carried[r.at]; m != 0; m &= m - 1 {
		if !yield(event.Ident(bits.TrailingZeros8(m))) {
			return
		}
	}
}

// refresh looks up again what was unknown before the block: an earlier row may
// have brought it.
func (r *Resolver) refresh(b *event.Batch, row int) {
	for k := range r.carries {
		if id := &r.found[k][r.at]; *id == 0 || r.isStale {
			*id = r.idents.Again(keyOf(b.Ident[k][row]), *id)
		}
	}
}

// lookUp gives the entry of an identifier of the row, 0 if it is unknown.
func (r *Resolver) lookUp(b *event.Batch, row int, k event.Ident) uint32 {
	id := r.found[k][r.at]
	if r.isStale {
		return r.idents.Again(keyOf(b.Ident[k][row]), id)
	}
	return id
}

// linked is the profile of a row whose identifiers are all linked already, as
// those of most rows: only when they were seen is new. Else it is 0, and nothing
// has changed.
func (r *Resolver) linked(b *event.Batch, row int) (p uint32) {
	user, carried := r.user(b, row), r.carried[r.at]
	for m := carried; m != 0; m &= m - 1 {
		k := event.Ident(bits.TrailingZeros8(m))
		id := r.lookUp(b, row, k)
		if id == 0 {
			return 0
		}
		e := r.idents.At(id)
		if e.shared || p != 0 && e.profile != p || k != event.IdentUser && !user.IsZero() && e.user != user.Lo {
			return 0
		}
		r.found[k][r.at], p = id, e.profile
	}
	owner := r.profiles.At(p).user
	if !user.IsZero() && owner != user {
		return 0
	}
	at := b.Time(row)
	for m := carried; m != 0; m &= m - 1 {
		id := r.found[bits.TrailingZeros8(m)][r.at]
		r.seen(id, at)
		if m != carried && !owner.IsZero() && at > r.idents.At(id).placed {
			r.idents.MutAt(id).placed = at
		}
	}
	return p
}

// user is the user_id of the row at work, zero if it has none.
func (r *Resolver) user(b *event.Batch, row int) event.Hash {
	if r.carried[r.at]&(1<<event.IdentUser) == 0 {
		return event.Hash{}
	}
	return b.Ident[event.IdentUser][row]
}

// isRaw reports whether values of the kind are kept as they are.
func isRaw(k event.Ident) bool {
	return k == event.IdentUser || k == event.IdentLoyalty || k == event.IdentDevice
}

// nameAll lets the profiles that were born be found by their ids.
func (r *Resolver) nameAll() {
	for _, p := range r.born {
		r.ids.TouchKey(keyOf(r.profiles.At(p).id))
	}
	for _, p := range r.born {
		v, _ := r.ids.Put(keyOf(r.profiles.At(p).id))
		*v = p
	}
	r.born = r.born[:0]
}
