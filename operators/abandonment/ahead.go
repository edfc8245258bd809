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
// folding them, and the timers between them, will read, so that the waits for
// memory of different rows overlap, and returns their number and the rest.
func (h *shard) lookAhead(rows []event.Row) (n int, rest []event.Row) {
	a := &h.ahead
	for ; len(rows) > 0 && n < aheadRows; rows = rows[1:] {
		if roleOf(rows[0].Name) == noRole {
			continue
		}
		a.rows[n] = rows[0]
		n++
		b, row := rows[0].At()
		flat.Touch(&b.Head[row])
		flat.Touch(&b.Profile[row])
		event.TouchColumns(b, row, read)
		if cart.IsChange(rows[0].Name) {
			event.TouchColumns(b, row, traded)
		}
	}
	if n == 0 {
		return 0, nil
	}
	until := a.rows[n-1].Eff
	h.due.Ahead(until, h.episodes.Touch)
	n = h.keepKnown(n)
	for i := range a.rows[:n] {
		b, row := a.rows[i].At()
		for _, c := range read {
			flat.TouchBytes(b.Text(c, row))
		}
	}
	h.profiles.IDs(a.keys[:n], a.ids[:])
	for i, id := range a.ids[:n] {
		b, row := a.rows[i].At()
		if h.mayName(id, a.rows[i].Name) {
			event.TouchColumns(b, row, naming)
		}
		if id == 0 {
			continue
		}
		p := h.profiles.At(id)
		h.episodes.Touch(p.newest)
		if cart.IsChange(a.rows[i].Name) {
			h.arena.Touch(p.goods, 0)
		}
	}
	h.due.Ahead(until, func(id uint32) {
		if h.episodes.Live(id) {
			e := h.episodes.At(id)
			h.profiles.Touch(e.profile)
			h.arena.Touch(e.texts, 0)
			h.arena.Touch(e.viewed, 0)
		}
	})
	for i, id := range a.ids[:n] {
		h.touchBlobs(&a.rows[i], id)
	}
	return n, rows
}

// touchBlobs asks for what lies apart from the profile's episode, or for the
// message that opens or closes one.
func (h *shard) touchBlobs(r *event.Row, id uint32) {
	b, row := r.At()
	if h.mayName(id, r.Name) {
		flat.TouchBytes(b.Text(event.MessageID, row))
	}
	if id == 0 || h.profiles.At(id).newest == 0 {
		return
	}
	switch e := h.episodes.At(h.profiles.At(id).newest); {
	case roleOf(r.Name) == browseRole:
		h.arena.Touch(e.viewed, 0)
	case e.isForm() || len(b.Text(event.CartID, row)) > 0:
		h.arena.Touch(e.texts, 0)
	}
}

// mayName reports whether an event of a profile, 0: a new one, may open or close
// an episode, which keeps the message that did.
func (h *shard) mayName(id uint32, name event.Name) bool {
	return id == 0 || h.profiles.At(id).newest == 0 || name == event.OrderCompleted
}

// keepKnown keeps those of the first n rows that have a profile.
func (h *shard) keepKnown(n int) (kept int) {
	a := &h.ahead
	for i := range a.rows[:n] {
		b, row := a.rows[i].At()
		if profile := b.Profile[row]; !profile.IsZero() {
			a.rows[kept], a.keys[kept] = a.rows[i], flat.Key(profile)
			kept++
		}
	}
	return kept
}

// read are the columns that most activity is made of.
var read = []event.Column{event.ProductID, event.SKU, event.CartID}

// naming is what an event which opens or closes an episode is asked for, besides.
var naming = []event.Column{event.MessageID}

// traded are the columns that a change of a cart is asked for, besides.
var traded = []event.Column{event.Price, event.Quantity, event.Currency, event.Amount, event.OrderID}
