package ropo

import (
	"bytes"
	"math"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// purchase is one product of an order event.
type purchase struct {
	product, sku, category []byte
	quantity, revenue      int64
}

// purchases calls f for each line that an order or refund event carries: its
// own product, its items, or the whole as one line without a product.
func purchases(b *event.Batch, row int, f func(purchase)) {
	quantity := func(q int64) int64 {
		if q == event.Absent {
			return 10_000
		}
		return q
	}
	amount := func(a int64) int64 {
		if a == event.Absent {
			return 0
		}
		return a
	}
	if b.ItemCount[row] == 0 || len(b.Text(event.ProductID, row)) > 0 {
		f(purchase{b.Text(event.ProductID, row), b.Text(event.SKU, row), b.Text(event.Category, row),
			quantity(b.Num(event.Quantity, row)), amount(b.Num(event.Amount, row))})
		return
	}
	for i := int(b.ItemFirst[row]); i < int(b.ItemFirst[row]+b.ItemCount[row]); i++ {
		f(purchase{b.ItemText(event.ProductID, i), b.ItemText(event.SKU, i), b.ItemText(event.Category, i),
			quantity(b.ItemNum(event.Quantity, i)), amount(b.ItemNum(event.Amount, i))})
	}
}

// orderRow folds an order event.
func (s *shard) orderRow(id uint32, b *event.Batch, row int) {
	o := s.orderOf(id, b, row)
	e := s.orders.Mut(o)
	p := s.profiles.At(id)
	at := b.Time(row)
	isLine := len(b.Text(event.ProductID, row)) > 0
	if !isLine && !s.takeWhole(e, b, row) {
		return
	}
	moved := !e.known || at < e.at
	if moved {
		channel := b.Text(event.Channel, row)
		e.known, e.at, e.offline = true, at, event.IsOffline(channel)
		e.pickup = string(b.Text(event.Fulfilment, row)) == "pickup"
		store := b.Text(event.StoreID, row)
		e.visitAt = s.visitStart(p, s.textHash(store), at)
		e.capped = p.dropped != math.MinInt64 && p.dropped >= at-s.op.cfg.Lookback
		s.setOrderTexts(e, channel, store, b.Text(event.Currency, row))
	}
	if !isLine {
		for l := e.lines; l != 0; l = s.lines.At(l).next {
			m := s.lines.Mut(l)
			m.wholeQuantity, m.wholeRevenue = 0, 0
		}
	}
	purchases(b, row, func(x purchase) {
		l := s.lineOf(p, o, x)
		m := s.lines.Mut(l)
		if isLine {
			m.quantity, m.revenue = m.quantity+x.quantity, m.revenue+x.revenue
		} else {
			m.wholeQuantity, m.wholeRevenue = m.wholeQuantity+x.quantity, m.wholeRevenue+x.revenue
		}
	})
	if moved {
		for l := e.lines; l != 0; l = s.lines.At(l).next {
			s.evaluate(p, e, s.lines.Mut(l))
		}
	}
	s.writeOrder(id, o)
}

// takeWhole reports whether the event stands for the whole order: of several
// the first by (time, message id) does.
func (s *shard) takeWhole(e *order, b *event.Batch, row int) bool {
	s.id = event.AppendMessageID(s.id[:0], b, row, s.turn.Origins)
	if e.hasWhole {
		mine := unpack(s.arena.Get(e.texts), orderWhole)
		if at := b.Time(row); at > e.wholeAt || at == e.wholeAt && bytes.Compare(s.id, mine) >= 0 {
			return false
		}
	}
	e.hasWhole, e.wholeAt = true, b.Time(row)
	old := s.arena.Get(e.texts)
	e.texts = s.repack(e.texts, unpack(old, orderID), unpack(old, orderChannel), unpack(old, orderStore), unpack(old, orderCurrency), s.id)
	return true
}

func (s *shard) setOrderTexts(e *order, channel, store, currency []byte) {
	old := s.arena.Get(e.texts)
	e.texts = s.repack(e.texts, unpack(old, orderID), channel, store, currency, unpack(old, orderWhole))
}

func (s *shard) repack(old flat.Ref, texts ...[]byte) flat.Ref {
	var fresh flat.Ref
	fresh, s.scratch = pack(s.arena, s.scratch, texts...)
	s.arena.Free(old)
	return fresh
}

// orderOf finds or makes the order of an event.
func (s *shard) orderOf(id uint32, b *event.Batch, row int) uint32 {
	name := b.Text(event.OrderID, row)
	if len(name) == 0 {
		s.id = event.AppendMessageID(s.id[:0], b, row, s.turn.Origins)
		name = s.id
	}
	h := s.turn.Hasher.Sum(event.TagOrder, name)
	for o := s.profiles.At(id).orders; o != 0; o = s.orders.At(o).next {
		if s.orders.At(o).id == h {
			return o
		}
	}
	o := s.orders.Alloc()
	e := s.orders.Mut(o)
	e.id, e.at = h, b.Time(row)
	e.texts, s.scratch = pack(s.arena, s.scratch, name, nil, nil, nil, nil)
	p := s.profiles.MutAt(id)
	e.next, p.orders = p.orders, o
	return o
}

// lineOf finds or makes the order's line of a product, evaluated.
func (s *shard) lineOf(p *profile, o uint32, x purchase) uint32 {
	e := s.orders.Mut(o)
	product := s.textHash(x.product)
	for l := e.lines; l != 0; l = s.lines.At(l).next {
		if s.lines.At(l).product == product {
			return l
		}
	}
	l := s.lines.Alloc()
	m := s.lines.Mut(l)
	m.product, m.sku, m.category = product, s.textHash(x.sku), s.textHash(x.category)
	m.texts, s.scratch = pack(s.arena, s.scratch, x.product, x.sku, x.category)
	m.next, e.lines = e.lines, l
	if e.known {
		s.evaluate(p, e, m)
	}
	return l
}

// refundRow folds Order Refunded and Order Cancelled.
func (s *shard) refundRow(id uint32, b *event.Batch, row int) {
	if len(b.Text(event.OrderID, row)) == 0 {
		return
	}
	o := s.orderOf(id, b, row)
	e := s.orders.Mut(o)
	named := len(b.Text(event.ProductID, row)) > 0 || b.ItemCount[row] > 0
	switch amount := b.Num(event.Amount, row); {
	case b.Name[row] == event.OrderCancelled, !named && amount == event.Absent:
		e.refunded = true
	case !named:
		e.refund += amount
	default:
		s.refundLines(id, o, b, row)
	}
	if e.known {
		s.writeOrder(id, o)
	}
}

func (s *shard) refundLines(id uint32, o uint32, b *event.Batch, row int) {
	purchases(b, row, func(x purchase) {
		m := s.lines.Mut(s.lineOf(s.profiles.At(id), o, x))
		if x.revenue == 0 && b.ItemCount[row] == 0 && b.Num(event.Quantity, row) == event.Absent {
			m.refunded = true
			return
		}
		revenue := x.revenue
		if revenue == 0 {
			revenue = proportion(m.revenue+m.wholeRevenue, x.quantity, m.quantity+m.wholeQuantity)
		}
		m.refundedQuantity += x.quantity
		m.refundedRevenue += revenue
	})
}

// unknownOrder writes the rows of an order event that has neither profile nor
// order id; nothing is remembered of it.
func (s *shard) unknownOrder(b *event.Batch, row int) {
	id := s.profileOf(b.Message[row], b.Time(row))
	s.profiles.MutAt(id).nobody = true
	s.orderRow(id, b, row)
	s.forget(id)
	s.profiles.DeleteID(id)
}
