package ropo

import (
	"bytes"
	"math"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// purchase is one product of an order event or a refund; numbers may be absent.
type purchase struct {
	product, sku, category []byte
	quantity, revenue      int64
}

// purchases are the lines that an order event or a refund carries: its own
// product, its items, or the whole as one line without a product. They are lent
// until the next call.
func (s *shard) purchases(b *event.Batch, row int) []purchase {
	s.bought = s.bought[:0]
	if b.Head[row].ItemCount == 0 || len(b.Text(event.ProductID, row)) > 0 {
		s.bought = append(s.bought, purchase{b.Text(event.ProductID, row), b.Text(event.SKU, row), b.Text(event.Category, row),
			b.Num(event.Quantity, row), b.Num(event.Amount, row)})
		return s.bought
	}
	for i := int(b.Head[row].ItemFirst); i < int(b.Head[row].ItemFirst+b.Head[row].ItemCount); i++ {
		s.bought = append(s.bought, purchase{b.ItemText(event.ProductID, i), b.ItemText(event.SKU, i), b.ItemText(event.Category, i),
			b.ItemNum(event.Quantity, i), b.ItemNum(event.Amount, i)})
	}
	return s.bought
}

// orElse is the number v, or another one when it is absent.
func orElse(v, absent int64) int64 {
	if v == event.Absent {
		return absent
	}
	return v
}

const unit = 10_000

// orderRow folds an order event.
func (s *shard) orderRow(id uint32, b *event.Batch, row int) {
	o := s.orderOf(id, b, row)
	p, e := s.profiles.At(id), s.orders.Mut(o)
	at, key := b.Time(row), s.key(b, row)
	isLine := len(b.Text(event.ProductID, row)) > 0
	if !isLine && !s.takeWhole(e, at, key) {
		return
	}
	isFirst := !e.known || s.earlier(at, key, e.at, e.texts, orderFirst)
	if isFirst {
		s.begin(p, e, b, row, key)
	}
	for _, x := range s.purchases(b, row) {
		m := s.lines.Mut(s.lineOf(p, o, x))
		quantity, revenue := orElse(x.quantity, unit), orElse(x.revenue, 0)
		if isLine {
			m.events++
			m.quantity, m.revenue = m.quantity+quantity, m.revenue+revenue
		} else {
			m.inWhole = true
			m.wholeQuantity, m.wholeRevenue = m.wholeQuantity+quantity, m.wholeRevenue+revenue
		}
	}
	if isFirst {
		s.evaluateOrder(p, e)
	}
	s.writeOrder(id, e)
}

// begin gives the order the attributes of its first event.
func (s *shard) begin(p *profile, e *order, b *event.Batch, row int, key []byte) {
	channel, store := b.Text(event.Channel, row), b.Text(event.StoreID, row)
	e.known, e.at, e.offline = true, b.Time(row), event.IsOffline(channel)
	e.pickup = string(b.Text(event.Fulfilment, row)) == "pickup"
	e.visitAt = s.visitStart(p, s.textHash(store), e.at)
	old := s.arena.Get(e.texts)
	e.texts = s.repack(e.texts, unpack(old, orderID), channel, store, b.Text(event.Currency, row), key, unpack(old, orderWhole))
}

// takeWhole reports whether the event stands for the whole order: of several
// the first by (time, message id) does. What another one brought is taken back.
func (s *shard) takeWhole(e *order, at int64, key []byte) bool {
	if e.hasWhole && !s.earlier(at, key, e.wholeAt, e.texts, orderWhole) {
		return false
	}
	e.hasWhole, e.wholeAt = true, at
	old := s.arena.Get(e.texts)
	e.texts = s.repack(e.texts, unpack(old, orderID), unpack(old, orderChannel), unpack(old, orderStore), unpack(old, orderCurrency), unpack(old, orderFirst), key)
	s.clearWhole(e)
	return true
}

func (s *shard) clearWhole(e *order) {
	for l := e.lines; l != 0; l = s.lines.At(l).next {
		m := s.lines.Mut(l)
		m.wholeQuantity, m.wholeRevenue, m.inWhole = 0, 0, false
	}
}

// earlier compares an event with one whose key is kept in packed texts.
func (s *shard) earlier(at int64, key []byte, than int64, texts flat.Ref, i int) bool {
	if at != than {
		return at < than
	}
	return bytes.Compare(key, unpack(s.arena.Get(texts), i)) < 0
}

// repack replaces packed texts; the new ones may be parts of the old.
func (s *shard) repack(old flat.Ref, texts ...[]byte) flat.Ref {
	s.scratch = pack(s.scratch, texts...)
	return s.arena.Replace(old, s.scratch)
}

// orderKey is the key of a profile's order in the index.
func orderKey(profile flat.Key, id event.Hash) flat.Key {
	return flat.Key{Hi: profile.Hi ^ id.Hi, Lo: profile.Lo ^ id.Lo}
}

// orderOf finds or makes the order of an event. One that is older than the
// lookback is not remembered any more.
func (s *shard) orderOf(id uint32, b *event.Batch, row int) uint32 {
	name := b.Text(event.OrderID, row)
	if len(name) == 0 {
		s.id = event.AppendMessageID(s.id[:0], b, row, s.turn.Origins)
		name = s.id
	}
	h := s.turn.Hasher.Sum(event.TagOrder, name)
	if o := s.find(id, h); o != 0 {
		if s.orders.At(o).at >= s.since() {
			return o
		}
		s.dropOrders(id, s.since())
	}
	o := s.orders.Alloc()
	e := s.orders.Mut(o)
	e.id, e.at = h, b.Time(row)
	e.texts = s.repack(0, name)
	s.addOrder(id, o)
	return o
}

func (s *shard) find(id uint32, order event.Hash) uint32 {
	o, ok := s.byOrder.Find(orderKey(s.profiles.KeyAt(id), order))
	if !ok {
		return 0
	}
	return *o
}

// addOrder puts a new order at the end of the profile's list. Over ordersMax
// the first goes.
func (s *shard) addOrder(id, o uint32) {
	p := s.profiles.MutAt(id)
	if p.count == ordersMax {
		s.removeOrder(id, 0)
		s.turn.Count.Evicted++
	}
	if p.latest == 0 {
		p.orders = o
	} else {
		s.orders.Mut(p.latest).next = o
	}
	p.latest = o
	p.count++
	v, _ := s.byOrder.Put(orderKey(s.profiles.KeyAt(id), s.orders.At(o).id))
	*v = o
}

// ordersMax is the number of orders remembered per profile: a card that is
// used for everybody must not grow without bound.
const ordersMax = 4096

// removeOrder frees the order behind another one in the profile's list, the
// first for 0.
func (s *shard) removeOrder(id, before uint32) {
	p := s.profiles.MutAt(id)
	at := &p.orders
	if before != 0 {
		at = &s.orders.Mut(before).next
	}
	o := *at
	e := s.orders.At(o)
	*at = e.next
	if p.latest == o {
		p.latest = before
	}
	p.count--
	s.byOrder.Delete(orderKey(s.profiles.KeyAt(id), e.id))
	for l := e.lines; l != 0; {
		next := s.lines.At(l).next
		s.freeLine(l)
		l = next
	}
	s.arena.Free(e.texts)
	s.orders.Free(o)
}

// dropOrders frees the orders before a time.
func (s *shard) dropOrders(id uint32, before int64) {
	last := uint32(0)
	for o := s.profiles.At(id).orders; o != 0; {
		e := s.orders.At(o)
		next := e.next
		if e.at < before {
			s.removeOrder(id, last)
		} else {
			last = o
		}
		o = next
	}
}

func (s *shard) freeLine(l uint32) {
	e := s.lines.Mut(l)
	for i := range e.levels {
		s.clear(&e.levels[i])
	}
	s.arena.Free(e.texts)
	s.lines.Free(l)
}

// lineOf finds or makes the order's line of a product, evaluated.
func (s *shard) lineOf(p *profile, o uint32, x purchase) uint32 {
	e := s.orders.Mut(o)
	name := x.product
	if len(name) == 0 {
		name = x.sku
	}
	h := s.textHash(name)
	l := s.lineNamed(e, h)
	if l == 0 {
		l = s.lines.Alloc()
		m := s.lines.Mut(l)
		if m.name = h; len(x.product) > 0 {
			m.product = h
		}
		m.texts = s.repack(0, name, nil, nil)
		m.next, e.lines = e.lines, l
	} else if m := s.lines.At(l); m.sku != 0 || len(x.sku) == 0 {
		if m.category != 0 || len(x.category) == 0 {
			return l
		}
	}
	// New, or known better now.
	m := s.lines.Mut(l)
	sku, category := x.sku, x.category
	if m.sku != 0 {
		sku = unpack(s.arena.Get(m.texts), lineSKU)
	}
	if m.category != 0 {
		category = unpack(s.arena.Get(m.texts), lineCategory)
	}
	m.sku, m.category = s.textHash(sku), s.categories.hash(s, category)
	m.texts = s.repack(m.texts, unpack(s.arena.Get(m.texts), lineProduct), sku, category)
	if e.known {
		s.evaluate(p, e, m)
	}
	return l
}

func (s *shard) lineNamed(e *order, name uint64) uint32 {
	for l := e.lines; l != 0; l = s.lines.At(l).next {
		if s.lines.At(l).name == name {
			return l
		}
	}
	return 0
}

// refundRow folds Order Refunded and Order Cancelled.
func (s *shard) refundRow(id uint32, b *event.Batch, row int) {
	if len(b.Text(event.OrderID, row)) == 0 {
		return
	}
	o := s.orderOf(id, b, row)
	e := s.orders.Mut(o)
	isNamed := len(b.Text(event.ProductID, row)) > 0 || b.Head[row].ItemCount > 0
	switch amount := b.Num(event.Amount, row); {
	case b.Name[row] == event.OrderCancelled, !isNamed && amount == event.Absent:
		e.refunded = true
	case !isNamed:
		e.refund += amount
	default:
		for _, x := range s.purchases(b, row) {
			s.refundLine(s.lines.Mut(s.lineOf(s.profiles.At(id), o, x)), x)
		}
	}
	s.writeOrder(id, e)
}

// refundLine takes what a refund names of a product: units, an amount, both,
// or, with neither, all of it.
func (s *shard) refundLine(m *line, x purchase) {
	switch {
	case x.quantity == event.Absent && x.revenue == event.Absent:
		m.refunded = true
	case x.revenue == event.Absent:
		m.refundedUnits += x.quantity
	default:
		m.refundedQuantity += orElse(x.quantity, 0)
		m.refundedRevenue += x.revenue
	}
}

// unknownOrder writes the rows of an order event that has neither profile nor
// order id; nothing is remembered of it.
func (s *shard) unknownOrder(b *event.Batch, row int) {
	id, _ := s.profiles.PutID(flat.Key{Hi: b.Message[row].Hi, Lo: b.Message[row].Lo})
	s.profiles.MutAt(id).dropped = math.MinInt64
	s.nobody = true
	s.orderRow(id, b, row)
	s.nobody = false
	s.forget(id)
	s.profiles.DeleteID(id)
}
