package identity

import (
	"bytes"
	"math"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// referenceColumns are the references in the order in which they are asked.
var referenceColumns = [...]event.Column{event.OrderID, event.CallID, event.CaseID, event.ShipmentID}

// continues reports whether the event continues an order, call, case or
// shipment and so belongs to whoever first named it.
func continues(b *event.Batch, row int) bool {
	switch b.Name[row] {
	case event.OrderUpdated, event.OrderRefunded, event.OrderCancelled, event.ShipmentUpdated,
		event.PickupReady, event.PickupCompleted, event.PickupExpired,
		event.CallConnected, event.CallEnded, event.CaseClosed:
		return true
	case event.Custom:
		name := b.Text(event.Event, row)
		return bytes.HasPrefix(name, []byte("Shipment ")) || bytes.HasPrefix(name, []byte("Pickup "))
	}
	return false
}

// refer gives the event the profile that its references point to, where that
// decides, and remembers the references it names.
func (r *Resolver) refer(b *event.Batch, row int, own uint32) uint32 {
	if len(r.named) == 0 {
		return own
	}
	var keys [len(referenceColumns)]flat.Key
	found, named := uint32(0), false
	for i, c := range r.named {
		v := b.Text(c, row)
		if len(v) == 0 {
			continue
		}
		named = true
		keys[i] = keyOf(r.opts.Hasher.Sum(event.TagOrder+byte(c), v))
		if p := r.referred(keys[i], b.Time(row)); p != 0 && (found == 0 || r.isProvisional(found) && !r.isProvisional(p)) {
			found = p
		}
	}
	if !named {
		return own
	}
	p := own
	switch {
	case found != 0 && (own == 0 || continues(b, row) && !r.isProvisional(found)):
		p = found
	case own == 0:
		p = r.provisional(b, row)
	}
	r.held = p
	for _, key := range keys {
		if key != (flat.Key{}) {
			r.remember(key, b.Time(row), p)
			p = r.current(p)
			r.held = p
		}
	}
	return p
}

// isProvisional reports whether the profile's person is not known yet.
func (r *Resolver) isProvisional(p uint32) bool { return r.profiles.At(p).id.IsProvisional() }

// referred is the profile that a reference points to, 0 if it is unknown.
func (r *Resolver) referred(key flat.Key, at int64) uint32 {
	e, ok := r.references.Find(key)
	if !ok || at > e.last+r.opts.ReferenceKept {
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
func (r *Resolver) remember(key flat.Key, at int64, p uint32) {
	id := r.references.ID(key)
	switch {
	case id == 0:
		for r.references.Full() {
			if !r.evictReference() {
				break
			}
		}
		id, _ = r.references.PutID(key)
		r.expiring.Set(at+r.opts.ReferenceKept, id)
	case at > r.references.At(id).last+r.opts.ReferenceKept:
		// Nobody mentioned it for so long that it stands for something new.
		r.unname(r.references.At(id).profile)
	default:
		r.mention(id, at, p)
		return
	}
	*r.references.MutAt(id) = reference{last: at, profile: p}
	r.profiles.Mut(p).references++
}

// mention notes that a known reference was named by an event of the profile.
func (r *Resolver) mention(id uint32, at int64, p uint32) {
	e := r.references.At(id)
	if at > e.last {
		r.references.MutAt(id).last = at
	}
	switch old := r.current(e.profile); {
	case old == p || !r.isProvisional(old):
	case r.isProvisional(p):
		r.adopt(old, p)
	default:
		r.adopt(p, old)
	}
}

// unname takes one reference from the profile.
func (r *Resolver) unname(p uint32) {
	p = r.current(p)
	r.profiles.Mut(p).references--
	r.release(p)
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

// forgetReference lets a reference go, and its profile if nothing else is left
// of that.
func (r *Resolver) forgetReference(id uint32) {
	p := r.references.At(id).profile
	r.references.DeleteID(id)
	r.unname(p)
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
