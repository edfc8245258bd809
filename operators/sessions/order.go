package sessions

import (
	"unsafe"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// ordersMax is the number of orders that a session tells apart: per order one
// entry for its lines in each currency and one for it as a whole.
const ordersMax = 4096

const orderBytes = int(unsafe.Sizeof(order{}))

// order is what a session knows of an order's lines in one currency, or of the
// order as a whole.
type order struct {
	key      uint64 // hash of order_id, or of the message
	at       int64  // of the earliest event
	amount   int64  // event.Absent: none known
	currency uint32 // hash, 0: none
	isWhole  uint32
}

// addOrder takes an Order Completed.
func (h *shard) addOrder(t *pipeline.Turn, s *session, tr *trade, b *event.Batch, row int, cur uint32) {
	o := order{at: b.Time(row), amount: b.Num(event.Amount, row), currency: cur}
	if id := b.Text(event.OrderID, row); len(id) > 0 {
		o.key = t.Hasher.Sum(event.TagOrder, id).Lo
	} else {
		o.key = b.Message[row].Lo
	}
	if len(b.Text(event.ProductID, row)) == 0 {
		o.isWhole = 1
	}
	h.putOrder(s, tr, &o)
}

// putOrder joins an order with what the session knows of it.
func (h *shard) putOrder(s *session, tr *trade, o *order) {
	all := flat.Of[order](h.arena.Mut(tr.orders))
	isNew := true
	for i := len(all) - 1; i >= 0; i-- {
		x := &all[i]
		if x.key != o.key {
			continue
		}
		isNew = false
		switch {
		case x.isWhole != o.isWhole:
		case x.isWhole == 1:
			if o.at < x.at {
				*x = *o
			}
			return
		case x.currency == o.currency:
			x.at = min(x.at, o.at)
			x.amount = sum(x.amount, o.amount)
			return
		}
	}
	if len(all) == ordersMax {
		s.marks |= isCapped
		return
	}
	tr.orders = h.arena.Resize(tr.orders, tr.orders.Len()+orderBytes)
	flat.Of[order](h.arena.Mut(tr.orders))[len(all)] = *o
	if isNew {
		tr.orderCount++
	}
}

// revenue adds up the amounts in the session's currency.
func (h *shard) revenue(t *pipeline.Turn, tr *trade, currency []byte) int64 {
	if tr.orders == 0 {
		return 0
	}
	key := currencyKey(t, currency)
	total := int64(0)
	for _, o := range flat.Of[order](h.arena.Get(tr.orders)) {
		if o.amount != event.Absent && (o.currency == 0 || o.currency == key) {
			total += o.amount
		}
	}
	return total
}

// sum adds amounts of which one may be absent.
func sum(a, b int64) int64 {
	if a == event.Absent {
		return b
	}
	if b == event.Absent {
		return a
	}
	return a + b
}
