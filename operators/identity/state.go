package identity

import (
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// identifier is what most events read of an identifier. With its key it fills a
// cache line.
type identifier struct {
	first, last int64  // event times
	placed      int64  // event time of the login that it belongs to
	user        uint64 // hash of the first user_id that it was seen with; 0: none
	rowDay      int32  // day of last_seen in its newest row
	profile     uint32
	detail      uint32 // its entry in details
	kind        event.Ident
	shared      bool
}

// detail is the rest of what is known of an identifier.
type detail struct {
	raw        flat.Ref
	users      flat.Ref // hashes of further user_ids
	next, prev uint32   // in the profile's list
	revision   uint32
}

// profile is a connected set of identifiers, or one that was merged. It fills a
// cache line.
type profile struct {
	id         event.Hash
	user       event.Hash // its user_id; zero: none
	first      int64      // earliest event time
	parent     uint32     // profile that it was merged into; 0: current
	idents     uint32     // its identifiers
	references uint32     // number of references to it
	merged     uint32     // first of the list of profiles merged into it
	// old is the last of that list or, once it is merged itself, the next one of
	// the list that it is in.
	old      uint32
	revision uint32 // of its row in identity_overrides
}

// reference is an order, call, case or shipment that belongs to a profile.
type reference struct {
	last    int64  // event time of the last mention
	profile uint32 // that first named it, or what it was before merges
}

// State lists what a snapshot saves.
func (r *Resolver) State(p *flat.Parts) {
	p.Add(r.idents, r.details, r.profiles, r.ids, r.references, r.arena, r.aging, r.expiring)
	flat.Var(p, &r.floor)
}

// current finds the profile that p lives on in.
func (r *Resolver) current(p uint32) uint32 {
	root := p
	for {
		next := r.profiles.At(root).parent
		if next == 0 {
			break
		}
		root = next
	}
	for p != root {
		next := r.profiles.At(p).parent
		if next != root {
			r.profiles.Mut(p).parent = root
		}
		p = next
	}
	return root
}

// detail is that of an identifier for reading.
func (r *Resolver) detail(id uint32) *detail { return r.details.At(r.idents.At(id).detail) }

// mutDetail is that of an identifier for writing.
func (r *Resolver) mutDetail(id uint32) *detail { return r.details.Mut(r.idents.At(id).detail) }

// attach puts an identifier into a profile's list.
func (r *Resolver) attach(id, p uint32, at int64) {
	e, d, owner := r.idents.MutAt(id), r.mutDetail(id), r.profiles.Mut(p)
	e.profile, e.placed = p, at
	d.prev, d.next = 0, owner.idents
	if d.next != 0 {
		r.mutDetail(d.next).prev = id
	}
	owner.idents = id
	if e.kind == event.IdentUser {
		owner.user = hashOf(r.idents.KeyAt(id))
	}
}

// detach takes an identifier out of its profile's list.
func (r *Resolver) detach(id uint32) {
	e, d := r.idents.At(id), r.mutDetail(id)
	owner := r.profiles.Mut(e.profile)
	if d.prev == 0 {
		owner.idents = d.next
	} else {
		r.mutDetail(d.prev).next = d.next
	}
	if d.next != 0 {
		r.mutDetail(d.next).prev = d.prev
	}
	if e.kind == event.IdentUser {
		owner.user = event.Hash{}
	}
	d.next, d.prev = 0, 0
}

// release frees a profile that has neither identifiers nor references, with
// those merged into it.
func (r *Resolver) release(p uint32) {
	e := r.profiles.At(p)
	if e.idents != 0 || e.references != 0 || e.parent != 0 || p == r.held {
		return
	}
	for old := e.merged; old != 0; {
		next := r.profiles.At(old).old
		r.free(old)
		old = next
	}
	r.free(p)
}

func (r *Resolver) free(p uint32) {
	r.nameAll() // It may be one of these.
	r.ids.Delete(keyOf(r.profiles.At(p).id))
	r.profiles.Free(p)
}

func keyOf(h event.Hash) flat.Key  { return flat.Key{Hi: h.Hi, Lo: h.Lo} }
func hashOf(k flat.Key) event.Hash { return event.Hash{Hi: k.Hi, Lo: k.Lo} }
