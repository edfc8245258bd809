package identity

import (
	"math"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

// referenceColumns are the references in the order in which they are asked.
var referenceColumns = [...]event.Column{event.OrderID, event.CallID, event.CaseID, event.ShipmentID}

// continues reports whether the event continues an order, call, case or
// shipment and so belongs to whoever first named it.
func continues(n event.Name) bool {
	switch n {
	case event.OrderUpdated, event.OrderRefunded, event.OrderCancelled, event.ShipmentUpdated,
		event.PickupReady, event.PickupCompleted, event.PickupExpired,
		event.CallConnected, event.CallEnded, event.CaseClosed:
		return true
	}
	return false
}

// refer gives the event the profile that its references point to, where that
// decides, and remembers the references it names.
func (r *Resolver) refer(b *event.Batch, row int, own uint32) uint32 {
	found, named := uint32(0), false
	for _, c := range referenceColumns {
		if len(b.Text(c, row)) == 0 {
			continue
		}
		named = true
		if p := r.referred(b, c, row); p != 0 && found == 0 {
			found = p
		}
	}
	if !named {
		return own
	}
	p := own
	switch {
	case found != 0 && (own == 0 || continues(b.Name[row]) && !r.profiles.At(found).id.IsProvisional()):
		p = found
	case own == 0:
		p = r.provisional(b, row)
	}
	for _, c := range referenceColumns {
		if len(b.Text(c, row)) > 0 {
			r.remember(b, c, row, p)
		}
	}
	return p
}

func (r *Resolver) referenceKey(b *event.Batch, c event.Column, row int) event.Hash {
	return r.opts.Hasher.Sum(event.TagOrder+byte(c), b.Text(c, row))
}

// referred is the profile that a reference points to, 0 if it is unknown.
func (r *Resolver) referred(b *event.Batch, c event.Column, row int) uint32 {
	e, ok := r.references.Find(keyOf(r.referenceKey(b, c, row)))
	if !ok || !r.profiles.Live(e.profile) || r.profiles.At(e.profile).id != e.id {
		return 0
	}
	return r.current(e.profile)
}

// provisional makes a profile for references whose person is not known.
func (r *Resolver) provisional(b *event.Batch, row int) uint32 {
	p := r.profiles.Alloc()
	e := r.profiles.Mut(p)
	e.id = event.Hash{Hi: b.Message[row].Hi | 1}
	e.first = b.Time(row)
	return p
}

// remember lets a reference point to the profile that first named it. A
// provisional profile merges into the first real one; two real ones stay two.
func (r *Resolver) remember(b *event.Batch, c event.Column, row int, p uint32) {
	key := keyOf(r.referenceKey(b, c, row))
	at := b.Time(row)
	if old := r.referred(b, c, row); old != 0 {
		r.references.MutAt(r.references.ID(key)).last = max(at, r.references.At(r.references.ID(key)).last)
		po, pp := r.profiles.At(old).id, r.profiles.At(p).id
		switch {
		case old == p || !po.IsProvisional():
		case pp.IsProvisional():
			r.unite(old, p)
		default:
			r.unite(p, old)
		}
		return
	}
	for r.references.Full() {
		if !r.evictReference() {
			break
		}
	}
	id, _ := r.references.PutID(key)
	*r.references.MutAt(id) = reference{id: r.profiles.At(p).id, last: at, profile: p}
	r.expiring.Set(at+r.opts.ReferenceKept, id)
}

// unite merges a provisional profile into another one.
func (r *Resolver) unite(to, from uint32) {
	t, f := r.profiles.Mut(to), r.profiles.Mut(from)
	r.merges = append(r.merges, pipeline.Merge{Old: f.id, Current: t.id})
	f.parent = to
	t.first = min(t.first, f.first)
	if t.merged == 0 {
		t.lastOld = from
	}
	f.nextOld, t.merged = t.merged, from
}

// evictReference gives up the reference that was not mentioned for longest.
func (r *Resolver) evictReference() bool {
	for {
		due, id, ok := r.expiring.PopDue(math.MaxInt64)
		if !ok {
			return false
		}
		if r.refreshed(due, id) {
			continue
		}
		r.turn.Count.Evicted++
		r.forgetReference(id)
		return true
	}
}

// refreshed reports that the popped timer is stale; it is set anew when the
// reference was mentioned since.
func (r *Resolver) refreshed(due int64, id uint32) bool {
	if !r.references.Live(id) {
		return true
	}
	if now := r.references.At(id).last + r.opts.ReferenceKept; now > due {
		r.expiring.Set(now, id)
		return true
	}
	return false
}

// forgetReference lets a reference go, and its profile if that was provisional.
func (r *Resolver) forgetReference(id uint32) {
	e := *r.references.At(id)
	r.references.DeleteID(id)
	if e.id.IsProvisional() && r.profiles.Live(e.profile) && r.profiles.At(e.profile).id == e.id && r.profiles.At(e.profile).parent == 0 {
		r.release(e.profile)
	}
}

// Advance forgets references that were not mentioned for long.
func (r *Resolver) Advance(t *pipeline.Turn) {
	r.turn = t
	for {
		due, id, ok := r.expiring.PopDue(t.Watermark)
		if !ok {
			return
		}
		if !r.refreshed(due, id) {
			r.forgetReference(id)
		}
	}
}
