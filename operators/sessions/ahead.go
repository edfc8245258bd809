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
	// sum keeps the reads from being left out by the compiler.
	sum uint64
}

// lookAhead touches what folding the rows will read. A row's reads depend on one
// another, those of different rows do not: each round of them waits for memory
// but once.
func (h *shard) lookAhead(rows []event.Row) {
	a := &h.ahead
	for i, r := range rows {
		b, row := r.At()
		a.keys[i] = flat.Key(b.Device[row])
		a.sum += uint64(firstByte(b.Text(event.PagePath, row))) + uint64(firstByte(b.Text(event.ProductID, row)))
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
			a.sum += uint64(firstByte(h.arena.Get(s.exit))) + uint64(firstByte(h.arena.Get(s.products)))
		}
	}
}

func firstByte(s []byte) byte {
	if len(s) == 0 {
		return 0
	}
	return s[0]
}
