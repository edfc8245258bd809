package ropo

import (
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// aheadRows is how many rows are looked at before they are folded.
const aheadRows = 32

// ahead is what was found out about the rows to be folded next. Ids are but
// hints: folding one of the rows may change what the next ones find.
type ahead struct {
	kinds [aheadRows]rowKind
	place [aheadRows]uint8 // of the row's profile in keys and ids
	keys  [aheadRows]flat.Key
	ids   [aheadRows]uint32
}

// lookAhead judges the rows and touches what folding them will read, so that the
// waits for memory of different rows overlap.
func (s *shard) lookAhead(rows []event.Row) {
	a, n := &s.ahead, 0
	event.Touch(rows, read)
	for i, r := range rows {
		b, row := r.At()
		a.kinds[i] = s.op.kind(b, row)
		if a.kinds[i] == other {
			continue
		}
		a.place[i], a.keys[n] = uint8(n), flat.Key(b.Profile[row])
		n++
		for _, c := range read[:texts] {
			flat.TouchBytes(b.Text(c, row))
		}
	}
	s.profiles.IDs(a.keys[:n], a.ids[:])
	for _, id := range a.ids[:n] {
		if id == 0 {
			continue
		}
		p := s.profiles.At(id)
		s.arena.Touch(p.touches, max(0, int(p.held)-1)*touchBytes)
		s.orders.Touch(p.newest)
	}
}

// texts is how many of the columns in read have a text of their own in each row.
const texts = 5

// read are the columns that touches and most orders are made of.
var read = []event.Column{event.MessageID, event.ProductID, event.SKU, event.Category, event.OrderID,
	event.Channel, event.DeviceType, event.Campaign}
