package ropo

import (
	"math"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// Merge moves a profile's touches and orders to the one that goes on. Its rows
// are written again with the current profile; the orders of both take the
// other's touches.
func (s *shard) Merge(t *pipeline.Turn, source pipeline.Shard, old, current event.Hash) {
	s.turn = t
	from := source.(*shard)
	from.turn = t
	id := from.profiles.ID(flat.Key{Hi: old.Hi, Lo: old.Lo})
	if id == 0 {
		return
	}
	gone := *from.profiles.At(id)
	to := s.profileOf(current, gone.last)
	p := s.profiles.MutAt(to)
	p.last, p.dropped = max(p.last, gone.last), max(p.dropped, gone.dropped)
	for _, v := range flat.Of[visit](from.arena.Get(gone.visits)) {
		p.visits = s.insertVisit(p.visits, v)
	}
	for _, v := range flat.Of[visit](from.arena.Get(gone.sighted)) {
		p.sighted = s.insertVisit(p.sighted, v)
	}
	s.mergeStay(from, p, &gone, to)
	// First the orders, so that they see the touches of the profile they join;
	// then the touches, which look for orders among all but their own.
	own := p.orders
	moved := s.moveOrders(from, &gone, to)
	s.moveTouches(from, &gone, to, own)
	for _, o := range moved {
		s.writeOrder(to, o)
	}
	from.forget(id)
	from.profiles.DeleteID(id)
}

func (s *shard) mergeStay(from *shard, p, gone *profile, to uint32) {
	if gone.zone.zone == 0 || p.zone.zone != 0 && p.zone.entered >= gone.zone.entered {
		return
	}
	s.endStay(p)
	p.zone = zoneStay{zone: gone.zone.zone, entered: gone.zone.entered, texts: s.arena.Put(from.arena.Get(gone.zone.texts))}
	s.stays.Set(p.zone.entered+s.op.cfg.ZoneDwell, to)
}

// moveOrders copies the orders of the vanished profile and adds the touches of
// the one that goes on.
func (s *shard) moveOrders(from *shard, gone *profile, to uint32) (moved []uint32) {
	p := s.profiles.MutAt(to)
	for x := gone.orders; x != 0; x = from.orders.At(x).next {
		src := from.orders.At(x)
		o := s.sameOrder(p, src.id)
		if o == 0 {
			o = s.orders.Alloc()
			e := s.orders.Mut(o)
			*e = *src
			e.texts, e.lines = s.arena.Put(from.arena.Get(src.texts)), 0
			e.next, p.orders = p.orders, o
		} else {
			s.joinOrder(from, s.orders.Mut(o), src)
		}
		s.moveLines(from, src, o)
		e := s.orders.Mut(o)
		e.capped = e.capped || p.dropped != math.MinInt64 && p.dropped >= e.at-s.op.cfg.Lookback
		s.addTouches(p, e)
		moved = append(moved, o)
	}
	return moved
}

func (s *shard) sameOrder(p *profile, id event.Hash) uint32 {
	for o := p.orders; o != 0; o = s.orders.At(o).next {
		if s.orders.At(o).id == id {
			return o
		}
	}
	return 0
}

// joinOrder joins two parts of one order: the earlier one tells where and when.
func (s *shard) joinOrder(from *shard, e, src *order) {
	if src.known && (!e.known || src.at < e.at) {
		e.known, e.at, e.visitAt, e.offline, e.pickup = true, src.at, src.visitAt, src.offline, src.pickup
		s.arena.Free(e.texts)
		e.texts = s.arena.Put(from.arena.Get(src.texts))
	}
	e.refund += src.refund
	e.refunded = e.refunded || src.refunded
	e.capped = e.capped || src.capped
	e.hasWhole = e.hasWhole || src.hasWhole
}

func (s *shard) moveLines(from *shard, src *order, o uint32) {
	e := s.orders.Mut(o)
	for x := src.lines; x != 0; x = from.lines.At(x).next {
		old := from.lines.At(x)
		l := uint32(0)
		for y := e.lines; y != 0; y = s.lines.At(y).next {
			if s.lines.At(y).product == old.product {
				l = y
			}
		}
		if l != 0 {
			m := s.lines.Mut(l)
			m.quantity, m.revenue = m.quantity+old.quantity, m.revenue+old.revenue
			m.wholeQuantity, m.wholeRevenue = max(m.wholeQuantity, old.wholeQuantity), max(m.wholeRevenue, old.wholeRevenue)
			m.refundedQuantity, m.refundedRevenue = m.refundedQuantity+old.refundedQuantity, m.refundedRevenue+old.refundedRevenue
			m.refunded, m.revision = m.refunded || old.refunded, max(m.revision, old.revision)
			continue
		}
		l = s.lines.Alloc()
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
}

// addTouches adds the profile's touches to an order that joined it.
func (s *shard) addTouches(p *profile, e *order) {
	touches := flat.Of[touch](s.arena.Get(p.touches))
	for l := e.lines; l != 0; l = s.lines.At(l).next {
		for i := range touches {
			if e.known && s.precedes(e, &touches[i]) {
				s.match(e, s.lines.Mut(l), &touches[i])
			}
		}
	}
}

// moveTouches adds the vanished profile's touches to the orders that were there
// before, and to the memory.
func (s *shard) moveTouches(from *shard, gone *profile, to, own uint32) {
	for _, t := range flat.Of[touch](from.arena.Get(gone.touches)) {
		t.texts = s.arena.Put(from.arena.Get(t.texts))
		for o := own; o != 0; o = s.orders.At(o).next {
			e := s.orders.At(o)
			if !e.known || !s.precedes(e, &t) {
				continue
			}
			for l := e.lines; l != 0; l = s.lines.At(l).next {
				if s.match(e, s.lines.Mut(l), &t) {
					s.write(to, o, l)
				}
			}
		}
		if !s.keepTouch(to, t) {
			s.arena.Free(t.texts)
		}
	}
}
