package sessions

import (
	"cmp"

	"touchstream/pipeline"
	"touchstream/pipeline/cart"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// fold counts an event in its session; deviceID is its device's, 0 for a new one.
func (h *shard) fold(t *pipeline.Turn, r *event.Row, deviceID uint32) {
	at, eff := r.Time(), r.Eff
	b, row := r.At()
	if deviceID == 0 {
		h.makeRoom(t)
		deviceID, _ = h.devices.PutID(flat.Key(b.Head[row].Device))
		h.devices.MutAt(deviceID).lastEnd = event.Absent
	}
	id, older, newer, isCutOff := h.place(t, h.devices.MutAt(deviceID), at, eff)
	var s *session
	if id != 0 {
		s = h.sessions.Mut(id)
	} else {
		if h.alive >= h.aliveMax && h.evictSession(t) {
			// It may have been a neighbour.
			_, older, newer, _ = h.place(t, h.devices.MutAt(deviceID), at, eff)
		}
		id, s = h.open(t, b, row, deviceID, older, newer)
		if isCutOff {
			s.marks |= isCut
		}
	}
	if at < s.start {
		h.moveStart(t, s, b, row)
	}
	if r.Late {
		s.late++
		t.Count.Late++
	}
	h.count(t, s, r, at)
	if at > s.end {
		s.engaged += min(h.cfg.EngagedGap, at-s.end)
		s.end = at
	}
	h.touch(id, s, eff)
	if r.Late {
		h.checkNext(h.devices.At(s.device), id, eff)
	}
}

// moveStart makes the event the session's earliest: the session gets another id.
func (h *shard) moveStart(t *pipeline.Turn, s *session, b *event.Batch, row int) {
	if s.revision > 0 {
		h.emit(t, s, true)
		s.revision = 0
	}
	s.start = b.Time(row)
	s.name(t.Hasher, b.Head[row].Device, b.Message[row])
}

// checkNext corrects the session that follows if it is no new visitor's any more.
func (h *shard) checkNext(d *device, id uint32, eff int64) {
	next := h.after(d, id)
	if next == 0 {
		return
	}
	if s := h.sessions.Mut(next); s.revision > 0 && s.is(wasNew) != h.isNewVisitor(s) {
		h.touch(next, s, eff)
	}
}

// foldSystem lets a system event name the profile of the session that is open
// at its time.
func (h *shard) foldSystem(r *event.Row, deviceID uint32) {
	if deviceID == 0 {
		return
	}
	at, id := r.Time(), h.devices.At(deviceID).newest
	for id != 0 && h.sessions.At(id).start > at {
		id = h.sessions.At(id).older
	}
	if id == 0 {
		return
	}
	s := h.sessions.At(id)
	if at > s.end && (!h.isNear(at-s.end) || at-s.start >= h.cfg.MaxDuration) {
		return
	}
	b, row := r.At()
	if x := h.sessions.Mut(id); h.identify(x, &b.Head[row], b.Profile[row], at) {
		h.touch(id, x, r.Eff)
	}
}

// identify takes the event's profile and user and reports a change of the row.
func (h *shard) identify(s *session, head *event.Head, profile event.Hash, at int64) bool {
	shared := s.setUser(head.User)
	return s.setProfile(profile, at, head.IsKnown) || shared
}

// count adds the event to the session's figures and texts.
func (h *shard) count(t *pipeline.Turn, s *session, r *event.Row, at int64) {
	b, row := r.At()
	head := &b.Head[row]
	s.events++
	if head.Flags&event.IsBot != 0 || int64(s.nextMinute(int32(at/60_000))) > h.env.EventsPerMinuteMax {
		s.marks |= isBot
	}
	h.identify(s, head, b.Profile[row], at)
	h.offerTexts(s, b, row, at)
	h.countProducts(t, s, b, head)
	if r.Name != event.PagePing {
		s.act()
	}
	switch r.Name {
	case event.Page, event.Screen:
		s.pageViews++
	case event.ProductViewed:
		s.productViews++
	case event.CheckoutStarted:
		s.marks |= hasCheckout
	case event.ProductsSearched:
		h.tradeOf(s).searches++
	case event.ProductAdded, event.WishlistProductAddedToCart:
		h.tradeOf(s).adds++
	case event.ProductRemoved:
		h.tradeOf(s).removes++
	}
	if cart.IsChange(r.Name) {
		h.countTrade(t, s, b, row)
	}
}

// countProducts notes the products that the event names.
func (h *shard) countProducts(t *pipeline.Turn, s *session, b *event.Batch, head *event.Head) {
	if p := cmp.Or(head.Product, head.SKU); p != 0 {
		h.addProduct(s, p)
	}
	first := int(head.ItemFirst)
	for i := first; i < first+int(head.ItemCount); i++ {
		p := b.ItemText(event.ProductID, i)
		if len(p) == 0 {
			p = b.ItemText(event.SKU, i)
		}
		if len(p) > 0 {
			h.addProduct(s, t.Hasher.Sum(event.TagText, p).Lo)
		}
	}
}
