package sessions

import (
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

// lookAhead touches what folding the rows will read. A row's reads depend on one
// another, those of different rows do not: each round of them waits for memory
// but once.
func (h *shard) lookAhead(rows []event.Row) {
	a := &h.ahead
	event.Touch(rows, read)
	for i, r := range rows {
		b, row := r.At()
		flat.Touch(&b.Flags[row])
		flat.Touch(&b.Ident[event.IdentUser][row])
		flat.Touch(&b.Ident[event.IdentLoyalty][row])
		a.keys[i] = flat.Key(b.Device[row])
	}
	for _, r := range rows {
		b, row := r.At()
		flat.TouchBytes(b.Text(event.PagePath, row))
		flat.TouchBytes(b.Text(event.ProductID, row))
	}
	h.devices.IDs(a.keys[:len(rows)], a.ids[:])
	for _, id := range a.ids[:len(rows)] {
		if id != 0 {
			h.sessions.Touch(h.devices.At(id).newest)
		}
	}
	for _, id := range a.ids[:len(rows)] {
		if id == 0 {
			continue
		}
		if newest := h.devices.At(id).newest; newest != 0 {
			s := h.sessions.At(newest)
			h.arena.Touch(s.exit, 0)
			h.arena.Touch(s.products, 0)
			if s.trade != 0 {
				h.trades.Touch(s.trade)
			}
		}
	}
}

// read are the columns that most events have and every fold reads.
var read = []event.Column{event.PagePath, event.ProductID, event.SKU}
