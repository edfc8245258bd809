package abandonment

import (
	"touchstream/pipeline/cart"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// aheadRows is how many rows are looked at before they are folded.
const aheadRows = 32

// ahead is what was found out about the rows to be folded next. Ids are but
// hints: folding one of the rows may change what the next ones find.
type ahead struct {
	rows [aheadRows]event.Row // those of a role and a profile
	keys [aheadRows]flat.Key
	ids  [aheadRows]uint32
}

// lookAhead takes the first rows that matter, as many as have room, touches what
// folding them will read, so that the waits for memory of different rows
// overlap, and returns their number and the rest.
func (h *shard) lookAhead(rows []event.Row) (n int, rest []event.Row) {
	a := &h.ahead
	for i := range rows[:min(len(rows), aheadRows)] {
		if roleOf(rows[i].Name) == noRole {
			continue
		}
		b, row := rows[i].At()
		flat.Touch(&b.Head[row])
		flat.Touch(&b.Profile[row])
		event.TouchColumns(b, row, read)
		if cart.IsChange(rows[i].Name) {
			event.TouchColumns(b, row, traded)
		}
	}
	for ; len(rows) > 0 && n < aheadRows; rows = rows[1:] {
		if roleOf(rows[0].Name) == noRole {
			continue
		}
		b, row := rows[0].At()
		if b.Profile[row].IsZero() {
			continue
		}
		a.rows[n], a.keys[n] = rows[0], flat.Key(b.Profile[row])
		n++
		for _, c := range read {
			flat.TouchBytes(b.Text(c, row))
		}
	}
	h.profiles.IDs(a.keys[:n], a.ids[:])
	for _, id := range a.ids[:n] {
		if id != 0 {
			p := h.profiles.At(id)
			h.episodes.Touch(p.newest)
			h.arena.Touch(p.cart, 0)
		}
	}
	for _, id := range a.ids[:n] {
		if id == 0 {
			continue
		}
		if newest := h.profiles.At(id).newest; newest != 0 {
			e := h.episodes.At(newest)
			h.arena.Touch(e.viewed, 0)
			h.arena.Touch(e.texts[cartID], 0)
		}
	}
	return n, rows
}

// read are the columns that most activity is made of.
var read = []event.Column{event.MessageID, event.ProductID, event.SKU, event.CartID}

// traded are the columns that a change of a cart is asked for, besides.
var traded = []event.Column{event.Price, event.Quantity, event.Currency, event.Amount, event.OrderID}
