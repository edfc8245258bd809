package sessions

import (
	"touchstream/pipeline/cart"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// aheadRows is how many rows are looked at before they are folded.
const aheadRows = 32

// ahead is what was found out about the rows to be folded next. It is but a
// hint: folding one of them may change what the next ones find.
type ahead struct {
	keys [aheadRows]flat.Key
	ids  [aheadRows]uint32 // of their devices, 0: none
}

// lookAhead touches what folding the rows, and the timers between them, will
// read. A row's reads depend on one another, those of different rows do not:
// each round of them waits for memory but once.
func (h *shard) lookAhead(rows []event.Row) {
	a := &h.ahead
	until := rows[len(rows)-1].Eff
	h.closing.Ahead(until, func(timer uint32) { h.sessions.Touch(timer >> 1) })
	for i := range rows {
		b, row := rows[i].At()
		head := &b.Head[row]
		a.keys[i] = flat.Key(head.Device)
		flat.TouchBytes(b.Bytes(head.Page))
		if cart.IsChange(rows[i].Name) {
			touchGoods(b, row, head)
		}
	}
	h.devices.IDs(a.keys[:len(rows)], a.ids[:])
	for i, id := range a.ids[:len(rows)] {
		if id != 0 {
			if newest := h.devices.At(id).newest; newest != 0 {
				h.sessions.Touch(newest)
				continue
			}
		}
		b, row := rows[i].At()
		flat.Touch(&b.Message[row])
		event.TouchColumns(b, row, opening)
	}
	h.closing.Ahead(until, func(timer uint32) {
		if s := h.sessions.At(timer >> 1); s.is(isDirty) {
			h.touchBlobs(s)
			h.arena.Touch(s.texts, 0)
			h.devices.Touch(s.device)
		}
	})
	for i, id := range a.ids[:len(rows)] {
		if id != 0 {
			if newest := h.devices.At(id).newest; newest != 0 {
				h.touchBlobs(h.sessions.At(newest))
				continue
			}
		}
		b, row := rows[i].At()
		for _, c := range opening {
			flat.TouchBytes(b.Text(c, row))
		}
	}
}

// touchRows asks for what every row is asked for first, long before lookAhead
// reads it.
func touchRows(rows []event.Row) {
	for i := range rows {
		b, row := rows[i].At()
		flat.Touch(&b.Head[row])
		flat.Touch(&b.Profile[row])
		if cart.IsChange(rows[i].Name) {
			event.TouchColumns(b, row, traded)
		}
	}
}

func (h *shard) touchBlobs(s *session) {
	h.arena.Touch(s.recent, 0)
	if s.trade != 0 {
		h.trades.Touch(s.trade)
	}
}

// touchGoods asks for what a change of a cart names.
func touchGoods(b *event.Batch, row int, head *event.Head) {
	flat.TouchBytes(b.Text(event.ProductID, row))
	flat.TouchBytes(b.Text(event.Currency, row))
	if head.ItemCount > 0 {
		flat.TouchBytes(b.ItemText(event.ProductID, int(head.ItemFirst)))
	}
}

// opening are the columns that an event which opens a session is asked for.
var opening = []event.Column{event.Channel, event.Referrer, event.Campaign, event.DeviceType, event.Country, event.City,
	event.StoreID, event.AnonymousID}

// traded are the columns that a change of a cart is asked for.
var traded = []event.Column{event.ProductID, event.Price, event.Quantity, event.Currency, event.Amount, event.OrderID}
