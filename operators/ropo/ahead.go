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
	for i := range rows {
		if kinds[rows[i].Name] == other {
			continue
		}
		b, row := rows[i].At()
		flat.Touch(&b.Head[row])
		flat.Touch(&b.Profile[row])
		event.TouchColumns(b, row, read)
		if rows[i].Name == event.OrderCompleted {
			event.TouchColumns(b, row, ordered)
		}
	}
	for i := range rows {
		b, row := rows[i].At()
		a.kinds[i] = s.op.kind(b, row, rows[i].Name)
		if a.kinds[i] == other {
			continue
		}
		a.place[i], a.keys[n] = uint8(n), flat.Key(b.Profile[row])
		n++
		for _, c := range read {
			flat.TouchBytes(b.Text(c, row))
		}
	}
	s.profiles.IDs(a.keys[:n], a.ids[:])
	for _, id := range a.ids[:n] {
		if id == 0 {
			continue
		}
		p := s.profiles.At(id)
		s.touches.Touch(p.newest)
		s.orders.Touch(p.latest)
	}
}

// read are the columns that touches are made of, apart from the head.
var read = []event.Column{event.MessageID, event.Category, event.Channel, event.DeviceType, event.Campaign}

// ordered are those that orders are made of, besides.
var ordered = []event.Column{event.OrderID, event.ProductID, event.SKU, event.Quantity, event.Price, event.Amount, event.Currency,
	event.StoreID, event.Fulfilment}
