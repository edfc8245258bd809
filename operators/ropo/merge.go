package ropo

import (
	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// Merge moves a profile's touches and orders to the one that goes on. Its rows
// are written again with the current profile; the orders of each take the
// other's touches.
func (s *shard) Merge(t *pipeline.Turn, source pipeline.Shard, old, current event.Hash) {
	from := source.(*shard)
	s.turn, s.now = t, t.Before
	from.turn, from.now = t, t.Before
	id := from.profiles.ID(flat.Key{Hi: old.Hi, Lo: old.Lo})
	if id == 0 {
		return
	}
	gone := from.profiles.MutAt(id)
	to := s.profileOf(current, gone.last)
	p := s.profiles.MutAt(to)
	p.last = max(p.last, gone.last)
	s.mergePresence(from, p, gone, to)
	s.dropOrders(to, s.since())
	from.dropOrders(id, from.since())
	moved := s.takeTouches(from, gone)
	for o := p.orders; o != 0; o = s.orders.At(o).next {
		e := s.orders.Mut(o)
		e.capped = e.capped || e.known && s.hasLost(gone.dropped, e)
		for i := range moved {
			if s.precedes(e, &moved[i]) {
				s.matchOrder(e, &moved[i])
			}
		}
	}
	joined := s.moveOrders(from, p, gone, to)
	p.dropped = max(p.dropped, gone.dropped)
	for _, t := range moved {
		s.keepTouch(p, t)
	}
	for _, o := range joined {
		s.evaluateOrder(p, s.orders.Mut(o))
	}
	s.revisit(p)
	from.forget(id)
	from.profiles.DeleteID(id)
	s.writeChanged(to)
	for s.profiles.Cap() > 0 && s.profiles.Len() > s.profiles.Cap() {
		if !s.evict() {
			break
		}
	}
}

func (s *shard) mergePresence(from *shard, p, gone *profile, to uint32) {
	if gone.presence == 0 {
		return
	}
	x, old := s.presenceOf(p), from.presence.At(gone.presence)
	for _, v := range flat.Of[visit](from.arena.Get(old.visits)) {
		x.visits = s.insertVisit(x.visits, v)
	}
	for _, v := range flat.Of[visit](from.arena.Get(old.sighted)) {
		x.sighted = s.noteSighting(x.sighted, v)
	}
	if old.zone.zone == 0 || x.zone.zone != 0 && x.zone.entered >= old.zone.entered {
		return
	}
	s.endStay(x)
	x.zone = zoneStay{zone: old.zone.zone, entered: old.zone.entered, texts: s.arena.Put(from.arena.Get(old.zone.texts))}
	s.stays.Set(x.zone.entered+s.op.cfg.ZoneDwell, to)
}

// takeTouches copies the vanished profile's touches within the lookback.
func (s *shard) takeTouches(from *shard, gone *profile) []touch {
	var moved []touch
	for old := range from.remembered(gone) {
		t := *old
		if t.form == textID {
			t.message.lo = uint64(s.arena.Put(from.arena.Get(flat.Ref(t.message.lo))))
		}
		t.trait = s.putTrait(from.traits.KeyAt(t.trait), from.arena.Get(from.traits.At(t.trait).texts))
		s.traits.MutAt(t.trait).touches++
		moved = append(moved, t)
	}
	return moved
}

// moveOrders copies the orders of the vanished profile and adds the touches of
// the one that goes on. Those that both had are to be evaluated anew.
func (s *shard) moveOrders(from *shard, p, gone *profile, to uint32) (joined []uint32) {
	for x := gone.orders; x != 0; x = from.orders.At(x).next {
		src := from.orders.At(x)
		if o := s.find(to, src.id); o != 0 {
			e := s.orders.Mut(o)
			s.joinOrder(from, e, src)
			e.changed = true
			joined = append(joined, o)
			continue
		}
		o := s.orders.Alloc()
		e := s.orders.Mut(o)
		*e = *src
		e.texts, e.lines, e.next, e.changed = s.arena.Put(from.arena.Get(src.texts)), 0, 0, true
		s.addOrder(to, o)
		for l := src.lines; l != 0; l = from.lines.At(l).next {
			s.copyLine(from, e, from.lines.At(l))
		}
		e.capped = e.capped || e.known && s.hasLost(p.dropped, e)
		for t := range s.remembered(p) {
			if s.precedes(e, t) {
				s.matchOrder(e, t)
			}
		}
	}
	return joined
}

func (s *shard) copyLine(from *shard, e *order, old *line) {
	l := s.lines.Alloc()
	m := s.lines.Mut(l)
	*m = *old
	m.texts = s.arena.Put(from.arena.Get(old.texts))
	for i := range m.levels {
		v := &m.levels[i]
		v.firstTexts, v.lastTexts = s.arena.Put(from.arena.Get(v.firstTexts)), s.arena.Put(from.arena.Get(v.lastTexts))
		v.days = s.arena.Put(from.arena.Get(v.days))
	}
	m.next, e.lines = e.lines, l
}

// joinOrder joins two parts of one order: the first event tells where and when,
// and of two that stand for the whole the first counts.
func (s *shard) joinOrder(from *shard, e, src *order) {
	texts := from.arena.Get(src.texts)
	old := s.arena.Get(e.texts)
	takesWhole := src.hasWhole && (!e.hasWhole || s.earlier(src.wholeAt, unpack(texts, orderWhole), e.wholeAt, e.texts, orderWhole))
	takesFirst := src.known && (!e.known || s.earlier(src.at, unpack(texts, orderFirst), e.at, e.texts, orderFirst))
	first, whole := old, unpack(old, orderWhole)
	if takesFirst {
		e.known, e.at, e.visitAt, e.offline, e.pickup = true, src.at, src.visitAt, src.offline, src.pickup
		first = texts
	}
	if takesWhole {
		e.hasWhole, e.wholeAt = true, src.wholeAt
		whole = unpack(texts, orderWhole)
		s.clearWhole(e)
	}
	e.texts = s.repack(e.texts, unpack(first, orderID), unpack(first, orderChannel), unpack(first, orderStore), unpack(first, orderCurrency), unpack(first, orderFirst), whole)
	e.refund += src.refund
	e.refunded = e.refunded || src.refunded
	for l := src.lines; l != 0; l = from.lines.At(l).next {
		s.joinLine(from, e, from.lines.At(l), takesWhole)
	}
}

func (s *shard) joinLine(from *shard, e *order, old *line, takesWhole bool) {
	l := s.lineNamed(e, old.name)
	if l == 0 {
		s.copyLine(from, e, old)
		if m := s.lines.Mut(e.lines); !takesWhole {
			m.wholeQuantity, m.wholeRevenue, m.inWhole = 0, 0, false
		}
		return
	}
	m := s.lines.Mut(l)
	m.events += old.events
	m.quantity, m.revenue = m.quantity+old.quantity, m.revenue+old.revenue
	if takesWhole {
		m.wholeQuantity, m.wholeRevenue, m.inWhole = old.wholeQuantity, old.wholeRevenue, old.inWhole
	}
	m.refundedQuantity, m.refundedRevenue = m.refundedQuantity+old.refundedQuantity, m.refundedRevenue+old.refundedRevenue
	m.refundedUnits += old.refundedUnits
	m.refunded, m.revision = m.refunded || old.refunded, max(m.revision, old.revision)
	m.digest = 0 // Both have rows, so one must be written above them.
	texts, olds := s.arena.Get(m.texts), from.arena.Get(old.texts)
	sku, category := unpack(texts, lineSKU), unpack(texts, lineCategory)
	if m.sku == 0 {
		m.sku, sku = old.sku, unpack(olds, lineSKU)
	}
	if m.category == 0 {
		m.category, category = old.category, unpack(olds, lineCategory)
	}
	m.texts = s.repack(m.texts, unpack(texts, lineProduct), sku, category)
}
