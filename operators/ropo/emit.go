package ropo

import (
	"bytes"
	"math/bits"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
)

// writeChanged writes the rows of the profile's orders that changed.
func (s *shard) writeChanged(id uint32) {
	for o := s.profiles.At(id).orders; o != 0; o = s.orders.At(o).next {
		if s.orders.At(o).changed {
			s.writeOrder(id, s.orders.Mut(o))
		}
	}
}

// writeOrder writes the rows of all lines of an order that changed.
func (s *shard) writeOrder(id uint32, e *order) {
	e.changed = false
	if !e.known {
		return
	}
	owner := event.Hash{}
	if !s.nobody {
		key := s.profiles.KeyAt(id)
		owner = event.Hash{Hi: key.Hi, Lo: key.Lo}
	}
	r := s.refundOf(e)
	for l := e.lines; l != 0; l = s.lines.At(l).next {
		s.write(owner, e, s.lines.Mut(l), r, l)
	}
}

// refund is how an amount that names no product is spread over the order.
type refund struct {
	amount, total int64
	all           bool
	rest          int64  // what rounding leaves
	last          uint32 // line that takes it
}

func (l *line) gross() (quantity, revenue int64) {
	return l.quantity + l.wholeQuantity, l.revenue + l.wholeRevenue
}

// refundOf spreads the order's refund by revenue; the line with the greatest
// product takes the remainder.
func (s *shard) refundOf(e *order) refund {
	r := refund{amount: e.refund, all: e.refunded}
	if r.amount <= 0 || r.all {
		return r
	}
	var greatest []byte
	for l := e.lines; l != 0; l = s.lines.At(l).next {
		_, revenue := s.lines.At(l).gross()
		if revenue <= 0 {
			continue
		}
		r.total += revenue
		if name := unpack(s.arena.Get(s.lines.At(l).texts), lineProduct); r.last == 0 || bytes.Compare(name, greatest) > 0 {
			r.last, greatest = l, name
		}
	}
	if r.all = r.total > 0 && r.amount >= r.total; r.all {
		return r
	}
	r.rest = r.amount
	for l := e.lines; l != 0; l = s.lines.At(l).next {
		_, revenue := s.lines.At(l).gross()
		r.rest -= proportion(r.amount, revenue, r.total)
	}
	return r
}

// net is what is left of a line after refunds.
func (l *line) net(r refund, id uint32) (quantity, revenue int64, isRefunded bool) {
	units, gross := l.gross()
	if r.all || l.refunded {
		return 0, 0, true
	}
	revenue = gross - l.refundedRevenue - proportion(gross, l.refundedUnits, units) - proportion(r.amount, gross, r.total)
	if id == r.last {
		revenue -= r.rest
	}
	back := l.refundedQuantity + l.refundedUnits
	quantity = units - back
	if back > 0 && quantity <= 0 || revenue < gross && revenue <= 0 {
		return 0, 0, true
	}
	return quantity, revenue, false
}

// proportion is amount × part ÷ whole, rounded down, for part ≤ whole; nothing
// of what is not positive.
func proportion(amount, part, whole int64) int64 {
	if amount <= 0 || part <= 0 || whole <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(amount), uint64(min(part, whole)))
	q, _ := bits.Div64(hi, lo, uint64(whole))
	return int64(q)
}

// write writes the line's row unless it says what the newest one said.
func (s *shard) write(owner event.Hash, e *order, m *line, r refund, l uint32) {
	if !m.isPresent() && m.revision == 0 {
		return
	}
	out := s.turn.Out(0)
	from := out.N
	quantity, revenue, isRefunded := m.net(r, l)
	if !m.isPresent() {
		quantity, revenue, isRefunded = 0, 0, false
	}
	s.put(out, owner, e, m)
	out.Money(quantity)
	out.Money(revenue)
	out.Text(unpack(s.arena.Get(e.texts), orderCurrency))
	out.Flag(isRefunded)
	out.Flag(e.capped)
	out.Int(0)
	out.Flag(!m.isPresent())
	out.End()
	digest := s.digest(out, from)
	if m.revision > 0 && digest == m.digest {
		out.Truncate(from)
		return
	}
	if m.revision > 0 {
		s.turn.Count.Revisions++
	}
	m.digest = digest
	m.revision++
	out.Cols[revisionColumn].I64[from] = int64(m.revision)
}

var revisionColumn = Table.Column("revision")

// digest sums up a row but for its revision, which is still 0.
func (s *shard) digest(out *schema.Rows, row int) uint64 {
	b := s.written[:0]
	for i := range out.Cols {
		c := &out.Cols[i]
		if len(c.Str) > row {
			b = append(append(b, out.Bytes(c.Str[row])...), 0)
		}
		if len(c.I64) > row {
			v := c.I64[row]
			b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56))
		}
	}
	s.written = b
	return s.turn.Hasher.Sum(event.TagFact, b).Lo
}

// put writes the row's columns before quantity.
func (s *shard) put(out *schema.Rows, profile event.Hash, o *order, l *line) {
	var hex [32]byte
	v, level := &nothing, ""
	if best := l.best(); best >= 0 {
		v, level = &l.levels[best], levelNames[best]
	}
	direction := direction(profile, o, level != "")
	if direction == "unknown" {
		v, level = &nothing, ""
	}
	texts, names := s.arena.Get(o.texts), s.arena.Get(l.texts)
	first, last := s.arena.Get(v.firstTexts), s.arena.Get(v.lastTexts)
	out.Begin()
	out.Text(unpack(texts, orderID))
	out.Text(unpack(names, lineProduct))
	out.Text(profile.AppendHex(hex[:0]))
	out.String(direction)
	out.Text(unpack(texts, orderChannel))
	out.String(level)
	out.Text(unpack(names, lineCategory))
	out.Text(unpack(texts, orderStore))
	out.Time(o.at)
	out.Text(unpack(last, touchChannel))
	out.Text(unpack(last, touchDevice))
	out.Text(unpack(first, touchCampaign))
	out.Text(unpack(last, touchCampaign))
	firstAt, lastAt, lag := int64(event.Absent), int64(event.Absent), int64(event.Absent)
	if v.touches > 0 {
		firstAt, lastAt, lag = v.first, v.last, o.at-v.last
	}
	out.Time(firstAt)
	out.Time(lastAt)
	out.Int(int64(v.touches))
	out.Int(int64(len(flat.Of[int32](s.arena.Get(v.days)))))
	out.Int(lag)
	for f := lagInStore; f <= lag7dPlus; f <<= 1 {
		out.Flag(v.lags&f != 0)
	}
}

// nothing is the level of lines that match nothing.
var nothing level
